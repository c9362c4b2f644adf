"""On a machine with only a loopback network (on a train, in a container) everything works.

The test runs its script, the product and Chromium in a network namespace of their own, where only ``lo`` exists. There
Chromium reports to be offline.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.stack import ROOT

pytestmark = [pytest.mark.browser]
HINT: Final = "needs a network namespace of its own (Linux, `unshare --net`); REQUIRE_NAMESPACE=1 makes this a failure"
TREE: Final = ("app", "component", "db", "pages", "remote_api", ".streamlit", "gatehouse.py")
PROJECT_FILES: Final = (
    "Makefile",
    "pyproject.toml",
    "requirements.lock",
    "requirements-dev.lock",
    "README.md",
    "LICENSE",
)


@pytest.fixture
def unshare() -> list[str]:
    """The command that runs another one in its own network namespace."""
    program = shutil.which("unshare")
    command = [str(program), "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    reason = "there is no unshare"
    if program is not None:
        result = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return command
        reason = result.stderr.strip()
    if os.environ.get("REQUIRE_NAMESPACE"):
        pytest.fail(f"{HINT}: {reason}")
    pytest.skip(f"{HINT}: {reason}")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an installed ``.venv``, so that make downloads nothing."""
    folder = tmp_path / "gatehouse"
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".env"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for name in PROJECT_FILES:
        shutil.copy(ROOT / name, folder / name)
    venv = folder / ".venv"
    venv.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith("."):
            (venv / entry.name).symlink_to(entry)
    for stamp in (".made", ".runtime-installed", ".dev-installed"):
        (venv / stamp).touch()
    return folder


def test_make_run_and_signing_in_need_no_network(browser: Browser, unshare: list[str], checkout: Path) -> None:
    done = subprocess.run(
        [*unshare, sys.executable, "-m", "tests.e2e.loopback_only", str(checkout)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    printed = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    print(done.stdout)
    assert printed["interfaces"] == "['lo']"
    assert printed["signed in"] == "Usage report"
    assert printed["stopped"] == "True"
    assert (checkout / "var" / ".gitignore").read_text() == "*\n"
