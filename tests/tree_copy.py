"""A copy of the source tree, for tests that edit it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.stack import ROOT

_NOT_COPIED: Final = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", ".env", "__pycache__", "var", "build", "dist", "node_modules"
)


def copy_of_the_tree(folder: Path) -> Path:
    """Copy the source tree to ``folder``, without what is installed, built or stored; returns ``folder``."""
    shutil.copytree(ROOT, folder, ignore=_NOT_COPIED)
    return folder


def run_in(tree: Path, *module: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in the tree, with its packages."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )


def make_page(tree: Path, name: str, requires: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run what ``make page`` runs, in ``tree``."""
    passed = [part for option, value in options.items() for part in (f"--{option}", value)]
    return run_in(tree, "app.cli.scaffold", name, requires, *passed)
