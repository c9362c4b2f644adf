"""The page of most tests of app processes: a widget of each kind, and a trace of every function that ran."""

from __future__ import annotations

SCRIPT = """
import contextlib
import os
import pathlib
import time

import streamlit as st

from app import access
from app.core.permissions import Permission

TRACES = pathlib.Path(os.environ["TRACES"])


def trace(name):
    with TRACES.open("a") as file:
        file.write(name + "\\n")


@contextlib.contextmanager
def loop(name):
    try:
        yield
    finally:
        with TRACES.with_name("ended").open("a") as file:
            file.write(name + "\\n")


@access.requires(Permission.EXPORT_REPORTS)
def guarded(name):
    trace(name)
    return "the report"


def unguarded(name):
    trace(name)
    return "the report"


@st.fragment
def part():
    if st.button("fragment", key="fragment"):
        trace("fragment")


st.text_input("draft", key="draft")
st.button("callback", key="callback", on_click=trace, args=("callback",))
if access.allows(Permission.EXPORT_REPORTS):
    st.button("protected", key="protected", on_click=trace, args=("protected",))
part()
if st.button("function", key="function"):
    guarded("function")
if st.button("work", key="work"):
    with loop("work"):
        for _ in range(100):
            guarded("step")
            time.sleep(0.05)
if st.button("drawing", key="drawing"):
    with loop("drawing"):
        for number in range(100):
            st.write(number)
            trace("drew")
            time.sleep(0.05)
st.download_button("export", data=access.bind_session(lambda: guarded("export")), key="export", on_click="ignore")
st.download_button("forgetful", data=lambda: unguarded("forgetful"), key="forgetful", on_click="ignore")
st.download_button("media", data=b"secret of " + str(st.user.get("iss_sub")).encode(), key="media")
user = access.principal()
st.markdown(st.query_params.get("text", ""))
st.markdown("may=" + str(access.allows(Permission.EXPORT_REPORTS)))
st.markdown("user=" + (user.name or "anonymous"))
"""
