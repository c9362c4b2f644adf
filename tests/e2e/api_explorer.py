"""The component on the API explorer in a browser: its controls, its answers and the event log."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

SOON = 20_000

CAPTURE = """
(() => {
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (data) {
    window.socket = this
    window.lastMessage = data
    return send.call(this, data)
  }
})()
"""
"""Code for a browser's console before a page loads: it keeps the socket and the last message on it."""


def log_of(visitor: Visitor) -> list[str]:
    """The event log as shown, newest first."""
    return visitor.page.locator(".st-key-event-log li").all_inner_texts()


def expect_logged(visitor: Visitor, text: str | re.Pattern[str]) -> None:
    expect(visitor.page.locator(".st-key-event-log li").filter(has_text=text).first).to_be_visible(timeout=SOON)


def expect_message(visitor: Visitor, text: str | re.Pattern[str]) -> None:
    """Wait for a message of the component."""
    expect(visitor.page.locator(".st-key-console .status")).to_have_text(text, timeout=SOON)


def press(visitor: Visitor, control: str) -> None:
    visitor.page.locator(f".st-key-console button.{control}").click()


def choose(visitor: Visitor, name: str) -> None:
    page = visitor.page
    label = page.locator(".st-key-console select option").filter(has_text=name).inner_text()
    page.locator(".st-key-console select").select_option(label=label)
