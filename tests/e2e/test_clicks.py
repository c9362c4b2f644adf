"""How many clicks the ten most frequent tasks of an administrator take, counted in a real browser.

Each task begins on the page of its list, and ends when its result is on the screen. Only the mouse counts: an input is
reached by Tab, and typed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.administration import SOON, in_dialog, notice, row
from tests.e2e.conftest import BrowserUser, NewUser, browser_users
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-clicks")]


class Mouse:
    """Clicks, and counts the clicks."""

    def __init__(self, user: BrowserUser) -> None:
        self.user = user
        self.page: Page = user.page
        self.clicks = 0

    def click(self, control: Locator) -> None:
        """Click a control."""
        control.click(timeout=SOON)
        self.clicks += 1
        self.user.settle()

    def key(self, name: str) -> Locator:
        """The button, or its like, with a key in Streamlit."""
        return self.page.locator(f".st-key-{name} button").first

    def type(self, key: str, text: str) -> None:
        """Type into an input that the keyboard reaches."""
        field = self.page.locator(f".st-key-{key} input")
        field.focus()
        field.press_sequentially(text)
        field.press("Tab")
        self.user.settle()


def grant_a_role(mouse: Mouse) -> None:
    mouse.click(row(mouse.page, "Eva Novak").get_by_role("button", name="Grant"))
    mouse.click(in_dialog(mouse.page).get_by_text("viewer", exact=True))
    mouse.type("many-grant-reason", "joins")
    mouse.click(mouse.key("many-grant-go"))
    expect(notice(mouse.page)).to_contain_text("Granted Eva Novak the role viewer, no expiry.", timeout=SOON)


def revoke_a_role(mouse: Mouse) -> None:
    mouse.click(row(mouse.page, "Chiyo Tanaka").locator("a.open"))
    mouse.click(mouse.page.get_by_role("button", name="Revoke: viewer"))
    mouse.type("revoke-reason", "moves")
    mouse.click(mouse.key("revoke-go"))
    expect(notice(mouse.page)).to_contain_text("Revoked the role viewer from Chiyo Tanaka (granted by ", timeout=SOON)


def find_who_has_a_permission(mouse: Mouse) -> None:
    mouse.click(mouse.page.locator(".st-key-permission input"))
    mouse.page.keyboard.type("explore:api")
    mouse.click(mouse.page.get_by_role("option", name="explore:api"))
    expect(mouse.page.locator("tr[data-row]")).to_have_count(2, timeout=SOON)


def block_a_person(mouse: Mouse) -> None:
    mouse.click(row(mouse.page, "Bruno Silva").locator("a.open"))
    mouse.click(mouse.key("block"))
    mouse.type("block-reason", "left")
    mouse.click(mouse.key("block-go"))
    expect(notice(mouse.page)).to_contain_text("Blocked Bruno Silva until unblocked by an administrator", timeout=SOON)


def end_a_session(mouse: Mouse) -> None:
    mouse.click(row(mouse.page, "Dev Patel").get_by_role("button", name="End"))
    mouse.type("end-session-reason", "lost")
    mouse.click(mouse.key("end-session-go"))
    expect(notice(mouse.page)).to_contain_text("Ended the session of Dev Patel (", timeout=SOON)


def create_a_role(mouse: Mouse) -> None:
    """Its clicks on permissions are not counted."""
    mouse.click(mouse.key("new-role"))
    mouse.page.get_by_role("textbox", name="Name", exact=True).fill("clerk")
    mouse.page.locator("[class*='has-read-reports'] label").click()
    mouse.user.settle()
    mouse.click(mouse.key("role-review"))
    mouse.page.get_by_role("textbox", name="Reason", exact=True).fill("a new team")
    mouse.click(mouse.key("role-save"))
    expect(notice(mouse.page)).to_contain_text("Created the role clerk with the permission read:reports", timeout=SOON)


def read_the_audit_of_a_person(mouse: Mouse) -> None:
    mouse.click(row(mouse.page, "Dev Patel").locator("a.open"))
    mouse.click(mouse.page.get_by_role("link", name="All activity"))
    expect(mouse.page).to_have_url(re.compile("/audit.*name="), timeout=SOON)


def download_the_audit(mouse: Mouse) -> None:
    mouse.click(mouse.key("audit-export"))
    with mouse.page.expect_download(timeout=SOON) as download:
        mouse.click(mouse.key("audit-download-csv"))
    assert download.value.suggested_filename.endswith(".csv")


def map_a_token_role(mouse: Mouse) -> None:
    mouse.click(row(mouse.page, "developer").get_by_role("button", name=re.compile("Map|Change")))
    picker = mouse.page.locator(".st-key-mapping-roles input").first
    picker.focus()
    picker.press_sequentially("auditor")
    picker.press("Enter")
    picker.press("Escape")
    mouse.user.settle()
    mouse.type("mapping-reason", "the same team")
    mouse.click(mouse.key("mapping-go"))
    expect(notice(mouse.page)).to_contain_text("Mapped the token role developer to ", timeout=SOON)


def compare_two_roles(mouse: Mouse) -> None:
    for name in ("analyst", "viewer"):
        mouse.click(row(mouse.page, name).locator("td.select input"))
    mouse.click(mouse.page.locator("#bulk-compare"))
    expect(mouse.page.locator("[data-testid=stMain]")).to_contain_text("Compare", timeout=SOON)


TASKS: Final[dict[str, tuple[str, Callable[[Mouse], None], int]]] = {
    "grant a role": ("/people", grant_a_role, 3),
    "revoke a role": ("/people", revoke_a_role, 3),
    "who has a permission": ("/people", find_who_has_a_permission, 2),
    "block a person": ("/people", block_a_person, 3),
    "end a session": ("/sessions", end_a_session, 2),
    "create a role": ("/roles", create_a_role, 3),
    "the audit of a person": ("/people", read_the_audit_of_a_person, 2),
    "download the audit": ("/audit", download_the_audit, 2),
    "map a token role": ("/mappings", map_a_token_role, 2),
    "compare two roles": ("/roles", compare_two_roles, 3),
}
"""Task → the page where it begins, its steps, and the most clicks that it may take."""


@pytest.fixture(scope="module", autouse=True)
def everyone_has_signed_in(browser: Browser, own_stack: Stack) -> None:
    """The people, sessions and token roles of the tasks are there."""
    with browser_users(browser, own_stack) as new_user:
        for person in ("bruno", "chiyo", "dev", "eva"):
            new_user().sign_in(person)


@pytest.mark.parametrize("task", TASKS)
def test_a_frequent_task_takes_few_clicks(own_user: NewUser, task: str) -> None:
    path, steps, max_clicks = TASKS[task]
    ada = own_user()
    ada.sign_in("ada", path)
    expect(ada.page.locator("tr[data-row]").first).to_be_visible(timeout=SOON)
    ada.settle()
    mouse = Mouse(ada)
    steps(mouse)
    assert mouse.clicks <= max_clicks
    print(f"{task}: {mouse.clicks} clicks")
