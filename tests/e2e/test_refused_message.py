"""A message with too much JSON in its texts, in a browser: the user is informed, and the reloaded page works."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import browser_users
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-refused-message")]
SOON = 60_000
SCRIPT = """
import streamlit as st

st.title("Shop")
note = st.text_area("Note", key="note")
st.markdown(f"{len(note)} characters")
"""


def test_the_user_is_asked_to_reload_the_page_which_then_works(tmp_path: Path, browser: Browser) -> None:
    script = tmp_path / "notes.py"
    script.write_text(SCRIPT)
    with Stack(tmp_path, script=script) as stack, browser_users(browser, stack) as new_user:
        user = new_user()
        user.open()
        field = user.page.get_by_label("Note", exact=True)
        field.fill("[" + "[]," * 40_000 + "[]]")
        field.press("Control+Enter")
        dialog = user.page.get_by_role("dialog")
        expect(dialog).to_contain_text("sent too many values at once, and they were not accepted", timeout=SOON)
        expect(dialog).to_contain_text("Load the page again, and send less.")
        user.shot("message-refused")
        user.page.reload()
        field.fill("less")
        field.press("Control+Enter")
        expect(user.page.get_by_text("4 characters")).to_be_visible(timeout=SOON)
        expect(dialog).to_have_count(0)
