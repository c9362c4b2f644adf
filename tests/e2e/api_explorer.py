"""The component on the API explorer in a browser: its controls, its answers and the event log."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import BrowserUser

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


def log_of(user: BrowserUser) -> list[str]:
    """The event log as shown, newest first."""
    return user.page.locator(".st-key-event-log li").all_inner_texts()


def expect_logged(user: BrowserUser, text: str | re.Pattern[str]) -> None:
    expect(user.page.locator(".st-key-event-log li").filter(has_text=text).first).to_be_visible(timeout=SOON)


def expect_message(user: BrowserUser, text: str | re.Pattern[str]) -> None:
    """Wait for a message of the component."""
    expect(user.page.locator(".st-key-console .status")).to_have_text(text, timeout=SOON)


def press(user: BrowserUser, control: str) -> None:
    user.page.locator(f".st-key-console button.{control}").click()


def choose(user: BrowserUser, name: str) -> None:
    page = user.page
    label = page.locator(".st-key-console select option").filter(has_text=name).inner_text()
    page.locator(".st-key-console select").select_option(label=label)
