"""A user who has a keyboard and no mouse: nothing here clicks, and only Tab and the arrow keys move the focus."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as BrowserTimeout

from tests.e2e.conftest import BrowserUser

SOON: Final = 20_000
MAX_TABS: Final = 120
_FOCUSED: Final = """() => {
  let element = document.activeElement
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
  if (!element || element === document.body || element === document.documentElement) return false
  return element.getClientRects().length > 0
}"""


class Keyboard:
    """Operates a page by keyboard alone."""

    def __init__(self, user: BrowserUser) -> None:
        self.user = user
        self.page: Page = user.page
        self.dismissed = False
        """Whether a dialog was dismissed and opened again: once is enough for each task."""

    def key(self, name: str, control: str = "button") -> Locator:
        """The control of a widget with this key in Streamlit."""
        return self.page.locator(f".st-key-{name} {control}").first

    def is_on(self, control: Locator) -> bool:
        """Whether the control has the focus."""
        return control.and_(self.page.locator(":focus")).count() > 0

    def tab_to(self, control: Locator, *, backwards: bool = False) -> None:
        """Press Tab until the control has the focus."""
        expect(control.first).to_be_attached(timeout=SOON)
        for _ in range(MAX_TABS):
            if self.is_on(control):
                return
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        pytest.fail(f"Tab does not reach {control}")

    def skip_to_content(self) -> None:
        """Follow the link to the main content, which is the first control of the page."""
        self.tab_to(self.page.get_by_test_id("stSkipToContent"))
        self.page.keyboard.press("Enter")

    def press(self, control: Locator, key: str = "Enter", *, backwards: bool = False) -> None:
        """Go to the control by Tab and press a key, and wait until the page has responded."""
        self.tab_to(control, backwards=backwards)
        self.page.keyboard.press(key)
        self.user.settle()

    def type(self, control: Locator, text: str) -> None:
        """Go to an input by Tab and type into it."""
        self.tab_to(control)
        self.page.keyboard.type(text)

    def choose(self, option: Locator, *, key: str = "ArrowDown", at_most: int = 20) -> None:
        """Press an arrow key within a group until the option has the focus or is checked."""
        for _ in range(at_most):
            if self.is_on(option) and option.is_checked():
                return
            self.page.keyboard.press(key)
            self.user.settle()
        pytest.fail(f"{key} does not reach {option}")

    def require_focus(self) -> None:
        """Fail unless a visible control gets the focus."""
        self.user.settle()
        try:
            self.page.wait_for_function(_FOCUSED, timeout=5_000)
        except BrowserTimeout:
            pytest.fail(f"nothing visible has the focus on {self.page.url}")
