"""Each guard is removed in turn, in a copy of the project, and its named test must then fail there.

A guard without a test that fails when it is removed does not exist. The rows are in ``tests/security/guards``.
"""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.preloaded_python import SOCKET_VARIABLE, PreloadedPython
from tests.security.guard_removal import GuardNotFoundError, Removal, TextRemoval
from tests.stack import ROOT

TABLES = sorted(module.name for module in pkgutil.iter_modules([str(ROOT / "tests" / "security" / "guards")]))
PLUGINS = ("hypothesispytest", "xdist", "anyio")
"""Plugins of pytest that tests of guards use. To load all that are installed would take longer than most tests."""
PYTEST = (
    "-q", "-x", "-p", "no:cacheprovider",
    "--disable-plugin-autoload", *(part for name in PLUGINS for part in ("-p", name)),
    # They are imported before pytest could rewrite their assertions.
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
REMOVALS: list[Removal | TextRemoval] = [
    row for name in TABLES for row in importlib.import_module(f"tests.security.guards.{name}").REMOVALS
]


def test_every_guard_is_in_the_code_once_and_has_a_unique_name() -> None:
    not_found = []
    for row in REMOVALS:
        try:
            row.edit((ROOT / row.file).read_text(encoding="utf-8"))
        except (GuardNotFoundError, OSError) as error:
            not_found.append(f"{row.guard}: {error}")
    assert not_found == []
    assert [name for name, count in Counter(row.guard for row in REMOVALS).items() if count > 1] == []


def test_every_row_names_a_test_that_exists() -> None:
    tests: dict[str, set[str]] = {}
    for row in REMOVALS:
        file, _, name = row.test.partition("::")
        if file not in tests:
            module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            tests[file] = {
                node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        assert not name or name.partition("[")[0] in tests[file], row.guard


def test_the_replacement_of_a_guard_uses_defined_names_only(tmp_path: Path) -> None:
    """A test that fails by a ``NameError`` would not show that the guard is missed."""
    for number, row in enumerate(REMOVALS):
        if isinstance(row, Removal) and row.instead is not None:
            edited = row.edit((ROOT / row.file).read_text(encoding="utf-8"))
            (tmp_path / f"row_{number}.py").write_text(edited, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821", str(tmp_path)]
    result = subprocess.run([*command, "--output-format", "concise"], capture_output=True, text=True, check=False)
    undefined = {int(number) for number in re.findall(r"row_(\d+)\.py:", result.stdout)}
    assert {REMOVALS[number].guard: result.stdout for number in undefined} == {}
    assert result.returncode == 0, result.stdout + result.stderr


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the project, a process that runs its tests, and their environment."""

    folder: Path
    python: PreloadedPython
    env: dict[str, str]


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """One copy for each worker; compiled modules are copied too, so that children need not compile them."""
    home = tmp_path_factory.mktemp("guards")
    ignored = shutil.ignore_patterns(".git", ".venv", "var", "docs", ".*_cache", ".hypothesis", "node_modules")
    with PreloadedPython() as python:
        folder = shutil.copytree(ROOT, home / "copy", ignore=ignored)
        (folder / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "openapi.json", folder / "docs")  # stubs of the API are compared with it
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            SOCKET_VARIABLE: python.path,
        }
        yield Copy(folder, python, env)


@pytest.mark.waits
@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.guard)
def test_a_removed_guard_is_missed(removal: Removal | TextRemoval, copy: Copy) -> None:
    removal.needs()
    file = copy.folder / removal.file
    source, times = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(removal.edit(source), encoding="utf-8")
    try:
        completed = copy.python.run(
            ["pytest", *PYTEST, f"--basetemp={copy.folder.parent / 'tmp'}", removal.test],
            cwd=copy.folder,
            env=copy.env | {name: value for name, value in os.environ.items() if name == "TEST_DATABASE_URL"},
            timeout_seconds=120,
        )
    finally:
        file.write_text(source, encoding="utf-8")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # the compiled module is still valid
    assert completed.status == 1, completed.output[-5000:]
    assert "failed" in completed.output.splitlines()[-1], completed.output[-5000:]
