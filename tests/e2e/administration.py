"""The pages for administrators in a browser: what several tests do on them."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

SOON = 20_000


def heading(page: Page, text: str, *, within: int = SOON) -> None:
    """Wait for the page's main heading."""
    expect(page.locator("[data-testid=stMain] h1").first).to_have_text(text, timeout=within)


def find(page: Page, text: str, name: str) -> None:
    """Search for somebody and open their card, by keyboard alone.

    As a person does: the card is opened when the list shows what was searched for. Before that the row of that name is
    one of the list before, which the answer to the last letters takes out of the page, with the focus that is on it.
    """
    page.locator(".st-key-q input").press_sequentially(text, delay=30)
    found = page.locator("[class*=st-key-open-] button")
    expect(found).to_have_text([re.compile(re.escape(name))], timeout=SOON)
    found.focus()
    found.press("Enter")
    heading(page, name)


def in_dialog(page: Page) -> Locator:
    """What stands in the open dialog."""
    return page.get_by_role("dialog")


def answer(page: Page, key: str, reason: str) -> None:
    """Type the reason of a dialog and go on."""
    page.locator(f".st-key-{key}-reason input").fill(reason)
    page.locator(f".st-key-{key}-go button").click()


def notice(page: Page) -> Locator:
    """What the page says has happened."""
    return page.locator(".st-key-admin-notice")
