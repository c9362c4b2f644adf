"""The tests that a change touches: ``make test-fast``, or ``python -m tests.fast``.

A file is changed when it differs from ``--since`` (HEAD; in a clean tree the commit before it) or is untracked. A
module selects the tests in its place (``app/core/policy.py``: ``tests/app/core/test_policy*.py``), the tests that
import it and the rows that remove its guards; a document selects ``tests/docs``. Browser tests, tests of live servers
and benchmarks are selected only when they are changed themselves. ``make test`` runs everything.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("app", "component", "db", "pages", "remote_api", "tests")
SLOW: Final = ("tests/e2e/", "tests/security/", "tests/rehearsal/", "tests/benchmarks/")
"""Folders of which only changed tests are run."""
ALWAYS: Final = ("tests/docs/test_docs.py", "tests/test_imports.py")
GUARD_ROWS: Final = "tests/security/test_removed_guards.py"
GUARDS_ARE_FOUND: Final = (
    f"{GUARD_ROWS}::test_every_guard_is_in_the_code_once_and_has_a_unique_name",
    f"{GUARD_ROWS}::test_every_row_names_a_test_that_exists",
)


def changed_files(since: str | None, root: Path = ROOT) -> list[str]:
    """Paths in the project that differ from the commit ``since``, without deleted ones.

    Raises:
        subprocess.CalledProcessError: ``since`` names no commit.
    """

    def git(*arguments: str) -> list[str]:
        done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    untracked = git("ls-files", "--others", "--exclude-standard")
    changed = git("diff", "--name-only", since or "HEAD") + untracked
    if not changed and since is None:
        changed = git("diff", "--name-only", "HEAD~1")
    return sorted(path for path in set(changed) if (root / path).is_file())


def selected_tests(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """The test files and folders for ``changed``, without the rows of guards."""
    imports = {test: _imported(root / test) for test in _test_files(root)}
    chosen: set[str] = set()
    for path in changed:
        file = PurePosixPath(path)
        if file.suffix == ".md" or file.name in {"pyproject.toml", ".env.example"}:
            chosen.add("tests/docs")
        if path.startswith("component/frontend/"):
            chosen.add("tests/component/test_frontend.py")
        if path.startswith("pages/"):
            chosen |= {"tests/apptest/test_matrix.py", "tests/apptest/test_page_guards.py"}
        if file.suffix != ".py" or file.parts[0] not in PACKAGES:
            continue
        if path in imports and path != GUARD_ROWS:
            chosen.add(path)
        chosen |= set(_in_its_place(file, root))
        module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
        chosen |= {test for test, names in imports.items() if module in names and not test.startswith(SLOW)}
    return sorted(chosen)


def guard_rows_of(changed: Iterable[str]) -> list[str]:
    """The titles of the rows whose guard or test is in a changed file."""
    files = set(changed)
    tables = pkgutil.iter_modules([str(ROOT / "tests" / "security" / "guards")])
    rows = [row for table in tables for row in importlib.import_module(f"tests.security.guards.{table.name}").REMOVALS]
    return sorted(row.guard for row in rows if row.file in files or row.test.partition("::")[0] in files)


def _test_files(root: Path) -> list[str]:
    """Every test file of the project."""
    files = (root / "tests").rglob("test_*.py")
    return sorted(file.relative_to(root).as_posix() for file in files if "node_modules" not in file.parts)


def _imported(file: Path) -> set[str]:
    """The modules, and the names in modules, that ``file`` imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _in_its_place(file: PurePosixPath, root: Path) -> list[str]:
    """The tests in the place of ``file`` in the tree of tests, by its name."""
    stem = file.parent.name if file.stem == "__init__" else file.stem
    return sorted(test.relative_to(root).as_posix() for test in (root / "tests" / file.parent).glob(f"test_{stem}*.py"))


def main(arguments: list[str]) -> int:
    """Print what is selected and run it; the exit status is pytest's."""
    parser = argparse.ArgumentParser(description="Run the tests that a change touches.")
    parser.add_argument(
        "--since",
        metavar="COMMIT",
        help="what the tree is compared with (default: HEAD, or HEAD~1 when nothing is changed)",
    )
    parser.add_argument("--list", action="store_true", help="print the tests, and run none")
    options, passed_on = parser.parse_known_args(arguments)
    changed = changed_files(options.since)
    files = [*selected_tests(changed), *ALWAYS]
    rows = guard_rows_of(changed)
    print(f"{len(changed)} changed files select {len(files)} test files and {len(rows)} guard removals", flush=True)
    chosen = [
        *dict.fromkeys(files),
        *GUARDS_ARE_FOUND,
        *(f"{GUARD_ROWS}::test_a_removed_guard_is_missed[{row}]" for row in rows),
    ]
    if options.list:
        print("\n".join(chosen))
        return 0
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadgroup", *passed_on, *chosen],
        cwd=ROOT,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
