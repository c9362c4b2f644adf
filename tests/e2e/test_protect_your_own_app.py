"""``docs/how-to/protect-your-own-app.md`` followed: its files written, its command run, people arriving."""

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
from tests.e2e.conftest import Visitor
from tests.ports import free_port
from tests.stack import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXT: Final = (ROOT / "docs" / "how-to" / "protect-your-own-app.md").read_text(encoding="utf-8")
BEFORE, AFTER = TEXT.split("\n## Permissions: ten lines\n")
FILE: Final = re.compile(r"^<!-- run: file ([\w/.]+) -->\n^```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND: Final = re.compile(r"^```sh\n(gatehouse .*?)\n```$", re.MULTILINE)
MOST_LINES: Final = 10


class Served:
    """The app of the how-to, running; for visitors it is what a ``Stack`` is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app_url = f"http://localhost:{free_port()}"
        self.api_url = f"http://localhost:{free_port()}"

    @contextmanager
    def started(self, command: str) -> Iterator[None]:
        """Run the how-to's own command, on ports that are free here."""
        program, *arguments = command.split()
        kept = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR", "PATH"}}
        installed = Path(sys.executable).with_name(program)
        process = subprocess.Popen(
            [str(installed), *arguments, "--tenant-port", str(free_port())],
            cwd=self.folder,
            env={
                **kept,
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
def arrive(browser: Browser, tmp_path: Path) -> Iterator[tuple[Served, list[Visitor]]]:
    """The app, and the people who came."""
    came: list[Visitor] = []
    yield Served(tmp_path), came
    for visitor in came:
        visitor.context.close()


def write(folder: Path, text: str) -> dict[str, str]:
    """Write the files of a part of the how-to; → path → content."""
    files = dict(FILE.findall(text))
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return files


def new_lines(before: str, after: str) -> list[str]:
    """Lines that were added or changed, blank ones included."""
    changed = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:] for line in changed if line.startswith("+ ")]


def visit(browser: Browser, served: Served, came: list[Visitor], person: str, path: str) -> Visitor:
    """Somebody opens a path, signs in there, and is back at it."""
    visitor = Visitor(browser.new_context(), served)
    came.append(visitor)
    visitor.open(path)
    assert visitor.heading() == "Sign in"
    assert visitor.page.url == served.app_url + path
    visitor.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    visitor.page.locator(f"button[name=person][value={person}]").click()
    expect(visitor.page.locator(".st-key-gatehouse-account")).to_be_visible(timeout=20_000)
    assert visitor.page.url == served.app_url + path
    return visitor


def test_the_how_to_is_followed(browser: Browser, arrive: tuple[Served, list[Visitor]]) -> None:
    served, came = arrive
    (command,) = COMMAND.findall(BEFORE)
    assert command == "gatehouse dev shop/app.py"
    app = write(served.folder, BEFORE)
    with served.started(command):
        ann = visit(browser, served, came, "eva", "/orders?from=mail")
        expect(ann.page.get_by_role("heading", name="Orders")).to_be_visible(timeout=20_000)
        ann.sees_pages(["home", "orders", "prices"])
        ann.page.locator(".st-key-pay-back button").click()
        expect(ann.page.get_by_text("Order 17 is paid back.")).to_be_visible(timeout=20_000)
        ann.shot("their-app-signed-in")
        ann.page.locator(".st-key-gatehouse-account").get_by_text("Sign out").click()
        # The sign-in page, or the one that tells a tab of the end, whichever comes first.
        expect(ann.page.get_by_role("heading", name=re.compile("Sign in|signed"))).to_be_visible(timeout=20_000)
        assert ann.page.evaluate("fetch('/auth/session').then(answer => answer.json())") == {"authenticated": False}
    for_sign_in = [line for path, text in app.items() for line in new_lines(text, (served.folder / path).read_text())]

    changed = write(served.folder, AFTER)
    for_rights = {path: new_lines(app.get(path, ""), text) for path, text in changed.items()}
    with served.started(command):
        bruno = visit(browser, served, came, "bruno", "/orders")
        bruno.page.locator(".st-key-pay-back button").click()
        expect(bruno.page.get_by_text("Order 17 is paid back.")).to_be_visible(timeout=20_000)
        chiyo = visit(browser, served, came, "chiyo", "/orders")
        expect(chiyo.page.get_by_role("heading", name="Orders")).to_be_visible(timeout=20_000)
        chiyo.page.locator(".st-key-pay-back button").click()
        expect(chiyo.page.locator(".st-key-no-access")).to_contain_text("Pay an order back", timeout=20_000)
        expect(chiyo.page.get_by_text("is paid back")).to_have_count(0)
        chiyo.shot("their-app-function-refused")
        eva = visit(browser, served, came, "eva", "/orders")
        expect(eva.page.locator(".st-key-no-access")).to_contain_text("read:orders", timeout=20_000)
        expect(eva.page.locator(".st-key-pay-back")).to_have_count(0)
        eva.shot("their-app-page-refused")
        eva.page.get_by_text("Back to Home").click()
        expect(eva.page.get_by_role("heading", name="The shop")).to_be_visible(timeout=20_000)
        eva.sees_pages(["home", "prices"])

    lines = sum(map(len, for_rights.values()))
    where = ", ".join(f"{path} {len(new)}" for path, new in for_rights.items())
    print(f"\nlines of the app changed for sign-in: {len(for_sign_in)}")
    print(f"lines for rights on pages and one function: {lines} ({where})")
    assert for_sign_in == []
    assert 0 < lines <= MOST_LINES
