"""The security requirements with the tests that prove them, from ``requirements.toml`` beside this module."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FILE: Final = Path(__file__).with_name("requirements.toml")
BROWSER_TESTS: Final = "tests/e2e/"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One row of the table."""

    area: str
    """The heading under which it stands."""
    number: str
    """``R`` and two digits; unique."""
    sentence: str
    """What must be true."""
    source: str
    """The standard or the published vulnerability that demands it."""
    tests: tuple[str, ...]
    """Node ids of pytest: a file, ``file::test`` or ``file::test[parameters]``."""
    guards: tuple[str, ...] = ()
    """Titles of rows of ``tests/security/guards``."""


def requirements() -> list[Requirement]:
    """All rows, in their order."""
    document = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return [
        Requirement(
            area=area["title"],
            number=row["number"],
            sentence=row["sentence"],
            source=row["source"],
            tests=tuple(row["tests"]),
            guards=tuple(row.get("guards", ())),
        )
        for area in document["area"]
        for row in area["requirement"]
    ]


def missing(nodes: Iterable[str]) -> list[str]:
    """Those of ``nodes`` whose file, or whose test in it, does not exist; parameters are not examined."""
    return [node for node in nodes if not _exists(node)]


def _exists(node: str) -> bool:
    file, _, name = node.partition("::")
    if not (ROOT / file).is_file():
        return False
    return not name or name.partition("[")[0] in _test_names(file)


@cache
def _test_names(file: str) -> frozenset[str]:
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def proves(node: str, test: str) -> bool:
    """Whether ``test``, the id of a test that ran, is one of those that ``node`` names."""
    return test == node or test.startswith((f"{node}::", f"{node}["))
