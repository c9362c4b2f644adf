"""Steps on the pages for administrators in a browser."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from app import testing
from app.core.keyring import Keyring
from app.core.principal import Subject
from db import open_database
from tests.stack import Stack

SOON = 20_000


def heading(page: Page, text: str | re.Pattern[str], *, within: int = SOON) -> None:
    """Wait for the page's main heading."""
    expect(page.locator("[data-testid=stMain] h1").first).to_have_text(text, timeout=within)


def find(page: Page, text: str, name: str) -> None:
    """Search for a person and open their page, by keyboard alone.

    The page is opened only when the list shows the result. A row of the list before would be removed by the response
    to the last letters, together with its focus.
    """
    page.locator(".st-key-q input").press_sequentially(text, delay=30)
    links = page.locator("a.open")
    expect(links).to_have_text([re.compile(re.escape(name))], timeout=SOON)
    links.focus()
    links.press("Enter")
    heading(page, name)


def row(page: Page, text: str) -> Locator:
    """The rows of tables that contain this text."""
    return page.locator("tr[data-row]").filter(has_text=text)


def in_dialog(page: Page) -> Locator:
    """The open dialog."""
    return page.get_by_role("dialog")


def answer(page: Page, key: str, reason: str) -> None:
    """Type the reason of a dialog and confirm."""
    page.locator(f".st-key-{key}-reason input").fill(reason)
    page.locator(f".st-key-{key}-go button").click()


def notice(page: Page) -> Locator:
    """The notice with the result of the last change."""
    return page.locator(".st-key-notice")


def crowd(stack: Stack, name: str, count: int) -> None:
    """Add people whose subjects begin with ``name``, and who have never signed in."""
    database = open_database(testing.settings(database_url=stack.database_url), Keyring(testing.settings().secrets))
    with database.unit_of_work() as unit:
        for number in range(count):
            unit.person_id(Subject(stack.issuer, f"auth0|{name}-{number:02}"))
        unit.commit()
    database.close()
