"""A session that expires while its user is writing: locked by the overlay, resumed after a sign-in in a popup."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, WebSocketRoute, expect

from tests.e2e.conftest import NewUser, browser_users, require_fit, settle
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-expiry")]
IDLE_SECONDS = 600


class Writing:
    """The stack around the page of ``notes.py``, and its database."""

    def __init__(self, stack: Stack, sent: Path) -> None:
        self.stack = stack
        self._sent = sent

    @property
    def sent(self) -> list[str]:
        return self._sent.read_text().splitlines() if self._sent.exists() else []

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.stack.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
            return rows

    def expire(self, *, wake_tabs: bool = True) -> None:
        """Let every session pass its idle lifetime.

        Args:
            wake_tabs: Make the watcher recheck the tabs.
        """
        at = int((time.time() - IDLE_SECONDS - 1) * 1e6)
        self.sql("UPDATE sessions SET last_seen_at = ? WHERE ended_at IS NULL", at)
        if wake_tabs:
            self.sql("UPDATE policy SET sessions_ended = sessions_ended + 1")

    def refs(self) -> list[str]:
        return [str(row[0]) for row in self.sql("SELECT ref FROM sessions WHERE ended_at IS NULL ORDER BY id")]

    def audited(self, kind: str) -> int:
        (row,) = self.sql("SELECT count(*) FROM audit_events WHERE kind = ?", kind)
        return int(str(row[0]))


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    sent = tmp_path / "sent"
    script = ROOT / "tests" / "e2e" / "notes.py"
    with Stack(
        tmp_path, script=script, GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS), SENT=str(sent), PROTECTED="1"
    ) as stack:
        yield Writing(stack, sent)


@pytest.fixture
def new_user(browser: Browser, writing: Writing) -> Iterator[NewUser]:
    with browser_users(browser, writing.stack, height=800) as new_user:
        yield new_user


def overlay(page: Page) -> Locator:
    return page.locator(".st-key-expiry-overlay dialog")


def sign_in_again(page: Page, person: str, *, another: bool = False) -> None:
    """Press the overlay's button and finish in the popup, which closes itself."""
    if another:
        page.context.clear_cookies(name=re.compile("^auth0"))
    with page.expect_popup() as opened:
        overlay(page).get_by_role("button", name="Sign in again").click()
    popup = opened.value
    button = popup.locator(f"button[name=person][value={person}]")
    with suppress(Error):  # if the provider's session is still valid, the popup has closed already
        button.click(timeout=3_000)
    if not popup.is_closed():
        popup.wait_for_event("close", timeout=20_000)


def write(page: Page, title: str, notes: str) -> None:
    page.get_by_label("Title").fill(title)
    page.get_by_label("What you noted").fill(notes)
    settle(page)  # leaving the title field has requested a run


