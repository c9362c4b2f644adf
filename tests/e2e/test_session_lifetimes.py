"""Session lifetimes in a browser: the warning, staying signed in without a reload, and the end with its reason.

The module has a stack with a short idle lifetime; time passes in its database and in the browser's clock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from app.core.clock import utc_now
from tests.e2e.conftest import APPEARANCES, Appearances, BrowserUser, NewUser, browser_users, require_fit
from tests.e2e.installation import Installation
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-limits")]


IDLE_SECONDS = 60  # so the warning comes after 30


INACTIVE = "Object.defineProperty(navigator, 'userActivation', { value: { isActive: false } })"
"""Turns off user activation, which ends by the browser's own clock: the tests move only the page's clock."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("limits")
    with Stack(
        folder, GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS), GATEHOUSE_SESSION_ABSOLUTE_SECONDS="3600"
    ) as stack:
        started = Installation(stack)
        yield started
        started.database.close()


@pytest.fixture
def new_user(browser: Browser, installation: Installation) -> Iterator[NewUser]:
    with browser_users(browser, installation.stack, height=800) as new_browser_user:

        def new_user(**options: Any) -> BrowserUser:
            user = new_browser_user(**{"script": INACTIVE} | options)
            user.page.clock.install()
            return user

        yield new_user


def warning(user: BrowserUser) -> Locator:
    return user.page.locator(".st-key-account .warning")


def wait_for_warning(installation: Installation, user: BrowserUser, person: str) -> None:
    """Let time pass until the warning is shown."""
    user.page.clock.fast_forward(2_000)  # a report of the last input waits for a second
    user.wait_for_responses("/auth/active")
    installation.set_last_use(person, IDLE_SECONDS / 2 + 5)
    user.page.clock.fast_forward(IDLE_SECONDS * 1000)
    expect(warning(user)).to_contain_text("will be signed out at", timeout=5_000)


def expect_ended(user: BrowserUser, heading: str) -> None:
    """Wait until the tab shows the page with the reason for the end."""
    user.page.wait_for_url(re.compile("/auth/ended"), timeout=5_000)
    expect(user.page.get_by_role("heading", level=1)).to_have_text(heading)


def test_the_warning_lets_the_user_stay_without_a_reload(
    installation: Installation, new_user: NewUser, tmp_path: Path
) -> None:
    user = new_user()
    user.sign_in("bruno", "/csv")
    page = user.page
    file = tmp_path / "towns.csv"
    file.write_text("".join(f"town {number},{number}\n" for number in range(30)))
    page.locator(".st-key-upload input[type=file]").set_input_files(file)
    page.get_by_role("combobox", name="Filter").first.click(timeout=20_000)
    page.get_by_role("option").first.click()
    page.keyboard.press("Escape")
    typed = page.get_by_label("Pattern in", exact=False)
    typed.click(timeout=20_000)
    page.keyboard.type("half a wo")  # typed, and not committed yet
    page.evaluate("window.marked = document.activeElement")
    wait_for_warning(installation, user, "bruno")
    # The warning takes no focus, is read by a screen reader, and can be reached by the keyboard.
    assert page.evaluate("document.activeElement === window.marked")
    expect(warning(user).get_by_role("status")).to_be_visible()
    user.shot("limits-warning")
    stay = warning(user).get_by_role("button", name="Stay signed in")
    before = installation.database.read.sessions_of(installation.subject("bruno"), utc_now())[0]
    stay.click()
    expect(warning(user)).to_contain_text("You stay signed in.", timeout=5_000)
    after = installation.database.read.sessions_of(installation.subject("bruno"), utc_now())[0]
    assert after.last_seen_at - before.last_seen_at > timedelta(seconds=30)
    assert after.expires_at == before.expires_at
    page.clock.fast_forward(5_000)
    expect(warning(user)).to_be_hidden()
    assert page.evaluate("document.activeElement === window.marked")  # the same document, and the same field
    assert typed.input_value() == "half a wo"
    assert user.console_errors == []


