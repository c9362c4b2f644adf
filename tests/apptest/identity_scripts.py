"""Scripts of one call each, run by a user with some roles, for tests of who the caller is."""

from __future__ import annotations

import textwrap

from streamlit.testing.v1 import AppTest

from app import testing

SCRIPT = """
import asyncio
import functools
import threading

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from app import access, api_client, drafts
from app.core.permissions import Permission

{code}

try:
    st.session_state["answer"] = {call}
except Exception as error:
    st.session_state["error"] = f"{{type(error).__name__}}: {{error}}"
"""


def run(code: str, call: str, *roles: str, anonymous: bool = False) -> AppTest:
    """Run a script as a user with these roles; the state has the result of ``call`` or the error that it raises."""
    at = AppTest.from_string(SCRIPT.format(code=textwrap.dedent(code), call=call), default_timeout=60)
    testing.make_anonymous(at)
    if not anonymous:
        testing.sign_in_as(at, roles=roles)
    at.run()
    return at


def error(at: AppTest) -> str:
    assert "answer" not in at.session_state, at.session_state["answer"]
    return str(at.session_state["error"])