def test_input_survives_an_expiry_and_is_submitted_once(writing: Writing, new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada")
    page = user.page
    (ref,) = writing.refs()
    write(page, "Plan", "half a sentence")
    writing.expire(wake_tabs=False)
    page.get_by_role("button", name="Send").click()  # too late
    started = time.monotonic()
    expect(overlay(page)).to_be_visible(timeout=5_000)
    print(f"locked {time.monotonic() - started:.2f} s after a message that came too late")
    assert writing.sent == []
    # The page cannot be read, focused or pressed.
    assert page.locator("[data-testid=stMain]").evaluate("e => getComputedStyle(e).visibility") == "hidden"
    assert page.evaluate("document.activeElement.classList.contains('st-key-expiry-overlay')")
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("['st-key-expiry-overlay', ''].includes(document.activeElement.className)")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(overlay(page)).to_be_visible()
    assert "half a sentence" not in page.locator("body").aria_snapshot()
    user.shot("expiry-locked")
    sign_in_again(page, "ada")
    started = time.monotonic()
    expect(page.get_by_text("Your notes were sent.")).to_be_visible(timeout=10_000)
    print(f"the submit went through {time.monotonic() - started:.2f} s after the popup had closed")
    expect(overlay(page)).to_have_count(0)
    assert writing.sent == ["Plan: half a sentence"]
    assert page.get_by_label("Title").input_value() == "Plan"
    assert writing.refs() == [ref]  # the same session
    assert writing.audited("app:session:resume") == 1
    page.get_by_label("Title").fill("Plan B")
    page.get_by_label("Title").press("Enter")
    settle(page)
    assert writing.sent == ["Plan: half a sentence"]  # once
    user.shot("expiry-resumed")


def test_every_idle_tab_is_locked_and_resumed(writing: Writing, new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada")
    first, second = user.page, user.context.new_page()
    second.goto(user.stack.app_url)
    expect(second.locator(".st-key-account")).to_be_visible(timeout=20_000)
    write(first, "One", "typed in the first")
    second.get_by_label("What you noted").fill("typed in the second, not sent yet")
    started = time.monotonic()
    writing.expire()
    for page in (first, second):
        expect(overlay(page)).to_be_visible(timeout=5_000)
    print(f"two idle tabs locked after {time.monotonic() - started:.2f} s")
    sign_in_again(second, "ada")
    started = time.monotonic()
    for page in (first, second):
        expect(overlay(page)).to_have_count(0, timeout=10_000)
    print(f"both unlocked {time.monotonic() - started:.2f} s after the popup had closed")
    assert first.get_by_label("Title").input_value() == "One"
    assert first.get_by_label("What you noted").input_value() == "typed in the first"
    assert second.get_by_label("What you noted").input_value() == "typed in the second, not sent yet"
    second.get_by_role("button", name="Send").click()
    expect(second.get_by_text("Your notes were sent.")).to_be_visible(timeout=10_000)


def test_input_is_kept_when_the_message_to_unlock_is_not_drawn(writing: Writing, new_user: NewUser) -> None:
    """Streamlit merges draws: the next run may remove the overlay's element before the page is redrawn."""
    user = new_user()

    def drop_unlock(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if not isinstance(message, bytes) or b'"locked": false' not in message:
                socket.send(message)

        server.on_message(pass_on)

    user.page.route_web_socket(re.compile("/_stcore/stream"), drop_unlock)
    user.sign_in("ada")
    page = user.page
    write(page, "Plan", "half a sentence")
    writing.expire()
    expect(overlay(page)).to_be_visible(timeout=5_000)
    sign_in_again(page, "ada")
    expect(overlay(page)).to_have_count(0, timeout=10_000)
    assert page.get_by_label("Title").input_value() == "Plan"
    assert page.get_by_label("What you noted").input_value() == "half a sentence"


def test_another_user_gets_a_new_session_without_the_input(writing: Writing, new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada")
    page = user.page
    write(page, "Secret", "confidential text")
    writing.expire(wake_tabs=False)
    page.get_by_role("button", name="Send").click()
    expect(overlay(page)).to_be_visible(timeout=5_000)
    sign_in_again(page, "bruno", another=True)
    account = page.locator(".st-key-account")
    expect(account).to_contain_text("Bruno", timeout=20_000)
    expect(overlay(page)).to_have_count(0)
    assert page.get_by_label("Title").input_value() == ""
    assert page.get_by_label("What you noted").input_value() == ""
    assert "confidential" not in page.content()
    page.go_back()
    settle(page)
    assert "confidential" not in page.content()
    assert writing.sent == []
    assert writing.audited("app:session:resume") == 0
    user.shot("expiry-another-user")


def test_a_closed_or_blocked_popup_is_explained_on_the_overlay(writing: Writing, new_user: NewUser) -> None:
    user = new_user(dark=True, width=320, height=640)
    user.sign_in("ada")
    page = user.page
    write(page, "Plan", "half a sentence")
    writing.expire()
    expect(overlay(page)).to_be_visible(timeout=5_000)
    require_fit(page)
    user.shot("expiry-dark-320")
    page.context.clear_cookies(name=re.compile("^auth0"))  # otherwise the provider does not ask
    with page.expect_popup() as opened:
        overlay(page).get_by_role("button", name="Sign in again").click()
    opened.value.close()
    expect(overlay(page).get_by_role("status")).to_have_text("The window was closed.", timeout=5_000)
    page.evaluate("window.open = () => null")
    overlay(page).get_by_role("button", name="Sign in again").click()
    expect(overlay(page).get_by_role("status")).to_contain_text("did not let a window open")
    expect(overlay(page).get_by_role("link", name="Sign in in this tab")).to_be_visible()
    user.shot("expiry-blocked-popup")


def test_signing_out_on_the_overlay_ends_the_session(writing: Writing, new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada")
    writing.expire()
    page = user.page
    overlay(page).get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible(timeout=20_000)
    assert writing.refs() == []
