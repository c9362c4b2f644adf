"""How many clicks the most frequent tasks of an administrator take, counted in a real browser.

Each task begins on the page of its list. Typing and moving by keyboard are no clicks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.administration import SOON, heading, notice
from tests.e2e.conftest import BrowserUser, NewUser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-clicks")]


class Clicks:
    """Presses controls of a page, and counts how often."""

    def __init__(self, user: BrowserUser) -> None:
        self.user = user
        self.page: Page = user.page
        self.count = 0

    def click(self, control: Locator) -> None:
        """Press a control with the mouse."""
        control.click(timeout=SOON)
        self.count += 1
        self.user.settle()

    def type_reason(self, key: str) -> None:
        """Go to the input of the reason by keyboard, and type."""
        field = self.page.locator(f".st-key-{key}-reason input")
        field.focus()
        field.press_sequentially("a test of clicks")
        field.press("Tab")
        self.user.settle()
