"""The table of people in a real browser: keyboard alone, order and page in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.administration import SOON, crowd, heading, in_dialog, notice
from tests.e2e.conftest import NewUser
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-people-table")]


def press_until(page: Page, key: str, control: str) -> None:
    """Press a key until the control of a table has the focus."""
    focused = page.locator(f"{control}:focus")
    for _ in range(60):
        if focused.count():
            return
        page.keyboard.press(key)
    pytest.fail(f"{control} is not reached by {key}")


def test_two_people_are_selected_granted_and_undone_by_keyboard_alone(own_user: NewUser, own_stack: Stack) -> None:
    crowd(own_stack, "keys", 3)
    ada = own_user()
    ada.sign_in("ada", "/people?q=keys")
    page = ada.page
    expect(page.locator("tr[data-row]")).to_have_count(3, timeout=SOON)
    ada.settle()
    page.locator(".st-key-q input").focus()
    press_until(page, "Tab", "td.select input")
    page.keyboard.press("Space")
    expect(page.get_by_text("1 selected")).to_be_visible(timeout=SOON)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_text("2 selected")).to_be_visible(timeout=SOON)
    ada.settle()
    expect(page.locator("td.select input:focus")).to_have_count(1)
    press_until(page, "Tab", "#bulk-grant")
    page.keyboard.press("Enter")
    expect(in_dialog(page)).to_be_visible(timeout=SOON)
    find_role = page.locator(".st-key-many-grant-find-role input")
    press_until(page, "Tab", ".st-key-many-grant-find-role input")
    page.keyboard.type("viewer")
    expect(page.locator(".st-key-many-grant-chosen-role input")).to_have_count(1, timeout=SOON)
    expect(find_role).to_be_focused()
    ada.settle()
    press_until(page, "Tab", ".st-key-many-grant-chosen-role input")
    page.keyboard.press("Space")
    expect(page.locator(".st-key-many-grant-chosen-role input")).to_be_checked()
    ada.settle()
    press_until(page, "Tab", ".st-key-many-grant-reason input")
    page.keyboard.type("a new team")
    press_until(page, "Tab", ".st-key-many-grant-go button")
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("Granted 2 people the role viewer, no expiry.", timeout=SOON)
    ada.settle()
    press_until(page, "Tab", ".st-key-undo button")
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("Undone: revoked the role viewer from 2 people again.", timeout=SOON)
    assert ada.console_errors == []


def test_order_and_page_are_in_the_address_and_come_back_with_it(own_user: NewUser, own_stack: Stack) -> None:
    crowd(own_stack, "pages", 30)
    ada = own_user()
    ada.sign_in("ada", "/people?q=pages")
    page = ada.page
    first = page.locator("tr[data-row]").first
    expect(first).to_contain_text("pages-00", timeout=SOON)
    page.locator("#sort-name").click()
    expect(first).to_contain_text("pages-29", timeout=SOON)
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#sort-name")).to_be_focused()
    page.locator("#next").click()
    expect(first).to_contain_text("pages-04", timeout=SOON)
    expect(page.get_by_text("26 to 30 of 30 people")).to_be_visible()
    expect(page).to_have_url(re.compile(r"(?=.*sort=-name)(?=.*page=2)(?=.*after=)"))
    address = page.url
    page.locator("a.open").first.click()
    heading(page, "auth0|pages-04")
    page.locator(".st-key-all-people button").click()
    expect(first).to_contain_text("pages-04", timeout=SOON)
    page.goto("about:blank")
    page.goto(address)
    expect(first).to_contain_text("pages-04", timeout=SOON)
    expect(page.get_by_text("26 to 30 of 30 people")).to_be_visible()
    page.locator("#previous").click()
    expect(first).to_contain_text("pages-29", timeout=SOON)
    assert ada.console_errors == []
