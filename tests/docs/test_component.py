"""docs/component.md: fifteen rows, and every test that it, or any other document, names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from component.event_channel import MAX_QUEUE_CHARACTERS, MAX_QUEUE_EVENTS
from component.events import ContractViolation, EventName
from tests.docs.tables import ROOT

DOCUMENT = ROOT / "docs" / "component.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[[^\]`]*\])?`")


def names_in(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_fifteen_rows_and_each_names_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \| .* \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 16)]
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if re.match(r"\| \d+ \|", line):
            assert NAMED.search(line), line


@pytest.mark.parametrize(
    "document", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name
)
def test_every_test_that_is_named_is_there(document: Path) -> None:
    for file, name in NAMED.findall(document.read_text(encoding="utf-8")):
        assert (ROOT / file).exists(), file
        assert name in names_in(ROOT / file), f"{file}::{name}"


def test_events_codes_and_limits_are_those_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in EventName:
        assert f"| `{name.value}` |" in text
    assert re.findall(r"^\| `([a-z-]+)` \| ", text, re.MULTILINE) == [
        violation.value for violation in ContractViolation
    ]
    assert f"more than {MAX_QUEUE_EVENTS} events or {MAX_QUEUE_CHARACTERS:,} characters" in text
