"""Limits people can live with: a warning in time, staying without a reload, an end that says why and leads back.

A stack of its own with a short idle limit; time is made to pass in its database and in the browser's clock.
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
from tests.e2e.conftest import Arrive, Visitor, arrivals
from tests.e2e.installation import Installation
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-limits")]


IDLE_SECONDS = 60  # so the warning comes after 30


INACTIVE = "Object.defineProperty(navigator, 'userActivation', { value: { isActive: false } })"
"""The page's clock is moved here; the browser's own, by which it forgets what was pressed, is not."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("limits")
    with Stack(
        folder, GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS), GATEHOUSE_SESSION_ABSOLUTE_SECONDS="3600"
    ) as stack:
        made = Installation(stack)
        yield made
        made.database.close()


@pytest.fixture
def arrive(browser: Browser, here: Installation) -> Iterator[Arrive]:
    with arrivals(browser, here.stack, height=800) as come:

        def arrive(**given: Any) -> Visitor:
            visitor = come(**{"script": INACTIVE} | given)
            visitor.page.clock.install()
            return visitor

        yield arrive


def warning(visitor: Visitor) -> Locator:
    return visitor.page.locator(".st-key-account .warning")


def let_it_warn(here: Installation, visitor: Visitor, person: str) -> None:
    """Pass the time until the warning stands."""
    here.seen(person, IDLE_SECONDS / 2 + 5)
    visitor.page.clock.fast_forward(IDLE_SECONDS * 1000)
    expect(warning(visitor)).to_contain_text("will be signed out at", timeout=5_000)


def ended(visitor: Visitor, said: str) -> None:
    """The tab has left for the page that says why."""
    visitor.page.wait_for_url(re.compile("/auth/ended"), timeout=5_000)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(said)


def test_a_warning_and_staying_without_a_reload(here: Installation, arrive: Arrive, tmp_path: Path) -> None:
    visitor = arrive()
    visitor.sign_in("bruno", "/csv")
    page = visitor.page
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
    let_it_warn(here, visitor, "bruno")
    # It takes no focus, says itself to a screen reader, and is reached by the keyboard.
    assert page.evaluate("document.activeElement === window.marked")
    expect(warning(visitor).get_by_role("status")).to_be_visible()
    visitor.shot("limits-warning")
    stay = warning(visitor).get_by_role("button", name="Stay signed in")
    before = here.database.read.sessions_of(here.subject("bruno"), utc_now())[0]
    stay.click()
    expect(warning(visitor)).to_contain_text("You stay signed in.", timeout=5_000)
    after = here.database.read.sessions_of(here.subject("bruno"), utc_now())[0]
    assert after.last_seen_at - before.last_seen_at > timedelta(seconds=30)
    assert after.expires_at == before.expires_at
    page.clock.fast_forward(5_000)
    expect(warning(visitor)).to_be_hidden()
    assert page.evaluate("document.activeElement === window.marked")  # the same document, and the same field
    assert typed.input_value() == "half a wo"
    assert visitor.complaints == []


