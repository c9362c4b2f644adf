"""The table of docs/where.md: its files exist, and each name is in the file that stands before it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.tables import ROOT


class Reference(NamedTuple):
    """A file of a row, with the names that follow it."""

    question: str
    file: str
    names: tuple[str, ...]


def references() -> Iterator[Reference]:
    """Every file of the table, in order."""
    page = (ROOT / "docs" / "where.md").read_text(encoding="utf-8")
    for question, answer in re.findall(r"^\| (?!---|Question)(.+?) \| (.+) \|$", page, re.MULTILINE):
        file, names = "", list[str]()
        for span in re.findall(r"`([^`]+)`", answer):
            if "/" in span:
                if file:
                    yield Reference(question, file, tuple(names))
                file, names = span, []
            else:
                assert file, f"{question}: {span} has no file before it"
                names.append(span)
        assert file, f"{question}: no file"
        yield Reference(question, file, tuple(names))


@cache
def names_of(path: Path) -> frozenset[str]:
    """Dotted names that a Python file binds at its top and in its classes."""
    return frozenset(bound(ast.parse(path.read_text(encoding="utf-8")).body))


def bound(statements: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in statements:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name, body=body):
                yield prefix + name
                yield from bound(body, f"{prefix}{name}.")
            case ast.Assign(targets=targets):
                yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
            case _:
                pass


def test_the_table_answers_many_questions() -> None:
    assert len({reference.question for reference in references()}) >= 40


@pytest.mark.parametrize("reference", [pytest.param(each, id=f"{each.question}: {each.file}") for each in references()])
def test_the_files_and_names_of_an_answer_exist(reference: Reference) -> None:
    path = ROOT / reference.file
    assert path.is_dir() if reference.file.endswith("/") else path.is_file(), reference.file
    for name in reference.names:
        if path.suffix == ".py":
            assert name in names_of(path), f"{name} is not in {reference.file}"
        else:
            assert name in path.read_text(encoding="utf-8"), f"{name} is not in {reference.file}"
