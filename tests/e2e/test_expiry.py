"""A session that expires while somebody is writing: covered, signed in again in a popup, gone on with, once."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, WebSocketRoute, expect

from tests.e2e.conftest import Arrive, arrivals
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-expiry")]
IDLE_SECONDS = 600


class Writing:
    """The stack around the page for writing, and a hand in its database."""

    def __init__(self, stack: Stack, sent: Path) -> None:
        self.stack = stack
        self._sent = sent

    @property
    def sent(self) -> list[str]:
        return self._sent.read_text().splitlines() if self._sent.exists() else []

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.stack.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found

    def expire(self, *, tell: bool = True) -> None:
        """Everybody was here last too long ago; the tabs look, or do not yet."""
        at = int((time.time() - IDLE_SECONDS - 1) * 1e6)
        self.sql("UPDATE sessions SET last_seen_at = ? WHERE ended_at IS NULL", at)
        if tell:
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
        tmp_path, script=script, GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS), SENT=str(sent), GATED="1"
    ) as stack:
        yield Writing(stack, sent)


@pytest.fixture
def arrive(browser: Browser, writing: Writing) -> Iterator[Arrive]:
    with arrivals(browser, writing.stack, height=800) as arrive:
        yield arrive


def cover(page: Page) -> Locator:
    return page.locator(".st-key-cover dialog")


def sign_in_again(page: Page, person: str, *, another: bool = False) -> None:
    """Press the cover's button and finish in the popup, which closes itself."""
    if another:
        page.context.clear_cookies(name=re.compile("^auth0"))
    with page.expect_popup() as opened:
        cover(page).get_by_role("button", name="Sign in again").click()
    popup = opened.value
    button = popup.locator(f"button[name=person][value={person}]")
    with suppress(Error):  # where the provider knows the person still, the popup is gone already
        button.click(timeout=3_000)
    if not popup.is_closed():
        popup.wait_for_event("close", timeout=20_000)


def write(page: Page, title: str, notes: str) -> None:
    page.get_by_label("Title").fill(title)
    page.get_by_label("What you noted").fill(notes)
    page.wait_for_timeout(1_500)  # leaving the title has asked for a run, which is over by now


def test_what_is_typed_survives_an_expiry_in_the_middle_and_the_submit_goes_through_once(
    writing: Writing, arrive: Arrive
) -> None:
    visitor = arrive()
    visitor.sign_in("ada")
    page = visitor.page
    (ref,) = writing.refs()
    write(page, "Plan", "half a sentence")
    writing.expire(tell=False)
    page.get_by_role("button", name="Send").click()  # too late
    begun = time.monotonic()
    expect(cover(page)).to_be_visible(timeout=5_000)
    print(f"covered {time.monotonic() - begun:.2f} s after a message that came too late")
    assert writing.sent == []
    # Nothing of the page can be read, reached or pressed.
    assert page.locator("[data-testid=stMain]").evaluate("e => getComputedStyle(e).visibility") == "hidden"
    assert page.evaluate("document.activeElement.classList.contains('st-key-cover')")
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("['st-key-cover', ''].includes(document.activeElement.className)")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(cover(page)).to_be_visible()
    assert "half a sentence" not in page.locator("body").aria_snapshot()
    visitor.shot("expiry-covered")
    sign_in_again(page, "ada")
    begun = time.monotonic()
    expect(page.get_by_text("Your notes were sent.")).to_be_visible(timeout=10_000)
    print(f"the submit went through {time.monotonic() - begun:.2f} s after the popup had closed")
    expect(cover(page)).to_have_count(0)
    assert writing.sent == ["Plan: half a sentence"]
    assert page.get_by_label("Title").input_value() == "Plan"
    assert writing.refs() == [ref]  # the same session
    assert writing.audited("app:session:resume") == 1
    page.get_by_label("Title").fill("Plan B")
    page.get_by_label("Title").press("Enter")
    page.wait_for_timeout(1_500)
    assert writing.sent == ["Plan: half a sentence"]  # once
    visitor.shot("expiry-gone-on")