def test_staying_by_the_keyboard(here: Installation, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("eva")
    let_it_warn(here, visitor, "eva")
    visitor.page.locator(".st-key-account .st-key-sign-out").focus()
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    expect(warning(visitor)).to_contain_text("You stay signed in.", timeout=5_000)
    # The focus is not lost with the button: Tab goes on from here.
    assert visitor.page.evaluate(
        "document.querySelector('.st-key-account [data-testid]')?.shadowRoot !== undefined"
        " && document.activeElement !== document.body"
    )


def test_another_tab_that_is_used_makes_the_warning_go(here: Installation, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("eva")
    let_it_warn(here, visitor, "eva")
    here.seen("eva", 0)
    visitor.page.clock.fast_forward(6_000)
    expect(warning(visitor)).to_be_hidden(timeout=5_000)
    # And when it was used before the time has come, nothing is shown at all.
    visitor.page.clock.fast_forward(30_000)
    visitor.page.wait_for_timeout(500)
    expect(warning(visitor)).to_be_hidden()


def test_near_the_absolute_limit_no_staying_is_offered(here: Installation, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("eva")
    here.ends_in("eva", 25)
    visitor.page.clock.fast_forward(IDLE_SECONDS * 1000)
    expect(warning(visitor)).to_contain_text(re.compile(r"sign in again at \d\d?:\d\d"), timeout=5_000)
    expect(warning(visitor).get_by_role("button", include_hidden=False)).to_have_count(0)
    visitor.shot("limits-absolute")


def test_an_expired_session_is_covered_at_once_and_signing_in_again_goes_on(here: Installation, arrive: Arrive) -> None:
    """More of this, with what was typed: ``test_expiry.py``."""
    visitor = arrive()
    visitor.sign_in("chiyo")
    page = visitor.page
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Usage report").click()
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=20_000)
    ref = here.ref("chiyo")
    here.seen("chiyo", IDLE_SECONDS + 1)
    begun = time.monotonic()
    here.look()
    cover = page.get_by_role("dialog", name="Your session has expired")
    expect(cover).to_be_visible(timeout=5_000)
    print(f"expired: the tab was covered after {time.monotonic() - begun:.2f} s")
    assert time.monotonic() - begun < 2
    assert page.locator("[data-testid=stMain]").evaluate("e => getComputedStyle(e).visibility") == "hidden"
    visitor.shot("limits-expired")
    cover.get_by_role("button", name="Sign in again").click()
    expect(cover).to_have_count(0, timeout=20_000)
    expect(page.locator("[data-testid=stMain] h1")).to_have_text(["Usage report"], timeout=20_000)
    assert here.ref("chiyo") == ref
    assert "/reports" in page.url


def test_an_expiry_of_long_ago_says_so_and_leads_back(here: Installation, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("chiyo", "/reports")
    here.seen("chiyo", IDLE_SECONDS + 3601)
    here.look()
    ended(visitor, "Your session has expired")
    visitor.page.get_by_role("link", name="Sign in again").click()
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=20_000)


def test_a_tab_that_was_not_reached_leaves_by_itself(here: Installation, arrive: Arrive) -> None:
    """A machine that slept, a socket that was cut: the front end asks, and goes where it is told why."""
    visitor = arrive()
    visitor.sign_in("eva")
    visitor.page.route("**/auth/session", lambda route: route.fulfill(json={"authenticated": False}))
    with visitor.page.expect_request(re.compile(r"/auth/ended\?return_to=%2F$")):
        visitor.page.clock.fast_forward(IDLE_SECONDS * 1000)


def test_a_change_of_role_reaches_an_idle_tab_with_one_quiet_line(here: Installation, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("chiyo")
    line = visitor.page.locator(".st-key-access-changed")
    pages = ["Home", "Usage report", "Profile"]
    visitor.sees_pages(pages)
    for revoke, said in ((False, "You can now also try out calls"), (True, "you can no longer try out calls")):
        if revoke:
            visitor.page.wait_for_timeout(20_500)  # so that it is not told as taken back at once
        here.change("chiyo", "developer", revoke=revoke)
        begun = time.monotonic()
        expect(line).to_contain_text(said, timeout=2_000)
        visitor.sees_pages(pages if revoke else ["Home", "Usage report", "API explorer", "Profile"])
        print(f"{'revoked' if revoke else 'granted'}: line and navigation after {time.monotonic() - begun:.2f} s")
        assert time.monotonic() - begun < 2
        visitor.shot(f"access-{'lost' if revoke else 'gained'}")
    assert visitor.complaints == []


def test_ended_from_another_device_says_why(here: Installation, arrive: Arrive) -> None:
    there, mine = arrive(), arrive()
    there.sign_in("ada")
    there.page.wait_for_timeout(6_500)  # what somebody does is noted again only then
    there.page.get_by_test_id("stSidebarNavLink").filter(has_text="CSV explorer").click()
    expect(there.page.locator("[data-testid=stMain] h1")).to_have_text("CSV explorer", timeout=20_000)
    mine.sign_in("ada", "/profile")
    devices = mine.page.locator("[class*=st-key-device-]")
    expect(devices).to_have_count(2, timeout=20_000)
    expect(devices.filter(has_text="this one")).to_have_count(1)
    expect(devices.filter(has_text="on CSV explorer")).to_have_count(1)
    mine.shot("devices")
    mine.page.locator("[class*=st-key-end-] button").first.click()
    ended(there, "You were signed out")
    expect(there.page.locator("body")).to_contain_text("You ended this session from another one.")
    expect(mine.page.get_by_text("That device is signed out")).to_be_visible(timeout=20_000)
    expect(devices).to_have_count(1)


def test_without_a_refresh_token_the_page_goes_on_after_one_silent_sign_in(here: Installation, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("eva")
    ref = here.ref("eva")
    here.without_refresh_token("eva")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url) if "/authorize" in request.url else None)
    visitor.page.goto(f"{here.stack.app_url}/profile")
    expect(visitor.page.locator("[class*=st-key-device-]").first).to_be_visible(timeout=20_000)
    assert [url.count("prompt=none") for url in asked] == [1]
    assert here.ref("eva") == ref
    assert visitor.page.url.endswith("/profile")


def test_where_the_provider_wants_the_person_the_page_says_so_once(here: Installation, arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("eva")
    here.without_refresh_token("eva")
    visitor.context.clear_cookies(domain="localhost", name=re.compile("^(?!gatehouse-)"))
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url) if "/authorize" in request.url else None)
    visitor.page.goto(f"{here.stack.app_url}/profile")
    here.sql("UPDATE sessions SET access_expires_at = ? WHERE ref = ?", int(time.time() * 1e6), here.ref("eva"))
    expect(visitor.page.get_by_role("heading", name="Sign in once more")).to_be_visible(timeout=20_000)
    assert len(asked) == 1
    visitor.shot("sign-in-once-more")
    visitor.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    visitor.page.locator("button[name=person][value=eva]").click()
    expect(visitor.page.locator("[class*=st-key-device-]").first).to_be_visible(timeout=20_000)


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 320), (True, 320)])
def test_the_warning_can_be_seen_and_used_everywhere(
    here: Installation, arrive: Arrive, dark: bool, width: int
) -> None:
    visitor = arrive(dark=dark, width=width)
    visitor.sign_in("eva", "/profile")
    let_it_warn(here, visitor, "eva")
    stay = warning(visitor).get_by_role("button", name="Stay signed in")
    expect(stay).to_be_in_viewport()
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    visitor.shot(f"warning-{'dark' if dark else 'light'}-{width}")
    stay.click()
    expect(warning(visitor)).to_contain_text("You stay signed in.", timeout=5_000)
