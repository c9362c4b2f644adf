"""A Chromium to drive: Playwright's own, or the one that is installed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Playwright

HINT: Final = (
    "no Chromium was found; one of these brings it: `apt install chromium-headless-shell`, "
    "`brew install --cask chromium`, or `.venv/bin/playwright install chromium`. "
    "REQUIRE_BROWSER=1 makes this a failure."
)
_COMMANDS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first one is what Playwright brings too: the same engine without the browser around it, a quarter less work."""
_ARGUMENTS: Final = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def launched(playwright: Playwright) -> Browser | None:
    """A headless browser; None when there is none to be found."""
    own = Path(playwright.chromium.executable_path)
    system = next(filter(None, map(shutil.which, _COMMANDS)), None)
    if not own.exists() and system is None:
        return None
    return playwright.chromium.launch(executable_path=None if own.exists() else system, args=_ARGUMENTS)
