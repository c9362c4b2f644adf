"""Axe on the pages of roles, mappings and the access matrix, wide and narrow, and their tasks by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import APPEARANCES, Appearances, NewUser
from tests.e2e.test_accessibility import check, settled

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-role-pages")]
SOON = 20_000
TABLE = "[data-testid=stBidiComponentRegular] table, [data-testid=stMain] table"


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("roles", "/roles"), ("role", "/roles?role=3"), ("administrator", "/roles?role=1"),
        ("compare", "/roles?role=2&compare=3"), ("access", "/access"), ("mappings", "/mappings"),
    ],
)  # fmt: skip
def test_no_violation_on_the_pages_of_roles(new_user: NewUser, appearances: Appearances, name: str, path: str) -> None:
    user = new_user(width=appearances[0].width)
    user.sign_in("ada", path)
    settled(user, "input[type=checkbox]" if name == "role" else TABLE)
    check(user, appearances, f"role-pages-{name}")
    assert user.console_errors == []


def test_two_roles_are_compared_by_keyboard_alone(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada", "/roles")
    page = settled(user, TABLE)
    page.get_by_label("Select analyst").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Select auditor")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_text("2 selected")).to_be_visible(timeout=SOON)
    press_by_keyboard(page, "Compare")
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("Compare analyst and auditor", timeout=SOON)
    expect(page.get_by_role("table", name="Permissions of both roles")).to_be_visible(timeout=SOON)


def test_the_people_who_can_open_a_page_are_found_from_the_matrix(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada", "/access")
    page = settled(user, TABLE)
    row = page.get_by_role("table", name="Pages").get_by_role("link", name="Audit")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("People", timeout=SOON)
    assert "permission=read%3Aaudit" in page.url or "permission=read:audit" in page.url


def press_by_keyboard(page: Page, name: str) -> None:
    """Press a button by keyboard."""
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press("Enter")
