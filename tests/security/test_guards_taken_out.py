"""Each guard is removed in turn, in a copy of the project, and its named test must then fail there.

A guard without a test that fails when it is removed does not exist. The rows are in ``tests/security/guards``.
"""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.security.guard_removal import GuardNotFoundError, Removal, TextRemoval
from tests.stack import ROOT

TABLES = sorted(module.name for module in pkgutil.iter_modules([str(ROOT / "tests" / "security" / "guards")]))
REMOVALS: list[Removal | TextRemoval] = [
    row for name in TABLES for row in importlib.import_module(f"tests.security.guards.{name}").REMOVALS
]


def test_every_guard_is_in_the_code_once_and_has_a_name_of_its_own() -> None:
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
            tests[file] = {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
        assert not name or name.partition("[")[0] in tests[file], row.guard


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.guard)
def test_a_guard_that_is_taken_out_is_missed(removal: Removal | TextRemoval, tmp_path: Path) -> None:
    removal.needs()
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", "var", "docs", "__pycache__", ".*_cache", ".hypothesis", "node_modules"
        ),
    )
    file = copy / removal.file
    file.write_text(removal.edit(file.read_text(encoding="utf-8")), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", removal.test],
        cwd=copy,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        | {name: value for name, value in os.environ.items() if name == "TEST_DATABASE_URL"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-2000:]
    assert "failed" in done.stdout.splitlines()[-1]