def test_an_idle_page_is_covered_in_every_tab_and_all_go_on(writing: Writing, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("ada")
    first, second = visitor.page, visitor.context.new_page()
    second.goto(visitor.stack.app_url)
    expect(second.locator(".st-key-account")).to_be_visible(timeout=20_000)
    write(first, "One", "typed in the first")
    second.get_by_label("What you noted").fill("typed in the second, not handed over yet")
    begun = time.monotonic()
    writing.expire()
    for page in (first, second):
        expect(cover(page)).to_be_visible(timeout=5_000)
    print(f"two idle tabs covered after {time.monotonic() - begun:.2f} s")
    sign_in_again(second, "ada")
    begun = time.monotonic()
    for page in (first, second):
        expect(cover(page)).to_have_count(0, timeout=10_000)
    print(f"both uncovered {time.monotonic() - begun:.2f} s after the popup had closed")
    assert first.get_by_label("Title").input_value() == "One"
    assert first.get_by_label("What you noted").input_value() == "typed in the first"
    assert second.get_by_label("What you noted").input_value() == "typed in the second, not handed over yet"
    second.get_by_role("button", name="Send").click()
    expect(second.get_by_text("Your notes were sent.")).to_be_visible(timeout=10_000)


def test_a_word_to_uncover_that_is_never_drawn_costs_nobody_what_they_typed(writing: Writing, arrive: Arrive) -> None:
    """Streamlit puts draws together: the run that follows may take the cover's element away before it was redrawn."""
    visitor = arrive()

    def without_the_word(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(said: str | bytes) -> None:
            if not isinstance(said, bytes) or b'"covered": false' not in said:
                socket.send(said)

        server.on_message(pass_on)

    visitor.page.route_web_socket(re.compile("/_stcore/stream"), without_the_word)
    visitor.sign_in("ada")
    page = visitor.page
    write(page, "Plan", "half a sentence")
    writing.expire()
    expect(cover(page)).to_be_visible(timeout=5_000)
    sign_in_again(page, "ada")
    expect(cover(page)).to_have_count(0, timeout=10_000)
    assert page.get_by_label("Title").input_value() == "Plan"
    assert page.get_by_label("What you noted").input_value() == "half a sentence"


def test_somebody_else_gets_a_session_of_their_own_and_nothing_of_it(writing: Writing, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("ada")
    page = visitor.page
    write(page, "Secret", "nobody else's business")
    writing.expire(tell=False)
    page.get_by_role("button", name="Send").click()
    expect(cover(page)).to_be_visible(timeout=5_000)
    sign_in_again(page, "bruno", another=True)
    account = page.locator(".st-key-account")
    expect(account).to_contain_text("Bruno", timeout=20_000)
    expect(cover(page)).to_have_count(0)
    assert page.get_by_label("Title").input_value() == ""
    assert page.get_by_label("What you noted").input_value() == ""
    assert "business" not in page.content()
    page.go_back()
    page.wait_for_timeout(2_000)
    assert "business" not in page.content()
    assert writing.sent == []
    assert writing.audited("app:session:resume") == 0
    visitor.shot("expiry-somebody-else")


def test_the_popup_closed_half_way_and_blocked(writing: Writing, arrive: Arrive) -> None:
    visitor = arrive(dark=True, width=320, height=640)
    visitor.sign_in("ada")
    page = visitor.page
    write(page, "Plan", "half a sentence")
    writing.expire()
    expect(cover(page)).to_be_visible(timeout=5_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.shot("expiry-dark-320")
    page.context.clear_cookies(name=re.compile("^auth0"))  # else the provider asks nothing
    with page.expect_popup() as opened:
        cover(page).get_by_role("button", name="Sign in again").click()
    opened.value.close()
    expect(cover(page).get_by_role("status")).to_have_text("The window was closed.", timeout=5_000)
    page.evaluate("window.open = () => null")
    cover(page).get_by_role("button", name="Sign in again").click()
    expect(cover(page).get_by_role("status")).to_contain_text("did not let a window open")
    expect(cover(page).get_by_role("link", name="Sign in in this tab")).to_be_visible()
    visitor.shot("expiry-blocked-popup")


def test_signing_out_of_the_cover_ends_it_for_good(writing: Writing, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("ada")
    writing.expire()
    page = visitor.page
    cover(page).get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible(timeout=20_000)
    assert writing.refs() == []
