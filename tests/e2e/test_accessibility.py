"""Axe (axe-core) on the states of signing in, light and dark, wide and narrow; the keyboard; layout shifts."""

from __future__ import annotations

import sqlite3
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility.axe import violations
from tests.e2e.conftest import APPEARANCES, Appearances, BrowserUser, NewUser, require_fit
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-accessibility")]
SOON = 20_000


def test_axe_reports_violations_in_the_component(new_user: NewUser) -> None:
    """Axe reports violations inside the component, so a clean result below is meaningful."""
    user = new_user()
    user.open("/")
    page = settled(user, ".st-key-sign-in a")
    page.locator(".st-key-sign-in a").evaluate("link => { link.style.cssText = 'color: #eee; background: #fff' }")
    page.locator(".st-key-sign-in a").evaluate("link => link.after(document.createElement('button'))")
    assert [violation.partition(":")[0] for violation in violations(page)] == [
        "button-name",
        "color-contrast",
        "target-size",
    ]


@pytest.mark.parametrize(("path", "part"), [("/auth/ended", "body"), ("/", "[data-testid=stMain] h1")])
def test_a_page_that_scrolls_sideways_is_noticed(new_user: NewUser, stack: Stack, path: str, part: str) -> None:
    user = new_user()
    user.page.goto(f"{stack.app_url}{path}")
    settled(user, "h1")
    user.page.locator(part).first.evaluate("element => { element.style.minWidth = '2000px' }")
    with pytest.raises(pytest.fail.Exception, match="scrolls sideways"):
        require_fit(user.page, milliseconds=500)


def settled(user: BrowserUser, ready: str) -> Page:
    expect(user.page.locator(ready).first).to_be_visible(timeout=SOON)
    user.settle()  # Streamlit fades elements in; contrast is too low until then
    require_fit(user.page)
    return user.page


def check(user: BrowserUser, appearances: Appearances, name: str) -> None:
    for appearance in user.appearances(*appearances):
        require_fit(user.page)
        assert violations(user.page) == [], appearance
        user.shot(f"axe-{name}-{appearance}")


def expire(stack: Stack, person: str) -> None:
    with sqlite3.connect(stack.folder / "var" / "gatehouse.sqlite3", timeout=10) as connection:
        connection.execute(
            "UPDATE sessions SET expires_at = ? WHERE person_id = (SELECT id FROM people WHERE subject = ?)",
            (int(time.time() * 1e6) - 1, f"auth0|{person}"),
        )
    connection.close()


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_no_violation_on_sign_in(new_user: NewUser, appearances: Appearances) -> None:
    user = new_user(width=appearances[0].width)
    user.open("/reports")
    settled(user, ".st-key-sign-in a")
    check(user, appearances, "sign-in")


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_no_violation_on_the_account_and_the_denied_page(new_user: NewUser, appearances: Appearances) -> None:
    user = new_user(width=appearances[0].width)
    user.sign_in("eva", "/reports")
    page = settled(user, ".st-key-no-access")
    check(user, appearances, "denied")
    if appearances[0].width < 1280:
        page.get_by_test_id("stExpandSidebarButton").click()
    page = settled(user, ".st-key-account .name")
    check(user, appearances, "account")


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_no_violation_on_the_expired_page(new_user: NewUser, stack: Stack, appearances: Appearances) -> None:
    user = new_user(width=appearances[0].width)
    user.sign_in("gita")
    expire(stack, "gita")
    user.page.goto(f"{stack.app_url}/auth/ended?return_to=/")
    page = settled(user, "h1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your session has expired")
    check(user, appearances, "expired")


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_no_violation_on_the_api_explorer(new_user: NewUser, appearances: Appearances) -> None:
    user = new_user(width=appearances[0].width)
    user.sign_in("dev", "/api-explorer")
    page = settled(user, ".st-key-console button.ask")
    page.locator(".st-key-console button.ask").click()
    expect(page.locator(".st-key-console .status")).to_contain_text("answered 200", timeout=SOON)
    page.locator(".st-key-send button").click()
    settled(user, ".st-key-response")
    check(user, appearances, "explorer")


def test_sign_in_and_sign_out_work_by_keyboard(new_user: NewUser) -> None:
    user = new_user()
    user.open("/profile")
    page = settled(user, ".st-key-sign-in a")
    for _ in range(15):
        page.keyboard.press("Tab")
        if page.locator(".st-key-sign-in a:focus").count():
            break
    control = page.get_by_role("link", name="Sign in", exact=True)
    expect(control).to_be_focused()
    assert control.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    person = page.locator("button[name=person][value=eva]")
    expect(person).to_be_visible(timeout=SOON)
    person.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-account .name")).to_be_visible(timeout=SOON)
    out = page.get_by_role("button", name="Sign out")
    out.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("Sign in", timeout=SOON)
    assert user.console_errors == []


SHIFTS = """
window.shifts = []
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, sources } of list.getEntries()) {
    const ours = sources.some(({ node }) => node?.parentElement?.closest(".st-key-account, .st-key-sign-in"))
    if (ours && !hadRecentInput) window.shifts.push(value)
  }
}).observe({ type: "layout-shift", buffered: true })
"""


@pytest.mark.parametrize("path", ["/reports", "/"])
def test_the_component_causes_almost_no_layout_shift(new_user: NewUser, path: str) -> None:
    """The component's part of the cumulative layout shift, as browsers measure it; up to 0.1 counts as good."""
    user = new_user()
    user.context.add_init_script(SHIFTS)
    user.open(path)
    settled(user, ".st-key-sign-in a")
    signing_in = sum(user.page.evaluate("window.shifts"))
    user.sign_in("gita", path)
    settled(user, ".st-key-account .name")
    account = sum(user.page.evaluate("window.shifts"))
    # A run that draws the component again moves nothing.
    user.page.get_by_test_id("stSidebarNavLink").last.click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Profile", timeout=SOON)
    box = user.page.locator(".st-key-account .name").bounding_box()
    user.settle()
    assert user.page.locator(".st-key-account .name").bounding_box() == box
    print(f"layout shift by the component: sign-in {signing_in:.3f}, account {account:.3f}")
    assert signing_in <= 0.1
    assert account <= 0.1
