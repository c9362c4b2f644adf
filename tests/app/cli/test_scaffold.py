"""`make page`: everything that a page needs, so that the tests pass; or a sentence for each mistake, and no change."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from app.cli.scaffold import add_page, default_sentence
from app.cli.source_tree import SourceTree
from app.core.errors import InvalidInput
from tests.docs.banned_words import RULES
from tests.stack import ROOT
from tests.tree_copy import copy_of_the_tree, make_page, run_in

PERMISSIONS: Final = "app/core/permissions.py"
NAVIGATION: Final = "app/navigation.py"
MATRIX: Final = "tests/apptest/test_matrix.py"
POLICY: Final = "tests/app/core/test_policy.py"
BANNED: Final = next(rule.words for rule in RULES if rule.words.isalpha())
"""A word that the vocabulary bans."""

pytestmark = pytest.mark.xdist_group("scaffold")  # the tree is copied once


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_tree(tmp_path_factory.mktemp("pristine") / "tree")


@pytest.fixture
def tree(pristine: Path, tmp_path: Path) -> Path:
    """What `make page` reads and writes, in a folder of its own."""
    for name in ("app", "pages", "docs", "component", "db", "remote_api"):
        shutil.copytree(pristine / name, tmp_path / "tree" / name)
    first_party = (
        "tests/__init__.py",
        "tests/apptest/conftest.py",
        "tests/remote_api/world.py",
    )  # for the order of imports
    of_the_tables = (
        "tests/e2e/accessibility/streamlit_markup.py",
        "tests/security/requirement_table.py",
        "tests/security/requirements.toml",
    )
    for name in (MATRIX, POLICY, *first_party, *of_the_tables, "pyproject.toml", "README.md", ".env.example"):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pristine / name, tmp_path / "tree" / name)
    shutil.copytree(pristine / "tests" / "docs", tmp_path / "tree" / "tests" / "docs")
    return tmp_path / "tree"


def contents(tree: Path) -> dict[str, str]:
    """Path → digest of every file, but for caches."""
    return {
        path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".ruff_cache" not in path.parts
    }


def free_name(*names: str) -> str:
    """The first name that is no page of this tree, which may have got one by `make page` itself."""
    return next(name for name in names if not (ROOT / "pages" / f"{name}.py").exists())


def test_everything_passes_after_two_pages_one_with_a_new_permission(tmp_path: Path) -> None:
    """The tests that a page and a permission touch; `tests/docs` but for those that copy the tree themselves."""
    tree = copy_of_the_tree(tmp_path / "tree")
    new, other = free_name("invoices", "receipts"), free_name("yearly_report", "monthly_report")
    first = make_page(
        tree, new, f"read:{new}", sentence=f"See all {new} of customers.", roles="viewer,auditor", icon="receipt_long"
    )
    second = make_page(tree, other, "read:reports", title="A year in numbers")
    for done in (first, second):
        assert done.returncode == 0, done.stdout + done.stderr
    created = [path for name in (new, other) for path in (f"pages/{name}.py", f"tests/apptest/test_{name}_page.py")]
    changed = [*created, PERMISSIONS, NAVIGATION, MATRIX, POLICY]
    assert f'"{new}.py": {{' in (tree / MATRIX).read_text(encoding="utf-8")
    assert f'("read:{new}", "See all {new} of customers.")' in (tree / PERMISSIONS).read_text(encoding="utf-8")
    row = f'PageRow("{new}.py", "{new}", "{new.capitalize()}", ":material/receipt_long:", "Work"'
    assert row in (tree / NAVIGATION).read_text(encoding="utf-8")
    tests = [
        "tests/apptest/test_matrix.py", "tests/apptest/test_page_guards.py", "tests/apptest/test_access_changes.py",
        "tests/apptest/test_step_up.py", "tests/app/core/test_policy.py", "tests/remote_api/test_matrix.py",
        "tests/remote_api/test_access.py", "tests/docs/test_docs.py", "tests/docs/test_where.py",
        "tests/docs/test_named_code.py", "tests/docs/test_structure.py",
        *(path for path in created if path.startswith("tests/")),
    ]  # fmt: skip
    for module in (
        ("ruff", "format", "--check", *changed),
        ("ruff", "check", *changed),
        ("tests.docs.vocabulary", "--files", *changed),
        ("mypy", *changed),
        ("pytest", "-q", "-p", "no:cacheprovider", *tests),
    ):
        done = run_in(tree, *module)
        assert done.returncode == 0, f"{module[0]}: {done.stdout}{done.stderr}"
        assert module[0] != "tests.docs.vocabulary" or not done.stdout, done.stdout


def test_the_rows_of_a_new_permission_are_literal(tree: Path) -> None:
    add_page("open_bills", "pay:bills", title="Open bills", roles="analyst", root=tree)
    module = ast.parse((tree / MATRIX).read_text(encoding="utf-8"))
    (table,) = [node.value for node in module.body if isinstance(node, ast.AnnAssign)]
    assert ast.literal_eval(table)["open_bills.py"] == {  # type: ignore[arg-type]
        "anonymous": "Sign in",
        "no role": "pay:bills",
        "administrator": "Open bills",
        "analyst": "Open bills",
        "viewer": "pay:bills",
        "auditor": "pay:bills",
        "developer": "pay:bills",
        "blocked": "blocked",
    }
    assert '"pay:bills": False,' in (tree / POLICY).read_text(encoding="utf-8")
    assert '"analyst": ["explore:files", "export:reports", "pay:bills", "read:reports"]' in (tree / POLICY).read_text()
    assert "Permission.EXPLORE_FILES, Permission.PAY_BILLS" in (tree / PERMISSIONS).read_text(encoding="utf-8")
    assert "| `/open-bills` | Open bills |" in (tree / "docs" / "permissions.md").read_text(encoding="utf-8")


def test_an_existing_permission_gets_no_second_row(tree: Path) -> None:
    before = contents(tree)
    report = add_page("yearly", "read:statistics", root=tree)
    changed = {path for path, digest in contents(tree).items() if before.get(path) != digest}
    assert changed == {
        "pages/yearly.py", "tests/apptest/test_yearly_page.py", NAVIGATION, MATRIX, "docs/permissions.md",
    }  # fmt: skip
    assert not any("is new" in line for line in report)
    text = (tree / MATRIX).read_text(encoding="utf-8").partition('"yearly.py": {')[2]
    assert '"viewer": "read:statistics", "auditor": "Yearly"' in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": "Invoices"}, "NAME: Use lower-case letters"),
        ({"name": ""}, "NAME: Use lower-case letters"),
        ({"name": "../invoices"}, "NAME: Use lower-case letters"),
        ({"name": "class"}, "NAME: Use lower-case letters, digits and underscores, and no keyword"),
        ({"name": "media"}, "NAME: The address /media is Gatehouse's own"),
        ({"name": "admin"}, "NAME: app/navigation.py has a page at /admin"),
        ({"name": "people"}, "NAME: pages/people.py exists; app/navigation.py has a row of people.py"),
        ({"requires": ""}, "REQUIRES: Use action:resource"),
        ({"requires": "read"}, "REQUIRES: Use action:resource"),
        ({"requires": "read:bills:all"}, "REQUIRES: Use action:resource"),
        ({"requires": "Read:bills"}, "REQUIRES: Use action:resource"),
        ({"requires": "read-:bills"}, "REQUIRES: Use action:resource"),
        ({"requires": "erase:people"}, "REQUIRES: erase:people requires a second factor"),
        ({"title": "*Bills*"}, "TITLE: Use letters, digits and spaces"),
        ({"title": "B" * 61}, "TITLE: Use letters, digits and spaces, at most 60"),
        ({"title": "No access"}, "TITLE: Use letters"),
        ({"title": "People"}, "TITLE: app/navigation.py has a page named People"),
        ({"sentence": "see bills"}, "SENTENCE: Use one sentence"),
        ({"sentence": "See bills; pay them."}, "SENTENCE: Use one sentence"),
        ({"sentence": "See bills.\nPay them."}, "SENTENCE: Use one sentence"),
        ({"sentence": f"See {BANNED}."}, "the vocabulary: tests/docs/banned_words.py bans a word: app/core/"),
        ({"requires": "read:reports", "sentence": "See bills."}, "SENTENCE: read:reports has its sentence already"),
        ({"requires": "read:reports", "roles": "viewer"}, "ROLES: read:reports belongs to its roles already"),
        ({"roles": "viewer,clerk"}, "ROLES: There is no built-in role clerk. There are administrator, analyst,"),
        ({"icon": "no_such_symbol"}, "ICON: Use the name of a Material symbol"),
        ({"icon": '":x'}, "ICON: Use the name of a Material symbol"),
    ],
)
def test_what_is_not_right_is_one_sentence_and_changes_nothing(
    tree: Path, arguments: dict[str, str], problem: str
) -> None:
    before = contents(tree)
    with pytest.raises(InvalidInput) as error:
        add_page(**{"name": "bills", "requires": "read:bills"} | arguments, root=tree)
    assert problem in "\n".join(f"{field}: {text}" for field, text in error.value.problems.items())
    assert contents(tree) == before


def append(text: str) -> Callable[[str], str]:
    return lambda content: content + text


@pytest.mark.parametrize(
    ("path", "edit", "problem"),
    [
        (PERMISSIONS, append("\nclass Half(\n"), "It cannot be parsed (line"),
        (NAVIGATION, append("\ndef half(:\n"), "It cannot be parsed (line"),
        (MATRIX, lambda text: text.replace("MATRIX:", "TABLE:"), "It does not have one assignment to MATRIX"),
        (NAVIGATION, lambda text: text.replace("PAGES: Final = (", "PAGES: Final = list("), "It does not have"),
        (POLICY, lambda text: text.replace("catalogue = {", "catalogue = dict() or {"), "a dictionary catalogue"),
        (POLICY, lambda text: text.replace('"viewer": ["read', '"bills": ["read'), "one dictionary of the built-in"),
        (PERMISSIONS, append("\nimport os\n"), "the rules of ruff"),
        ("app/core/audit.py", append("\nraise ValueError\n"), "the tables of the documentation"),
        ("pages/bills.py", lambda _: "half", "pages/bills.py exists"),
        ("tests/apptest/test_bills_page.py", lambda _: "half", "tests/apptest/test_bills_page.py exists"),
        (POLICY, lambda text: text.replace('"read:people": False,', '"read:bills": False,'), "remove it there"),
    ],
)
def test_a_file_in_another_state_is_named_and_nothing_is_changed(
    tree: Path, path: str, edit: Callable[[str], str], problem: str
) -> None:
    file = tree / path
    file.write_text(edit(file.read_text(encoding="utf-8") if file.exists() else ""), encoding="utf-8")
    before = contents(tree)
    with pytest.raises(InvalidInput) as error:
        add_page("bills", "read:bills", roles="viewer", root=tree)
    assert problem in "\n".join(f"{field}: {text}" for field, text in error.value.problems.items())
    assert contents(tree) == before


def test_a_half_removed_page_is_named_by_its_rest(tree: Path) -> None:
    add_page("bills", "read:bills", root=tree)
    (tree / "pages" / "bills.py").unlink()
    before = contents(tree)
    with pytest.raises(InvalidInput) as error:
        add_page("bills", "read:bills", root=tree)
    assert error.value.problems["NAME"].startswith(
        "tests/apptest/test_bills_page.py exists; app/navigation.py has a row of bills.py; "
        "tests/apptest/test_matrix.py has an entry of bills.py. Remove what is left"
    )
    assert contents(tree) == before


def test_an_interrupted_run_changes_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(tree)

    def interrupt(*_: object) -> None:
        assert (tree / "pages" / "bills.py").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(SourceTree, "_check", interrupt)
    with pytest.raises(KeyboardInterrupt):
        add_page("bills", "read:bills", root=tree)
    assert contents(tree) == before


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_changed(tree: Path) -> None:
    shutil.rmtree(tree / "pages")
    before = contents(tree)
    with pytest.raises(InvalidInput) as error:
        add_page("bills", "read:bills", root=tree)
    assert any("It cannot be written" in text for text in error.value.problems.values())
    assert contents(tree) == before


@pytest.mark.parametrize(
    ("permission", "sentence"),
    [
        ("read:invoices", "See invoices."),
        ("export:audit-events", "Download audit events."),
        ("manage:bills", "Create, change and delete bills."),
        ("sign-off:bills", "Sign off bills."),
    ],
)
def test_the_sentence_of_a_permission_is_made_of_its_name(permission: str, sentence: str) -> None:
    assert default_sentence(permission) == sentence


def test_make_passes_its_variables_without_reading_them_as_shell(tmp_path: Path) -> None:
    """The recipe runs a stand-in for Python, which prints its arguments."""
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\nfor argument in "$@"; do echo "<$argument>"; done\n', encoding="utf-8")
    program.chmod(0o755)
    values = {"NAME": "in voices", "REQUIRES": '"; touch broken; "', "TITLE": "`id`", "SENTENCE": 'It\'s "all".'}
    done = subprocess.run(
        ["make", "page", f"PY={program}", "DEV=", *(f"{name}={value}" for name, value in values.items())],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert printed[:4] == ["<-m>", "<app.cli.scaffold>", "<in voices>", '<"; touch broken; ">']
    assert printed[4:] == [
        "<--title>", "<`id`>", "<--icon>", "<>", "<--sentence>", "<It's \"all\".>", "<--roles>", "<>",
    ]  # fmt: skip


def test_the_command_prints_every_mistake_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.scaffold", "Bad", "worse", "--icon", "none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == "Error: No page was added, and no file was changed:"
    assert [line.strip().partition(":")[0] for line in lines[1:]] == ["NAME", "REQUIRES", "ICON"]
