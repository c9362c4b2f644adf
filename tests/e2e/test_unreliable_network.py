"""Sign-in and the component's events while the browser is offline, the app does not respond, or storage is blocked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.api_explorer import CAPTURE, SOON, expect_logged, expect_message, press
from tests.e2e.conftest import NewUser, browser_users
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-events")]


@pytest.fixture
def new_user(browser: Browser, own_stack: Stack) -> Iterator[NewUser]:
    """Creates users of this module's installation."""
    with browser_users(browser, own_stack, height=1400) as new_user:
        yield new_user


def test_a_report_is_delivered_after_the_browser_was_offline(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("dev", "/api-explorer")
    expect_logged(user, "onStatusUpdate")
    user.context.set_offline(True)
    press(user, "report")
    expect_message(user, "The report is sent …")
    user.page.wait_for_timeout(1_000)
    user.context.set_offline(False)
    expect_message(user, re.compile("has taken note|re-established"))
    press(user, "report")
    expect_message(user, "The host has taken note.")


def test_sign_in_is_refused_while_offline_and_works_afterwards(new_user: NewUser) -> None:
    user = new_user()
    user.open("/reports")
    control = user.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    user.context.set_offline(True)
    control.click()
    expect(user.page.locator(".st-key-sign-in .status")).to_contain_text("You are offline")
    user.context.set_offline(False)
    expect(user.page.locator(".st-key-sign-in .status")).to_have_text("")
    control.click()
    expect(user.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)


@pytest.mark.parametrize("host", ["answers", "is silent"])
def test_a_browser_that_reports_to_be_offline_still_signs_in(new_user: NewUser, host: str) -> None:
    """A machine with loopback only reports ``navigator.onLine`` as false although app and provider respond."""
    user = new_user()
    user.context.add_init_script("Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false })")
    user.open("/reports")
    control = user.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    assert user.page.evaluate("navigator.onLine") is False
    if host == "is silent":
        user.page.evaluate("WebSocket.prototype.send = () => undefined")
    control.click()
    expect(user.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)


def test_sign_in_stays_on_the_page_while_the_app_does_not_respond(new_user: NewUser) -> None:
    user = new_user()
    user.open("/reports")
    control = user.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    message = user.page.locator(".st-key-sign-in .status")
    address = user.page.url
    user.context.route("**/auth/session", lambda route: route.abort("connectionrefused"))
    user.page.evaluate("WebSocket.prototype.send = () => undefined")
    control.click()
    expect(message).to_have_text("The app does not answer. Try again.", timeout=SOON)
    assert user.page.url == address
    user.context.unroute("**/auth/session")
    expect(message).to_have_text("", timeout=SOON)
    control.click()
    expect(user.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)


def test_sign_in_is_a_plain_link_when_the_host_does_not_respond(new_user: NewUser) -> None:
    """The socket is open but silent: after a short time the front end follows the link itself."""
    user = new_user(
        script="window.mute = false;" + CAPTURE.replace("return send.call", "if (!window.mute) return send.call")
    )
    user.open("/reports?range=7+days")
    control = user.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    user.page.evaluate("window.mute = true")
    control.click()
    user.page.locator("button[name=person][value=chiyo]").click(timeout=10_000)
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    assert "range=7" in user.page.url


STORAGE_BLOCKED = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError") } })
}
delete window.BroadcastChannel
delete window.indexedDB
"""


def test_sign_in_works_with_storage_and_channels_blocked(new_user: NewUser, own_stack: Stack) -> None:
    user = new_user(script=STORAGE_BLOCKED)
    # A second, anonymous tab that no message reaches: it asks the server when it gets the focus.
    second = user.context.new_page()
    second.goto(f"{own_stack.app_url}/reports")
    expect(second.locator("[data-testid=stMain] h1")).to_have_text("Sign in", timeout=SOON)
    user.page.bring_to_front()
    user.sign_in("ada", "/api-explorer")
    press(user, "ask")
    expect_message(user, re.compile("answered 200"))
    second.bring_to_front()
    second.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(second.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_clock_that_is_five_minutes_wrong_has_no_effect(new_user: NewUser, minutes: int) -> None:
    shift = f"const real = Date.now; Date.now = () => real() + {minutes * 60_000}"
    user = new_user(script=shift)
    user.sign_in("dev", "/api-explorer")
    press(user, "ask")
    expect_message(user, re.compile("answered 200"))
    expect(user.page.locator(".st-key-account .warning")).to_be_hidden()
    assert user.page.evaluate("fetch('/auth/session').then(answer => answer.json())")["authenticated"] is True


def does_not_answer(route: Route) -> None:
    route.fulfill(status=503, body="")


def test_a_server_that_does_not_respond_signs_no_user_out(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("dev", "/api-explorer")
    user.page.route("**/auth/session", does_not_answer)
    user.page.evaluate("window.dispatchEvent(new Event('online'))")
    user.page.wait_for_timeout(500)
    expect(user.page.locator(".st-key-account")).to_contain_text("Dev Patel")
    assert user.page.url.endswith("/api-explorer")
