"""A tab that reconnects after its Streamlit session is gone is drawn again and keeps its input."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import browser_users
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-reconnection")]
SOON = 60_000
SCRIPT = """
import os

import streamlit as st

st.title("Shop")
note = st.text_input("Note", key="note")
st.markdown(f"process {os.getpid()} has {note}")
"""


def test_after_a_restart_the_page_is_drawn_again_with_its_input(tmp_path: Path, browser: Browser) -> None:
    script = tmp_path / "notes.py"
    script.write_text(SCRIPT)
    with Stack(tmp_path, script=script) as stack, browser_users(browser, stack) as new_user:
        user = new_user()
        user.open()
        field = user.page.get_by_label("Note", exact=True)
        field.fill("to be kept")
        field.press("Enter")
        drawn = user.page.get_by_text("has to be kept")
        expect(drawn).to_be_visible(timeout=SOON)
        before = drawn.inner_text()
        field.fill("to be kept, and typed on")
        user.page.evaluate("window.stays = true")
        stack.stop("app")
        stack.start_app()
        expect(drawn).not_to_have_text(before, timeout=SOON)
        expect(field).to_have_value("to be kept, and typed on")
        assert user.page.evaluate("window.stays") is True, "the page was loaded again"
