"""Every Python snippet of the how-tos runs, and every file and test that the documentation names exists.

The comment above a snippet says how it runs:

``<!-- run: test NAME -->`` it is a file of tests; ``<!-- run: script NAME -->`` a Streamlit script, which runs for an
administrator and which tests of the same document may open by its name; ``<!-- run: page NAME -->`` a page, put into a
copy of the tree in place of the one that ``make page`` makes; ``<!-- run: file PATH -->`` a file of a hosted
app (``tests/e2e/test_protect_your_own_app.py`` makes and serves it).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from streamlit.testing.v1 import AppTest

from app import testing
from tests.stack import ROOT
from tests.tree_copy import copy_of_the_tree, make_page

HOW_TO: Final = ROOT / "docs" / "how-to"
SNIPPET: Final = re.compile(r"(?:^<!-- run: (\w+) ([\w/]+\.py) -->\n)?^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ON_THE_TREE: Final = (
    "add-a-setting-or-an-endpoint.md",
    "guard-a-function.md",
    "keep-form-input.md",
    "test-a-page.md",
)
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS: Final = ("app", "component", "db", "deploy", "docs", "pages", "remote_api", "tests")
MADE: Final = {"pages/invoices.py", "tests/apptest/test_invoices_page.py", "deploy/tls"}
"""What the documentation says the reader makes."""


class Snippet(NamedTuple):
    """One fenced block of Python; ``kind`` and ``name`` are empty when nothing says how it runs."""

    kind: str
    name: str
    code: str


def snippets_of(text: str) -> list[Snippet]:
    return [Snippet(kind, name, code) for kind, name, code in SNIPPET.findall(text)]


def snippets(document: str) -> list[Snippet]:
    return snippets_of((HOW_TO / document).read_text(encoding="utf-8"))


def names(document: Path) -> list[str]:
    """What stands in backticks in a document, outside of fenced blocks."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", text)


def written(of_document: list[Snippet], folder: Path) -> Path:
    """The tests and scripts among these snippets, as files in ``folder``."""
    for kind, name, code in of_document:
        if kind in {"test", "script"}:
            (folder / name).write_text(code, encoding="utf-8")
    return folder


def pytest_in(folder: Path, tree: Path) -> str:
    """Run the tests of ``folder`` against the packages of ``tree``; returns what pytest said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--import-mode=importlib", "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_every_snippet_says_how_it_runs() -> None:
    kinds = {(path.name, snippet.kind) for path in HOW_TO.glob("*.md") for snippet in snippets(path.name)}
    assert {kind for _, kind in kinds} == {"test", "script", "page", "file", "quoted", "refused"}
    assert {name for name, kind in kinds if kind == "page"} == {"add-a-page.md"}
    assert {name for name, kind in kinds if kind == "file"} == {"protect-your-own-app.md"}
    assert {name for name, _ in kinds} == {*ON_THE_TREE, "add-a-page.md", "protect-your-own-app.md"}


def test_the_tests_of_the_how_tos_pass(tmp_path: Path) -> None:
    for document in ON_THE_TREE:
        written(snippets(document), tmp_path)
    output = pytest_in(tmp_path, ROOT)
    expected = sum(s.code.count("\ndef test_") for document in ON_THE_TREE for s in snippets(document))
    assert f"{expected} passed" in output


def test_the_scripts_run() -> None:
    for document in ON_THE_TREE:
        for kind, name, code in snippets(document):
            if kind == "script":
                with testing.gatehouse():
                    at = AppTest.from_string(code, default_timeout=60)  # a busy machine is no fault
                    testing.sign_in_as(at, roles=["administrator"])
                    assert not at.run().exception, name


def example_of_a_page() -> str:
    """The how-to of a page; if this tree has its page already, with another name for the page and its permission."""
    text = (HOW_TO / "add-a-page.md").read_text(encoding="utf-8")
    if (ROOT / "pages" / "invoices.py").exists():
        for name, other in (("invoices", "receipts"), ("Invoices", "Receipts"), ("INVOICES", "RECEIPTS")):
            text = text.replace(name, other)
    return text


def test_a_page_is_added_as_the_how_to_says(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    tree = copy_of_the_tree(tmp_path / "tree")
    text = example_of_a_page()
    (arguments,) = re.findall(r"^make page NAME=(\S+) REQUIRES=(\S+)$", text, re.MULTILINE)
    completed = make_page(tree, *arguments)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    ((page, code),) = [(name, code) for kind, name, code in snippets_of(text) if kind == "page"]
    assert (tree / "pages" / page).exists()
    (tree / "pages" / page).write_text(code, encoding="utf-8")
    assert "3 passed" in pytest_in(written(snippets_of(text), tests), tree)
    named = re.findall(r"^\| `((?:app|docs|pages|tests)/[\w/.]+)` \|", text, re.MULTILINE)
    assert len(named) == 7
    for path in named:
        assert f"  {path}\n" in completed.stdout or path.startswith("docs/"), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_tests_named_in_the_docs_exist(document: Path) -> None:
    for name in names(document):
        path, _, test = name.partition("[")[0].partition("::")
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]+", path):
            assert (ROOT / path).exists() or path in MADE, name
        if test and path.startswith("tests/"):
            assert re.search(rf"^(?:async )?def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), (
                name
            )
