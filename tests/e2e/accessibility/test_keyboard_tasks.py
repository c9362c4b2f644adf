"""Every task of an administrator by keyboard alone, in a real browser.

Each task begins at the link to the main content, and its steps press Tab, arrow keys, Enter, Space and Escape only.
After each step that closes a dialog or leads elsewhere, a visible control has the focus.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.accessibility.keyboard import SOON, Keyboard
from tests.e2e.administration import crowd, heading, in_dialog, notice, row
from tests.e2e.conftest import NewUser, browser_users
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-keyboard")]


def open_person(keys: Keyboard, name: str) -> None:
    """Search for a person, and open their card."""
    keys.type(keys.key("q", "input"), name)
    expect(keys.page.locator("a.open")).to_have_text([name], timeout=SOON)
    keys.press(keys.page.locator("a.open"))
    heading(keys.page, name)
    keys.require_focus()


def confirm(keys: Keyboard, key: str, text: str | re.Pattern[str]) -> None:
    """Enter the reason of the open dialog and confirm; the notice has the text, and something the focus."""
    keys.type(keys.key(f"{key}-reason", "input"), "a new task")
    keys.press(keys.key(f"{key}-go"))
    expect(notice(keys.page)).to_contain_text(text, timeout=SOON)
    expect(in_dialog(keys.page)).to_have_count(0)
    keys.require_focus()


def open_dialog(keys: Keyboard, key: str) -> None:
    """Press a button that opens a dialog; Escape returns the focus to the button."""
    for _ in range(2):
        keys.press(keys.key(key))
        expect(in_dialog(keys.page)).to_be_visible(timeout=SOON)
        keys.require_focus()
        if keys.dismissed:
            return
        keys.page.keyboard.press("Escape")
        expect(in_dialog(keys.page)).to_have_count(0)
        expect(keys.key(key)).to_be_focused()
        keys.dismissed = True


def grant_a_role(keys: Keyboard) -> None:
    open_person(keys, "Eva Novak")
    open_dialog(keys, "add-grant")
    roles = in_dialog(keys.page).get_by_role("radiogroup", name="Role")
    keys.tab_to(roles.locator("input").first)
    keys.choose(roles.get_by_role("radio", name="viewer"))
    confirm(keys, "add-grant", "viewer")
    keys.press(keys.key("undo"), backwards=True)
    expect(notice(keys.page)).to_contain_text("Undone: revoked the role viewer from Eva Novak", timeout=SOON)
    keys.require_focus()


def revoke_a_role(keys: Keyboard) -> None:
    open_person(keys, "Chiyo Tanaka")
    keys.press(keys.page.get_by_role("button", name="Revoke: viewer"))
    expect(in_dialog(keys.page)).to_be_visible(timeout=SOON)
    confirm(keys, "revoke", "viewer")


def block_and_unblock_a_person(keys: Keyboard) -> None:
    open_person(keys, "Bruno Silva")
    open_dialog(keys, "block")
    confirm(keys, "block", "blocked")
    keys.dismissed = False
    keys.press(keys.key("unblock"), backwards=True)
    confirm(keys, "unblock", "Bruno Silva")
    keys.press(keys.key("all-people"), backwards=True)
    heading(keys.page, "People")
    keys.require_focus()


def end_a_session(keys: Keyboard) -> None:
    keys.press(row(keys.page, "Dev Patel").get_by_role("button", name=re.compile("End")))
    expect(in_dialog(keys.page)).to_be_visible(timeout=SOON)
    confirm(keys, "end-session", "Dev Patel")


def add_a_person(keys: Keyboard) -> None:
    open_dialog(keys, "add-person")
    keys.type(keys.key("add-person-subject", "input"), "auth0|newcomer")
    confirm(keys, "add-person", "newcomer")
    heading(keys.page, "auth0|newcomer")


def create_edit_and_delete_a_role(keys: Keyboard) -> None:
    page = keys.page
    keys.press(keys.key("new-role"))
    heading(page, "New role")
    keys.require_focus()
    keys.type(page.get_by_role("textbox", name="Name", exact=True), "clerk")
    keys.press(page.locator("[class*='has-read-reports'] input"), "Space")
    save_role(keys, "clerk")
    heading(page, "clerk")
    # Search for another permission, add it, and discard the change; then delete the role.
    keys.type(page.get_by_role("searchbox", name="Search for a permission"), "csv")
    keys.press(keys.key("show-all-permissions"))
    keys.press(page.locator("[class*='has-explore-files'] input"), "Space")
    keys.require_focus()
    save_role(keys, "+ explore:files")
    open_dialog(keys, "role-delete")
    confirm(keys, "delete", "clerk")
    heading(page, "Roles")


def save_role(keys: Keyboard, text: str) -> None:
    """Review the role, enter a reason and save."""
    keys.press(keys.key("role-review"))
    keys.require_focus()
    keys.type(keys.page.get_by_role("textbox", name="Reason", exact=True), "a new team")
    keys.press(keys.key("role-save"))
    expect(notice(keys.page)).to_contain_text(text, timeout=SOON)
    keys.require_focus()


def map_a_token_role(keys: Keyboard) -> None:
    page = keys.page
    keys.press(row(page, "developer").get_by_role("button", name=re.compile("Map|Change")))
    expect(in_dialog(page)).to_be_visible(timeout=SOON)
    keys.type(page.get_by_role("combobox", name="Map to roles"), "auditor")
    for key in ("Enter", "Escape"):
        page.keyboard.press(key)
    expect(in_dialog(page)).to_contain_text("auditor", timeout=SOON)
    confirm(keys, "mapping", "auditor")


def filter_sort_turn_and_select(keys: Keyboard) -> None:
    page = keys.page
    keys.press(page.locator("#sort-name"))
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending", timeout=SOON)
    expect(page.locator("#sort-name")).to_be_focused()
    keys.press(page.locator("#next"))
    expect(page).to_have_url(re.compile("page=2"), timeout=SOON)
    expect(page.locator("#next")).to_be_focused()
    keys.tab_to(page.locator("#page-size"), backwards=True)
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile("rows=50"), timeout=SOON)
    expect(page.locator("#page-size")).to_be_focused()
    keys.tab_to(keys.key("state", "input"), backwards=True)
    page.keyboard.type("Active")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("state=Active"), timeout=SOON)
    expect(page.get_by_role("button", name="Grant: Eva Novak")).to_be_visible(timeout=SOON)
    keys.press(page.get_by_label("Select Eva Novak"), "Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_text("2 selected")).to_be_visible(timeout=SOON)
    keys.press(page.locator("#bulk-clear"))
    expect(page.get_by_text("2 selected")).to_have_count(0, timeout=SOON)
    keys.require_focus()


def read_and_download_the_audit(keys: Keyboard) -> None:
    page = keys.page
    keys.press(keys.key("audit-export"))
    button = keys.key("audit-download-csv")
    keys.tab_to(button)
    with page.expect_download(timeout=SOON) as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".csv")
    page.keyboard.press("Escape")
    expect(button).to_have_count(0)
    keys.require_focus()
    keys.press(page.locator("a.open").first)
    heading(page, re.compile(r"^Event [\d,]+$"))
    keys.require_focus()
    keys.press(keys.key("event-json", "input"), "Space")
    expect(page.get_by_test_id("stCode").last).to_contain_text("{", timeout=SOON)
    keys.press(keys.key("audit-back"), backwards=True)
    heading(page, "Audit")
    keys.require_focus()


def compare_two_roles(keys: Keyboard) -> None:
    page = keys.page
    keys.press(page.get_by_label("Select analyst"), "Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_text("2 selected")).to_be_visible(timeout=SOON)
    keys.press(page.locator("#bulk-compare"))
    heading(page, "Compare analyst and auditor")
    keys.require_focus()
    keys.press(keys.key("open-second"))
    heading(page, "auditor")
    keys.require_focus()


def find_who_can_open_a_page(keys: Keyboard) -> None:
    keys.press(keys.page.get_by_role("table", name="Pages").get_by_role("link", name="Audit"))
    heading(keys.page, "People")
    expect(keys.page).to_have_url(re.compile("permission=read(%3A|:)audit"), timeout=SOON)
    keys.require_focus()


TASKS: Final[dict[str, tuple[str, Callable[[Keyboard], None]]]] = {
    "grant a role, and undo it": ("/people", grant_a_role),
    "revoke a role": ("/people", revoke_a_role),
    "block and unblock a person": ("/people", block_and_unblock_a_person),
    "end a session": ("/sessions", end_a_session),
    "add a person": ("/people", add_a_person),
    "create, edit and delete a role": ("/roles", create_edit_and_delete_a_role),
    "map a token role": ("/mappings", map_a_token_role),
    "filter, sort, page and select": ("/people", filter_sort_turn_and_select),
    "read and download the audit": ("/audit", read_and_download_the_audit),
    "compare two roles": ("/roles", compare_two_roles),
    "who can open a page": ("/access", find_who_can_open_a_page),
}
"""Task → the page where it begins, and its steps."""


@pytest.fixture(scope="module", autouse=True)
def everyone_has_signed_in(browser: Browser, own_stack: Stack) -> None:
    """The people, sessions and token roles of the tasks are there."""
    crowd(own_stack, "crowd", 30)
    with browser_users(browser, own_stack) as new_user:
        for person in ("bruno", "chiyo", "dev", "eva"):
            new_user().sign_in(person)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_done_by_keyboard_alone(own_user: NewUser, task: str) -> None:
    path, steps = TASKS[task]
    ada = own_user()
    ada.sign_in("ada", path)
    expect(ada.page.locator("tr[data-row]").first).to_be_visible(timeout=SOON)
    ada.settle()
    keys = Keyboard(ada)
    keys.skip_to_content()
    steps(keys)
    assert ada.console_errors == []


def test_no_step_uses_a_mouse_or_sets_the_focus() -> None:
    """The steps above, and the keyboard that they use, call nothing that a keyboard cannot do."""
    folder = Path(__file__).parent
    text = "".join((folder / name).read_text(encoding="utf-8") for name in ("test_keyboard_tasks.py", "keyboard.py"))
    for name in ("click", "focus", "hover", "tap", "check", "fill", "select_option", "mouse"):
        assert not re.search(rf"\.{name}[.(]", text), name
