"""``docs/how-to/protect-your-own-app.md`` is followed: its files are written, its command runs, users sign in."""

from __future__ import annotations

import difflib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.app.cli.test_dev import read_until
from tests.e2e.conftest import BrowserUser
from tests.ports import free_port
from tests.stack import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-protect-your-own-app")]

TEXT: Final = (ROOT / "docs" / "how-to" / "protect-your-own-app.md").read_text(encoding="utf-8")
BEFORE, AFTER = TEXT.split("\n## Permissions: ten lines\n")
FILE: Final = re.compile(r"^<!-- run: file ([\w/.]+) -->\n^```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND: Final = re.compile(r"^```sh\n(gatehouse .*?)\n```$", re.MULTILINE)
MAX_LINES: Final = 10


class Served:
    """The running app of the how-to, in the role of a ``Stack``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app_url = f"http://localhost:{free_port()}"
        self.api_url = f"http://localhost:{free_port()}"

    @contextmanager
    def started(self, command: str) -> Iterator[None]:
        """Run the how-to's own command, on ports that are free here."""
        program, *arguments = command.split()
        environment = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR", "PATH"}}
        installed = Path(sys.executable).with_name(program)
        process = subprocess.Popen(
            [str(installed), *arguments, "--tenant-port", str(free_port())],
            cwd=self.folder,
            env={
                **environment,
                "GATEHOUSE_STATE": str(self.folder / "state"),
                "GATEHOUSE_APP_BASE_URL": self.app_url,
                "GATEHOUSE_REMOTE_API_BASE_URL": self.api_url,
                "PYTHONPATH": str(ROOT),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            read_until(process, "Ctrl-C stops everything.")
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


@pytest.fixture
def new_user(browser: Browser, tmp_path: Path) -> Iterator[tuple[Served, list[BrowserUser]]]:
    """The app and its users."""
    users: list[BrowserUser] = []
    yield Served(tmp_path), users
    for user in users:
        user.context.close()


def write(folder: Path, text: str) -> dict[str, str]:
    """Write the files of a part of the how-to; returns path → content."""
    files = dict(FILE.findall(text))
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return files


def new_lines(before: str, after: str) -> list[str]:
    """Lines that were added or changed, blank ones included."""
    changed = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:] for line in changed if line.startswith("+ ")]


def visit(browser: Browser, served: Served, users: list[BrowserUser], person: str, path: str) -> BrowserUser:
    """Open a path as a new user, sign in there, and return to it."""
    user = BrowserUser(browser.new_context(), served)
    users.append(user)
    user.open(path)
    assert user.heading().startswith("Sign in to ")
    assert user.page.url == served.app_url + path
    user.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    user.page.locator(f"button[name=person][value={person}]").click()
    expect(user.page.locator(".st-key-gatehouse-account")).to_be_visible(timeout=20_000)
    assert user.page.url == served.app_url + path
    return user


def test_the_how_to_works_as_written(browser: Browser, new_user: tuple[Served, list[BrowserUser]]) -> None:
    served, users = new_user
    (command,) = COMMAND.findall(BEFORE)
    assert command == "gatehouse dev shop/app.py"
    app = write(served.folder, BEFORE)
    with served.started(command):
        ann = visit(browser, served, users, "eva", "/orders?from=mail")
        expect(ann.page.get_by_role("heading", name="Orders")).to_be_visible(timeout=20_000)
        ann.sees_pages(["home", "orders", "prices"])
        ann.page.locator(".st-key-pay-back button").click()
        expect(ann.page.get_by_text("Order 17 is paid back.")).to_be_visible(timeout=20_000)
        ann.shot("their-app-signed-in")
        ann.page.locator(".st-key-gatehouse-account").get_by_text("Sign out").click()
        # The sign-in page or the page for an ended session, whichever comes first.
        expect(ann.page.get_by_role("heading", name=re.compile("Sign in|signed"))).to_be_visible(timeout=20_000)
        assert ann.page.evaluate("fetch('/auth/session').then(answer => answer.json())") == {"authenticated": False}
    for_sign_in = [line for path, text in app.items() for line in new_lines(text, (served.folder / path).read_text())]

    changed = write(served.folder, AFTER)
    for_permissions = {path: new_lines(app.get(path, ""), text) for path, text in changed.items()}
    with served.started(command):
        bruno = visit(browser, served, users, "bruno", "/orders")
        bruno.page.locator(".st-key-pay-back button").click()
        expect(bruno.page.get_by_text("Order 17 is paid back.")).to_be_visible(timeout=20_000)
        chiyo = visit(browser, served, users, "chiyo", "/orders")
        expect(chiyo.page.get_by_role("heading", name="Orders")).to_be_visible(timeout=20_000)
        chiyo.page.locator(".st-key-pay-back button").click()
        expect(chiyo.page.locator(".st-key-no-access")).to_contain_text("Pay an order back", timeout=20_000)
        expect(chiyo.page.get_by_text("is paid back")).to_have_count(0)
        chiyo.shot("their-app-function-refused")
        eva = visit(browser, served, users, "eva", "/orders")
        expect(eva.page.locator(".st-key-no-access")).to_contain_text("read:orders", timeout=20_000)
        expect(eva.page.locator(".st-key-pay-back")).to_have_count(0)
        eva.shot("their-app-page-refused")
        eva.page.get_by_text("Back to Home").click()
        expect(eva.page.get_by_role("heading", name="The shop")).to_be_visible(timeout=20_000)
        eva.sees_pages(["home", "prices"])

    lines = sum(map(len, for_permissions.values()))
    where = ", ".join(f"{path} {len(new)}" for path, new in for_permissions.items())
    print(f"\nlines of the app changed for sign-in: {len(for_sign_in)}")
    print(f"lines for permissions on pages and one function: {lines} ({where})")
    assert for_sign_in == []
    assert 0 < lines <= MAX_LINES
