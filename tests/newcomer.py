"""The first hour of a newcomer, with the commands of the README: ``python -m tests.newcomer``, which CI runs.

The tree is copied to a new repository. Its ``.venv`` is a new environment with the packages of the one that runs
this, so that nothing is downloaded; everything else is as on a newcomer's machine. Each step is timed.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from tests.ports import free_port
from tests.tree_copy import copy_of_the_tree

RUN: Final = "make run"
OWN_APP: Final = ".venv/bin/gatehouse dev path/to/your_app.py"
PAGE: Final = "make page NAME=invoices REQUIRES=read:invoices"
TEST: Final = "make test-fast"
OWN_SCRIPT: Final = 'import pathlib\nimport streamlit as st\n\npathlib.Path("ran").touch()\nst.title("Mine")\n'
COMMAND_LINE: Final = r"^(?:make|\.venv/bin/gatehouse) .*$"
READY: Final = "Ctrl-C stops everything."


def clone(folder: Path) -> Path:
    """Make a repository of this tree with an environment; returns its folder."""
    tree = copy_of_the_tree(folder / "gatehouse")
    git = ["git", "-c", "user.name=Newcomer", "-c", "user.email=newcomer@example.com"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Clone"]):
        subprocess.run([*git, *command], cwd=tree, check=True)
    environment = tree / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], cwd=tree, check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    leads_elsewhere = shutil.ignore_patterns("*.pth")  # such a file names the other tree
    # Not links to folders: what is deleted or compiled here must not change the other environment.
    shutil.copytree(
        sysconfig.get_path("purelib"), packages, ignore=leads_elsewhere, copy_function=_link, dirs_exist_ok=True
    )
    for installed in Path(sysconfig.get_path("scripts")).iterdir():
        target = environment / "bin" / installed.name
        if installed.is_file() and installed.read_bytes()[:2] != b"#!" and not target.exists():
            _link(str(installed), str(target))
    (packages / "newcomer.pth").write_text(str(tree), encoding="utf-8")
    program = environment / "bin" / "gatehouse"
    start = f"#!{environment}/bin/python\nfrom gatehouse import main\n\nraise SystemExit(main())\n"
    program.write_text(start, encoding="utf-8")
    program.chmod(0o755)
    for stamp in (".made", ".runtime-installed", ".dev-installed"):
        (environment / stamp).touch()
    return tree


def _link(source: str, target: str) -> None:
    """Make ``target`` a hard link to the file, or a copy on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def environment_of(tree: Path) -> dict[str, str]:
    """The variables of a newcomer, with ports that are free here."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tree.parent),
        "GATEHOUSE_APP_BASE_URL": f"http://localhost:{free_port()}",
        "GATEHOUSE_REMOTE_API_BASE_URL": f"http://localhost:{free_port()}",
    }


@contextmanager
def started(command: list[str], tree: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run a command until it is ready, and stop it with Ctrl-C after the block; yields what it printed.

    Raises:
        RuntimeError: It ended early, or did not end well.
    """
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a group of its own, which gets the Ctrl-C as that of a terminal does
    )
    assert process.stdout is not None
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            if READY in line:
                break
        else:
            raise RuntimeError(printed)
        yield printed
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    if process.returncode not in {0, -signal.SIGINT} or "All stopped." not in rest:  # make ends by the signal
        raise RuntimeError(f"status {process.returncode}: {rest}")


def check_address(url: str) -> None:
    """Check that the app answers, and that sign-in leads to the provider."""
    assert requests.get(f"{url}/", timeout=30).status_code == requests.codes.ok
    session = requests.get(f"{url}/auth/session", timeout=30)
    assert session.json()["authenticated"] is False, session.text
    sign_in = requests.get(f"{url}/auth/login", timeout=30, allow_redirects=False)
    assert "code_challenge_method=S256" in sign_in.headers["Location"]


def run_the_product(tree: Path) -> None:
    """`make run`."""
    environment = environment_of(tree) | {"ARGS": f"--tenant-port {free_port()}"}
    with started(RUN.split(), tree, environment) as printed:
        assert "sample data: the database was empty" in printed
        check_address(environment["GATEHOUSE_APP_BASE_URL"])


def run_an_app_of_my_own(tree: Path) -> None:
    """`gatehouse dev path/to/your_app.py`: no line of it runs for an anonymous visitor."""
    script = tree / "path" / "to" / "your_app.py"
    script.parent.mkdir(parents=True)
    script.write_text(OWN_SCRIPT, encoding="utf-8")
    environment = environment_of(tree)
    with started([*OWN_APP.split(), "--tenant-port", str(free_port())], tree, environment):
        check_address(environment["GATEHOUSE_APP_BASE_URL"])
    assert not list(tree.rglob("ran"))
    listed = subprocess.run(
        ["git", "status", "--porcelain", "path"], cwd=tree, capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == ["??", "path/"]
    assert [path.name for path in script.parent.iterdir()] == ["your_app.py"], "nothing is written beside the app"


def add_a_page(tree: Path) -> None:
    """`make page`."""
    subprocess.run(PAGE.split(), cwd=tree, env=environment_of(tree), check=True)
    assert (tree / "pages" / "invoices.py").exists()


def run_the_tests_that_it_touches(tree: Path) -> None:
    """`make test-fast` is green after the page."""
    variables = {name: value for name, value in environment_of(tree).items() if not name.startswith("GATEHOUSE_")}
    subprocess.run(TEST.split(), cwd=tree, env=variables, check=True)


STEPS: Final = {
    RUN: run_the_product,
    OWN_APP: run_an_app_of_my_own,
    PAGE: add_a_page,
    TEST: run_the_tests_that_it_touches,
}


def main() -> int:
    """Take every step, and print how long it took."""
    times = {}
    with tempfile.TemporaryDirectory(prefix="newcomer-") as name:
        started_at = time.monotonic()
        tree = clone(Path(name).resolve())
        times["git clone"] = time.monotonic() - started_at
        readme = (tree / "README.md").read_text(encoding="utf-8")
        shown = set(re.findall(r"`(make [^`\n]+)`", readme)) | set(re.findall(COMMAND_LINE, readme, re.MULTILINE))
        for command, step in STEPS.items():
            assert command in shown, f"the README does not show: {command}"
            started_at = time.monotonic()
            step(tree)
            times[command] = time.monotonic() - started_at
    print(*(f"{seconds:7.1f} s  {command}" for command, seconds in times.items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
