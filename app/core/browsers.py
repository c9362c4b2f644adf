"""The names of browsers in lists of sessions and in the audit. For display only: a client may send any user agent."""

from __future__ import annotations

from typing import Final

# The order matters: most user agents contain the names of other browsers too.
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chromium (headless)"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return name and system of a browser according to its user agent, such as ``Firefox on Windows``."""
    name = next((label for token, label in _BROWSERS if token in user_agent), "Unknown browser")
    system = next((label for token, label in _SYSTEMS if token in user_agent), "")
    return f"{name} on {system}" if system else name
