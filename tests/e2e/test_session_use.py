"""What counts as use of a session, in a real browser: user input, but not runs that a component requests."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import BrowserUser
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-session-use")]
SOON = 20_000
# A component that requests a run every 300 ms, a frame with a button, and the sidebar of the front end collapsed.
SCRIPT = """
import streamlit as st

st.set_page_config(initial_sidebar_state="collapsed")
refresh = st.components.v2.component(
    "refresh",
    js='''// every 300 ms
export default ({ setStateValue }) => {
  let count = 0
  const timer = setInterval(() => setStateValue("count", ++count), 300)
  return () => clearInterval(timer)
}''',
)
st.title("Refreshed")
count = refresh(key="refresh", on_count_change=lambda: None).count or 0
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.text(f"run {'often' if st.session_state['runs'] > 5 else 'once'}")
st.components.v1.html("<button>Press in the frame</button>")
"""


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("theirs")
    Path(folder, "refreshed.py").write_text(SCRIPT)
    with Stack(tmp_path_factory.mktemp("use"), GATEHOUSE_APP=str(folder / "refreshed.py")) as started:
        yield started


def moved_back(stack: Stack, seconds: int) -> int:
    """Set the last use of all sessions to this time ago; returns it as stored."""
    with closing(sqlite3.connect(stack.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
        connection.execute("UPDATE sessions SET last_seen_at = ?", (int((time.time() - seconds) * 1e6),))
        connection.commit()
    return last_used(stack)


def last_used(stack: Stack) -> int:
    with closing(sqlite3.connect(stack.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
        return int(connection.execute("SELECT last_seen_at FROM sessions").fetchone()[0])


def test_user_input_counts_as_use_and_runs_of_a_component_do_not(browser: Browser, stack: Stack) -> None:
    context = browser.new_context()
    user = BrowserUser(context, stack)
    page = user.page
    user.open("/")
    page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    page.locator("button[name=person][value=eva]").click()
    expect(page.get_by_text("run often")).to_be_visible(timeout=SOON)
    before = moved_back(stack, 600)
    page.reload()
    expect(page.get_by_text("run often")).to_be_visible(timeout=SOON)
    assert last_used(stack) == before, "neither the runs of a component nor a page that is loaded again"
    with page.expect_response("**/auth/active") as reported:
        page.frame_locator("iframe").get_by_text("Press in the frame").click()
    assert reported.value.json()["authenticated"] is True
    assert last_used(stack) > before
    before = moved_back(stack, 600)
    page.reload()
    expect(page.get_by_text("run often")).to_be_visible(timeout=SOON)
    with page.expect_response("**/auth/active"):
        page.keyboard.press("ArrowDown")
    assert last_used(stack) > before
    context.close()