def test_the_user_can_stay_signed_in_by_keyboard(installation: Installation, new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("eva")
    wait_for_warning(installation, user, "eva")
    user.page.locator(".st-key-account .st-key-sign-out").focus()
    user.page.keyboard.press("Tab")
    user.page.keyboard.press("Enter")
    expect(warning(user)).to_contain_text("You stay signed in.", timeout=5_000)
    # The focus is not lost with the button: Tab continues from here.
    assert user.page.evaluate(
        "document.querySelector('.st-key-account [data-testid]')?.shadowRoot !== undefined"
        " && document.activeElement !== document.body"
    )


def test_use_of_another_tab_removes_the_warning(installation: Installation, new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("eva")
    wait_for_warning(installation, user, "eva")
    installation.set_last_use("eva", 0)
    user.page.clock.fast_forward(6_000)
    expect(warning(user)).to_be_hidden(timeout=5_000)
    # No warning is shown when the session was used before the time.
    user.page.clock.fast_forward(30_000)
    user.page.wait_for_timeout(500)
    expect(warning(user)).to_be_hidden()


def test_near_the_absolute_end_the_warning_does_not_offer_to_stay(
    installation: Installation, new_user: NewUser
) -> None:
    user = new_user()
    user.sign_in("eva")
    installation.set_expiry("eva", 25)
    user.page.clock.fast_forward(IDLE_SECONDS * 1000)
    expect(warning(user)).to_contain_text(re.compile(r"sign in again at \d\d?:\d\d"), timeout=5_000)
    expect(warning(user).get_by_role("button", include_hidden=False)).to_have_count(0)
    user.shot("limits-absolute")


def test_an_expired_session_is_locked_at_once_and_resumed_by_sign_in(
    installation: Installation, new_user: NewUser
) -> None:
    """``test_expiry.py`` tests this with input on the page."""
    user = new_user()
    user.sign_in("chiyo")
    page = user.page
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Usage report").click()
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=20_000)
    ref = installation.ref("chiyo")
    installation.set_last_use("chiyo", IDLE_SECONDS + 1)
    started = time.monotonic()
    installation.wake_tabs()
    overlay = page.get_by_role("dialog", name="Your session has expired")
    expect(overlay).to_be_visible(timeout=5_000)
    print(f"expired: the tab was locked after {time.monotonic() - started:.2f} s")
    assert time.monotonic() - started < 2
    assert page.locator("[data-testid=stMain]").evaluate("e => getComputedStyle(e).visibility") == "hidden"
    user.shot("limits-expired")
    overlay.get_by_role("button", name="Sign in again").click()
    expect(overlay).to_have_count(0, timeout=20_000)
    expect(page.locator("[data-testid=stMain] h1")).to_have_text(["Usage report"], timeout=20_000)
    assert installation.ref("chiyo") == ref
    assert "/reports" in page.url


def test_a_session_that_expired_long_ago_ends_and_sign_in_returns_to_the_page(
    installation: Installation, new_user: NewUser
) -> None:
    user = new_user()
    user.sign_in("chiyo", "/reports")
    installation.set_last_use("chiyo", IDLE_SECONDS + 3601)
    installation.wake_tabs()
    expect_ended(user, "Your session has expired")
    user.page.get_by_role("link", name="Sign in again").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=20_000)


def test_a_tab_that_gets_no_message_detects_the_end_itself(installation: Installation, new_user: NewUser) -> None:
    """After sleep or a lost socket the front end asks the server, and opens the page with the reason."""
    user = new_user()
    user.sign_in("eva")
    user.page.route("**/auth/session", lambda route: route.fulfill(json={"authenticated": False}))
    with user.page.expect_request(re.compile(r"/auth/ended\?return_to=%2F$")):
        user.page.clock.fast_forward(IDLE_SECONDS * 1000)


@pytest.mark.parametrize("revoke", [False, True], ids=["granted", "revoked"])
def test_a_change_of_role_is_reported_in_an_idle_tab(
    installation: Installation, new_user: NewUser, revoke: bool
) -> None:
    user = new_user()
    user.sign_in("chiyo")
    line = user.page.locator(".st-key-access-changed")
    expected = "you can no longer try out calls" if revoke else "You can now also try out calls"
    pages, more_pages = ["Home", "Usage report", "Profile"], ["Home", "Usage report", "API explorer", "Profile"]
    user.sees_pages(more_pages if revoke else pages)  # the first case grants the role that the second revokes
    installation.change_role("chiyo", "developer", revoke=revoke)
    started = time.monotonic()
    expect(line).to_contain_text(expected, timeout=2_000)
    user.sees_pages(pages if revoke else more_pages)
    print(f"{'revoked' if revoke else 'granted'}: line and navigation after {time.monotonic() - started:.2f} s")
    assert time.monotonic() - started < 2
    user.shot(f"access-{'lost' if revoke else 'gained'}")
    assert user.console_errors == []


