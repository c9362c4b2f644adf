"""A page with a form, public or, with ``PROTECTED``, for authenticated users. Its input is kept as a draft."""

import os
from pathlib import Path

import streamlit as st

from app import access, drafts, panels, sidebar
from app.core.errors import Unauthenticated
from app.services import services

drafts.restore()
drafts.capture()
st.navigation([st.Page(lambda: None, title="Notes", url_path="notes", default=True)], position="hidden")
st.title("Notes")
try:
    session = access.current_session()
except Unauthenticated as error:
    panels.sign_in(error)
    st.stop()
if session is not None:
    with st.sidebar:
        sidebar.account(access.principal(), session, [], lifetimes=services().sessions.lifetimes)

elif "PROTECTED" in os.environ:
    panels.sign_in()
    st.stop()

drafts.keep("title", "notes")
st.text_input("Title", key="title")
with st.form("form"):
    st.text_area("What you noted", key="notes")
    submitted = st.form_submit_button("Send")
if panels.may_submit(key="send", submitted=submitted):
    with Path(os.environ["SENT"]).open("a", encoding="utf-8") as file:
        file.write(f"{st.session_state['title']}: {st.session_state['notes']}\n")
    st.success("Your notes were sent.")
