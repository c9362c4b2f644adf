"""Sign-in in a popup, in a real browser: completed, blocked, closed too early, and pressed twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Arrive, Visitor, arrivals
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-popup")]
SOON = 20_000


@pytest.fixture(scope="module")
def popups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("popups"), GATEHOUSE_SIGN_IN_MODE="popup") as started:
        yield started


@pytest.fixture
def arrive(browser: Browser, popups: Stack) -> Iterator[Arrive]:
    with arrivals(browser, popups) as arrive:
        yield arrive


def opened(visitor: Visitor) -> Page:
    """Press sign-in; returns the popup at the provider."""
    with visitor.page.expect_popup() as popup:
        visitor.page.locator(".st-key-sign-in a").click()
    expect(popup.value.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)
    return popup.value


def test_signing_in_in_a_popup_draws_the_requested_page(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.open("/reports?range=7+days")
    popup = opened(visitor)
    expect(visitor.page.locator(".st-key-sign-in .status")).to_contain_text("window that has opened")
    visitor.shot("popup-open")
    popup.locator("button[name=person][value=chiyo]").click()
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    expect(visitor.page.locator(".st-key-range button[aria-checked=true]")).to_have_text("7 days", timeout=SOON)
    assert "range=7" in visitor.page.url
    assert len(visitor.context.pages) == 1
    assert visitor.console_errors == []


def test_a_blocked_popup_falls_back_to_the_tab(arrive: Arrive, popups: Stack) -> None:
    visitor = arrive(script="window.open = () => null")
    visitor.open("/reports")
    visitor.page.locator(".st-key-sign-in a").click()
    visitor.page.wait_for_url(re.compile(re.escape(popups.issuer)), timeout=SOON)
    visitor.page.locator("button[name=person][value=chiyo]").click()
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    assert visitor.page.url.endswith("/reports")


def test_a_popup_that_is_closed_too_early_is_explained_and_can_be_repeated(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.open("/reports")
    opened(visitor).close()
    message = visitor.page.locator(".st-key-sign-in .status")
    expect(message).to_contain_text("closed before you were signed in", timeout=SOON)
    expect(visitor.page.locator(".st-key-sign-in a")).not_to_have_attribute("aria-disabled", "true")
    visitor.shot("popup-closed")
    opened(visitor).locator("button[name=person][value=chiyo]").click()
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    assert visitor.console_errors == []


def test_pressing_twice_opens_one_window(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.open("/reports")
    popup = opened(visitor)
    for _ in range(3):
        visitor.page.locator(".st-key-sign-in a").click()
    visitor.page.wait_for_timeout(1_000)
    assert visitor.context.pages == [visitor.page, popup]


def test_one_sign_in_serves_two_tabs_with_a_popup_each(arrive: Arrive, popups: Stack) -> None:
    visitor = arrive()
    visitor.open("/reports")
    other = visitor.context.new_page()
    other.goto(f"{popups.app_url}/")
    expect(other.locator(".st-key-sign-in a")).to_be_visible(timeout=SOON)
    with other.expect_popup():
        other.locator(".st-key-sign-in a").click()
    popup = opened(visitor)
    popup.locator("button[name=person][value=chiyo]").click()
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    expect(other.locator("[data-testid=stMain] h1")).to_contain_text("Welcome", timeout=SOON)
    assert len(visitor.context.pages) == 2


def test_an_open_popup_that_looks_closed_still_signs_in(arrive: Arrive, popups: Stack) -> None:
    """A provider may isolate the popup, so that an open one looks closed: signing in there still works."""
    visitor = arrive()
    visitor.open("/reports")
    popup = opened(visitor)
    visitor.page.evaluate("Object.defineProperty(Window.prototype, 'closed', { get: () => true })")
    popup.wait_for_timeout(1_000)
    popup.locator("button[name=person][value=chiyo]").click()
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