def test_a_session_ended_from_another_device_shows_the_reason(installation: Installation, new_user: NewUser) -> None:
    other_device, own_device = new_user(), new_user()
    other_device.sign_in("ada")
    other_device.page.wait_for_timeout(6_500)  # activity is recorded again only then
    with other_device.page.expect_response("**/auth/active"):
        other_device.page.get_by_test_id("stSidebarNavLink").filter(has_text="CSV explorer").click()
    expect(other_device.page.locator("[data-testid=stMain] h1")).to_have_text("CSV explorer", timeout=20_000)
    own_device.sign_in("ada", "/profile")
    devices = own_device.page.get_by_role("table", name="Your devices").locator("tr[data-row]")
    expect(devices).to_have_count(2, timeout=20_000)
    expect(devices.filter(has_text="this browser")).to_have_count(1)
    expect(devices.filter(has_text="on CSV explorer")).to_have_count(1)
    own_device.shot("devices")
    own_device.page.locator("[id^=end-]").click()
    expect_ended(other_device, "You were signed out")
    expect(other_device.page.locator("body")).to_contain_text("You ended this session from another one.")
    expect(
        own_device.page.get_by_text(re.compile(r"Ended your session \(.+\): that device is signed out\."))
    ).to_be_visible(timeout=20_000)
    expect(devices).to_have_count(1)


def test_without_a_refresh_token_the_page_works_after_one_silent_sign_in(
    installation: Installation, new_user: NewUser
) -> None:
    user = new_user()
    user.sign_in("eva")
    ref = installation.ref("eva")
    installation.without_refresh_token("eva")
    authorize_requests: list[str] = []
    user.page.on(
        "request", lambda request: authorize_requests.append(request.url) if "/authorize" in request.url else None
    )
    user.page.goto(f"{installation.stack.app_url}/profile")
    expect(user.page.locator("tr[data-row]").filter(has_text="this browser")).to_be_visible(timeout=20_000)
    assert [url.count("prompt=none") for url in authorize_requests] == [1]
    assert installation.ref("eva") == ref
    assert user.page.url.endswith("/profile")


def test_a_sign_in_that_needs_the_user_is_requested_once(installation: Installation, new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("eva")
    installation.without_refresh_token("eva")
    user.context.clear_cookies(domain="localhost", name=re.compile("^(?!gatehouse-)"))
    authorize_requests: list[str] = []
    user.page.on(
        "request", lambda request: authorize_requests.append(request.url) if "/authorize" in request.url else None
    )
    user.page.goto(f"{installation.stack.app_url}/profile")
    installation.sql(
        "UPDATE sessions SET access_expires_at = ? WHERE ref = ?", int(time.time() * 1e6), installation.ref("eva")
    )
    expect(user.page.get_by_role("heading", name="Sign in once more")).to_be_visible(timeout=20_000)
    assert len(authorize_requests) == 1
    user.shot("sign-in-once-more")
    user.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    user.page.locator("button[name=person][value=eva]").click()
    expect(user.page.locator("tr[data-row]").filter(has_text="this browser")).to_be_visible(timeout=20_000)


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_the_warning_fits_every_viewport(
    installation: Installation, new_user: NewUser, appearances: Appearances
) -> None:
    user = new_user(width=appearances[0].width)
    user.sign_in("eva", "/profile")
    wait_for_warning(installation, user, "eva")
    stay = warning(user).get_by_role("button", name="Stay signed in")
    for appearance in user.appearances(*appearances):
        expect(stay).to_be_in_viewport()
        require_fit(user.page)
        user.shot(f"warning-{appearance}")
    stay.click()
    expect(warning(user)).to_contain_text("You stay signed in.", timeout=5_000)
