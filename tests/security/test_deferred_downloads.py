"""Deferred downloads on a real server: a function that one user's run bound and an app keeps serves that user only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.app_processes import AppProcesses, app_processes

SCRIPT = """
import os
import pathlib

import streamlit as st
from streamlit import runtime
from streamlit.runtime.caching.cache_background_refresh import get_background_refresh_manager

from app import access
from app.core.permissions import Permission


@st.cache_resource
def kept():
    return {}


@access.requires(Permission.EXPORT_REPORTS)
def report():
    with pathlib.Path(os.environ["TRACES"]).open("a") as file:
        file.write(access.principal().name + "\\n")
    return "the report of " + access.principal().name


if st.query_params.get("text") == "keep":
    kept()["report"] = access.bind_session(report)
st.download_button("own", data=access.bind_session(report), key="own", on_click="ignore")
st.download_button("kept", data=lambda: kept()["report"](), key="kept", on_click="ignore")
process_calls = runtime.get_instance().dataframe_source_mgr.register_source, get_background_refresh_manager().submit
st.markdown("bound: " + str([call.__code__.co_name for call in process_calls]))
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("deferred"), script=SCRIPT, processes=1) as made:
        yield made


def test_a_function_bound_by_a_user_runs_in_downloads_of_that_user_only(app: AppProcesses) -> None:
    ann, bob, eve = app.sign_in("ann", "analyst"), app.sign_in("bob", "analyst"), app.sign_in("eve")
    with app.tab(ann) as first:
        first.open("text=keep")
        for user in (bob, eve, None):
            with app.tab(user) as other:
                other.open()
                assert other.download(other.files["kept"]) == ""
        assert app.traces == []
        address = first.download(first.files["kept"])
        assert app.request(address, ann).text == "the report of ann"
        assert app.traces == ["ann"]
    with app.tab(bob) as other:
        assert other.open() == ["bound: ['register_for_session', 'submit_as_cached']"]
        address = other.download(other.files["own"])
        assert app.request(address, bob).text == "the report of bob"
