"""Input survives a sign-in by redirect or popup; another user at the same browser gets nothing of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import BrowserUser, NewUser, browser_users, require_fit, settle
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-drafts")]


@pytest.fixture(scope="module", params=["redirect", "popup"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.param)
    script = ROOT / "tests" / "e2e" / "notes.py"
    with Stack(folder, script=script, GATEHOUSE_SIGN_IN_MODE=request.param, SENT=str(folder / "sent")) as started:
        yield started


@pytest.fixture
def new_user(browser: Browser, stack: Stack) -> Iterator[NewUser]:
    with browser_users(browser, stack, height=800) as new_user:
        yield new_user


def sent(stack: Stack) -> list[str]:
    file = stack.folder / "sent"
    return file.read_text().splitlines() if file.exists() else []


def fill_in(page: Page, title: str, notes: str) -> None:
    """Fill in the page and press its button, anonymously."""
    expect(page.get_by_label("Title")).to_be_visible(timeout=20_000)
    page.get_by_label("Title").fill(title)
    page.get_by_label("What you noted").fill(notes)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Sign in to send this")).to_be_visible(timeout=10_000)


def sign_in(user: BrowserUser, person: str) -> None:
    """Press sign-in, and pick a person at the provider: in this tab or in the popup."""
    page = user.page
    known = set(user.context.pages)
    page.locator("a.st-key-sign-in").click()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for at in user.context.pages:
            button = at.locator(f"button[name=person][value={person}]")
            if button.count():
                button.click()
                expect(page.locator(".st-key-account")).to_be_visible(timeout=20_000)
                if at not in known and not at.is_closed():
                    at.wait_for_event("close", timeout=10_000)
                return
        page.wait_for_timeout(100)
    raise AssertionError("the provider did not ask for a person")


def test_input_is_restored_after_sign_in_and_can_be_sent(stack: Stack, new_user: NewUser) -> None:
    user = new_user()
    user.open("/?from=a+letter")
    page = user.page
    before = len(sent(stack))
    fill_in(page, "Plan", "two\nlines")
    user.shot(f"draft-asked-{stack.environment()['GATEHOUSE_SIGN_IN_MODE']}")
    assert len(sent(stack)) == before
    started = time.monotonic()
    sign_in(user, "ada")
    expect(page.get_by_label("Title")).to_have_value("Plan", timeout=20_000)
    mode = stack.environment()["GATEHOUSE_SIGN_IN_MODE"]
    print(f"{mode}: back with the input after {time.monotonic() - started:.2f} s")
    expect(page.get_by_label("What you noted")).to_have_value("two\nlines")
    assert re.search(r"[?&]from=a(\+|%20)letter", page.url)
    assert "draft=" not in page.url
    assert len(sent(stack)) == before  # nothing is sent without a press
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Your notes were sent.")).to_be_visible(timeout=10_000)
    assert len(sent(stack)) > before
    user.shot(f"draft-back-{stack.environment()['GATEHOUSE_SIGN_IN_MODE']}")
    assert user.console_errors == []
    # Only once: the page is empty when it is opened again.
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("", timeout=20_000)


def test_another_user_at_the_same_browser_gets_no_input(stack: Stack, new_user: NewUser) -> None:
    """Ada is signed in and leaves for the provider to confirm; Bruno signs in instead."""
    user = new_user()
    user.open("/")
    page = user.page
    fill_in(page, "Private", "confidential text")
    sign_in(user, "ada")
    expect(page.get_by_label("Title")).to_have_value("Private", timeout=20_000)
    page.locator(".st-key-account .st-key-sign-out").click()
    expect(page.locator(".st-key-account")).to_have_count(0, timeout=20_000)
    user.open("/")
    expect(page.get_by_label("Title")).to_have_value("")
    fill_in(page, "Another", "text")
    sign_in(user, "bruno")
    expect(page.get_by_label("Title")).to_have_value("Another", timeout=20_000)
    assert "confidential" not in page.content()
    for _ in range(4):
        page.go_back()
        settle(page)
        assert "confidential" not in page.content()


def test_the_request_to_sign_in_fits_a_narrow_dark_window(stack: Stack, new_user: NewUser) -> None:
    user = new_user(dark=True, width=320, height=640)
    user.open("/")
    fill_in(user.page, "Plan", "a thought")
    require_fit(user.page)
    user.shot(f"draft-dark-320-{stack.environment()['GATEHOUSE_SIGN_IN_MODE']}")
