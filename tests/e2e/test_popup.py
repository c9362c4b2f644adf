"""Sign-in in a popup, in a real browser: completed, blocked, closed too early, and pressed twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import BrowserUser, NewUser, browser_users
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-popup")]
SOON = 20_000


@pytest.fixture(scope="module")
def popups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("popups"), GATEHOUSE_SIGN_IN_MODE="popup") as started:
        yield started


@pytest.fixture
def new_user(browser: Browser, popups: Stack) -> Iterator[NewUser]:
    with browser_users(browser, popups) as new_user:
        yield new_user


def opened(user: BrowserUser) -> Page:
    """Press sign-in; returns the popup at the provider."""
    with user.page.expect_popup() as popup:
        user.page.locator(".st-key-sign-in a").click()
    expect(popup.value.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)
    return popup.value


def test_signing_in_in_a_popup_draws_the_requested_page(new_user: NewUser) -> None:
    user = new_user()
    user.open("/reports?range=7+days")
    popup = opened(user)
    expect(user.page.locator(".st-key-sign-in .status")).to_contain_text("window that has opened")
    user.shot("popup-open")
    popup.locator("button[name=person][value=chiyo]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    expect(user.page.locator(".st-key-range button[aria-checked=true]")).to_have_text("7 days", timeout=SOON)
    assert "range=7" in user.page.url
    assert len(user.context.pages) == 1
    assert user.console_errors == []


def test_a_blocked_popup_falls_back_to_the_tab(new_user: NewUser, popups: Stack) -> None:
    user = new_user(script="window.open = () => null")
    user.open("/reports")
    user.page.locator(".st-key-sign-in a").click()
    user.page.wait_for_url(re.compile(re.escape(popups.issuer)), timeout=SOON)
    user.page.locator("button[name=person][value=chiyo]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    assert user.page.url.endswith("/reports")


def test_a_popup_that_is_closed_too_early_is_explained_and_can_be_repeated(new_user: NewUser) -> None:
    user = new_user()
    user.open("/reports")
    opened(user).close()
    message = user.page.locator(".st-key-sign-in .status")
    expect(message).to_contain_text("closed before you were signed in", timeout=SOON)
    expect(user.page.locator(".st-key-sign-in a")).not_to_have_attribute("aria-disabled", "true")
    user.shot("popup-closed")
    opened(user).locator("button[name=person][value=chiyo]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    assert user.console_errors == []


def test_pressing_twice_opens_one_window(new_user: NewUser) -> None:
    user = new_user()
    user.open("/reports")
    popup = opened(user)
    for _ in range(3):
        user.page.locator(".st-key-sign-in a").click()
    user.page.wait_for_timeout(1_000)
    assert user.context.pages == [user.page, popup]


def test_one_sign_in_serves_two_tabs_with_a_popup_each(new_user: NewUser, popups: Stack) -> None:
    user = new_user()
    user.open("/reports")
    other = user.context.new_page()
    other.goto(f"{popups.app_url}/")
    expect(other.locator(".st-key-sign-in a")).to_be_visible(timeout=SOON)
    with other.expect_popup():
        other.locator(".st-key-sign-in a").click()
    popup = opened(user)
    popup.locator("button[name=person][value=chiyo]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    expect(other.locator("[data-testid=stMain] h1")).to_contain_text("Welcome", timeout=SOON)
    assert len(user.context.pages) == 2


def test_an_open_popup_that_looks_closed_still_signs_in(new_user: NewUser, popups: Stack) -> None:
    """A provider may isolate the popup, so that an open one looks closed: signing in there still works."""
    user = new_user()
    user.open("/reports")
    popup = opened(user)
    user.page.evaluate("Object.defineProperty(Window.prototype, 'closed', { get: () => true })")
    popup.wait_for_timeout(1_000)
    popup.locator("button[name=person][value=chiyo]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
