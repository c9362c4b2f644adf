from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.fast import ALWAYS, GUARD_ROWS, PACKAGES, SLOW, changed_files, guard_rows_of, selected_tests
from tests.stack import ROOT


def _write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project of two modules with their tests."""
    _write(
        tmp_path,
        {
            "app/core/policy.py": "",
            "db/grants.py": "",
            "tests/app/core/test_policy.py": "",
            "tests/app/core/test_policy_hostile.py": "",
            "tests/db/builders.py": "from db import grants",
            "tests/db/test_grants.py": "from app.core.policy import decide\nfrom tests.db.builders import person",
            "tests/db/test_people.py": "import app.core.policy",
            "tests/db/test_other.py": "from app.core import policies",
            "tests/e2e/test_session_use.py": "from app.core import policy",
            "tests/component/test_frontend.py": "",
            GUARD_ROWS: "from app.core import policy",
        },
    )
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "selected"),
    [
        (
            "app/core/policy.py",
            [
                "tests/app/core/test_policy.py",
                "tests/app/core/test_policy_hostile.py",
                "tests/db/test_grants.py",
                "tests/db/test_people.py",
            ],
        ),
        ("db/grants.py", ["tests/db/test_grants.py"]),
        ("tests/db/builders.py", ["tests/db/test_grants.py"]),
        ("tests/db/test_other.py", ["tests/db/test_other.py"]),
        ("tests/e2e/test_session_use.py", ["tests/e2e/test_session_use.py"]),
        ("component/frontend/auth0.js", ["tests/component/test_frontend.py"]),
        ("pages/home.py", ["tests/apptest/test_matrix.py", "tests/apptest/test_page_guards.py"]),
        ("docs/security.md", ["tests/docs"]),
        ("README.md", ["tests/docs"]),
        ("deploy/gatehouse.service", []),
        (GUARD_ROWS, []),
    ],
)
def test_a_changed_file_selects_the_tests_in_its_place_and_those_that_import_it(
    tree: Path, changed: str, selected: list[str]
) -> None:
    assert selected_tests([changed], tree) == selected


def test_changed_files_are_those_that_differ_from_a_commit_and_those_that_are_untracked(tree: Path) -> None:
    _git(tree, "init", "--initial-branch=main")
    _git(tree, "add", "-A")
    _git(tree, "commit", "-m", "first")
    _write(tree, {"db/grants.py": "changed = True"})
    _git(tree, "commit", "-am", "second")
    assert changed_files(None, tree) == ["db/grants.py"]  # nothing differs from HEAD: the last commit counts
    _write(tree, {"app/core/policy.py": "changed = True", "app/core/new.py": ""})
    (tree / "tests/db/test_other.py").unlink()
    assert changed_files(None, tree) == ["app/core/new.py", "app/core/policy.py"]
    assert changed_files("HEAD~1", tree) == ["app/core/new.py", "app/core/policy.py", "db/grants.py"]


def test_a_changed_module_selects_the_rows_that_remove_its_guards() -> None:
    assert "a permission can require a recent or stronger sign-in" in guard_rows_of(["app/core/policy.py"])
    assert guard_rows_of(["docs/security.md"]) == []


def test_the_folders_and_files_that_are_named_exist() -> None:
    assert all((ROOT / path).exists() for path in (*SLOW, *ALWAYS, *PACKAGES, GUARD_ROWS))
