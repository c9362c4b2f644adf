"""Audit, Overview and Usage report: axe in each state, the keyboard alone, and the number of clicks of a download."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility.axe import violations
from tests.e2e.conftest import APPEARANCES, Appearances, NewUser, require_fit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-audit-pages")]
SOON = 20_000
STATES = {
    "audit": "/audit",
    "audit-filtered": "/audit?kind=app:session:begin&outcome=done&target=clerk",
    "audit-empty": "/audit?until=2020-01-01",
    "audit-event": "/audit?event=1",
    "audit-no-event": "/audit?event=999999",
    "overview": "/admin",
    "usage": "/reports?range=7+days",
}


def wait_until_drawn(page: Page) -> None:
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=SOON)


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_no_violation_in_any_state(new_user: NewUser, appearances: Appearances) -> None:
    user = new_user(width=appearances[0].width)
    user.sign_in("ada", "/audit")
    page = user.page
    for name, path in STATES.items():
        user.open(path)
        wait_until_drawn(page)
        for appearance in user.appearances(*appearances):
            require_fit(page)
            assert violations(page) == [], f"{name} {appearance}"
            user.shot(f"look-{name}-{appearance}")
    user.open("/audit")
    page.locator(".st-key-audit-export button").click()
    expect(page.get_by_role("button", name="Download as CSV")).to_be_visible(timeout=SOON)
    user.settle()
    assert violations(page) == [], "download"
    page.keyboard.press("Escape")
    page.get_by_label("Person or object").fill("ada")
    expect(page.locator("[class*=st-key-audit-person-]").first).to_be_visible(timeout=SOON)
    user.settle()
    assert violations(page) == [], "suggestions"
    assert user.console_errors == []


def test_the_audit_is_searched_and_read_by_keyboard(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada", "/audit")
    page = user.page
    wait_until_drawn(page)
    page.get_by_label("Person or object").focus()
    page.keyboard.type("ada ok")
    suggestion = page.locator("[class*=st-key-audit-person-] button").first
    expect(suggestion).to_be_visible(timeout=SOON)
    press_tab_until(page, "[class*=st-key-audit-person-] button:focus")
    page.keyboard.press("Enter")
    expect(page.get_by_text("By or about Ada Okafor")).to_be_visible(timeout=SOON)
    assert "name=" in page.url
    row = page.get_by_role("table", name="Audit events").get_by_role("link").first
    row.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Event [0-9,]+"), timeout=SOON)
    press_tab_until(page, ".st-key-audit-back button:focus")
    page.keyboard.press("Enter")
    expect(page.get_by_text("By or about Ada Okafor")).to_be_visible(timeout=SOON)
    assert user.console_errors == []


def test_a_number_of_the_overview_and_a_recent_change_lead_to_what_they_are_about(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada", "/admin")
    page = user.page
    wait_until_drawn(page)
    page.get_by_role("link", name=re.compile("sign-ins? in 30 days")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit", timeout=SOON)
    expect(page.get_by_role("table", name="Audit events")).to_contain_text("Ada Okafor signed in", timeout=SOON)
    assert "kind=app%3Asession%3Abegin" in page.url
    assert "since=" in page.url
    assert user.console_errors == []


def press_tab_until(page: Page, selector: str) -> None:
    """Press Tab until an element that matches has the focus, which every element in between shows."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(selector).count():
            return
    pytest.fail(f"no Tab reaches {selector}")
