"""`make run` on a machine with loopback only: ``unshare --net python -m tests.e2e.loopback_only FOLDER``.

Runs as the only program of a network namespace of its own, and there with Chromium. ``FOLDER`` is a checkout with an
installed ``.venv``. Prints the results, and ends with status 0 after a sign-in.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.chromium import launched

_SIOCGIFFLAGS: Final = 0x8913  # netdevice(7)
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1
_READY: Final = "Ctrl-C stops everything."
_SOON: Final = 60_000
_APP: Final = "http://localhost:8501"


def main(folder: Path) -> int:
    """Start everything with make, sign in by a browser, and stop it."""
    bring_loopback_up()
    print(f"interfaces: {[name for _, name in socket.if_nameindex()]}")
    with subprocess.Popen(
        ["make", "run"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait_until_ready(process)
            sign_in()
        finally:
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal
            rest, _ = process.communicate(timeout=60)
    print(f"stopped: {'All stopped.' in rest}")
    return 0


def bring_loopback_up() -> None:
    """``ip link set lo up``, without needing iproute2."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack("16xH14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    """Read the output of make until everything runs."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if _READY in line:
            return
    raise RuntimeError(printed)


def sign_in() -> None:
    """Open a page, sign in at the local tenant, and return to the page."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        assert browser is not None, "no Chromium"
        page = browser.new_page()
        page.goto(f"{_APP}/reports", timeout=_SOON)
        control = page.locator(".st-key-sign-in a")
        expect(control).to_be_visible(timeout=_SOON)
        print(f"navigator.onLine: {page.evaluate('navigator.onLine')}")
        control.click()
        page.locator("button[name=person][value=chiyo]").click(timeout=_SOON)
        page.wait_for_url(re.compile(re.escape(_APP)), timeout=_SOON)
        expect(heading(page)).to_have_text("Usage report", timeout=_SOON)
        print(f"signed in: {heading(page).inner_text()}")
        browser.close()


def heading(page: Page) -> Locator:
    """The main heading of the page."""
    return page.locator("[data-testid=stMain] h1").first


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
