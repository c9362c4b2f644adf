"""The table of survivors stays true: each row names a function and lines that exist."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.mutation.results import explanations, place_of, score
from tests.mutation.slices import SLICES
from tests.mutation.tree import ROOT


def _source(at: str) -> str:
    """The source of a function, its lines without indentation."""
    module, _, qualified = at.partition(":")
    text = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    body = ast.parse(text).body
    *classes, name = qualified.split(".")
    for part in classes:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == part)
    function = next(
        node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name
    )
    return "\n".join(line.strip() for line in (ast.get_source_segment(text, function) or "").splitlines())


def test_every_explained_mutant_is_one_of_the_code() -> None:
    for survivor, reason in explanations().items():
        assert reason, survivor
        assert survivor.was in _source(survivor.at), (
            f"{survivor.at} no longer has the line: remove the row\n{survivor.was}"
        )
        assert survivor.becomes not in {"", survivor.was}


def test_every_slice_has_modules_and_tests() -> None:
    for part in SLICES:
        for pattern in part.modules:
            assert list(Path(ROOT).glob(pattern)), pattern
        for argument in part.tests:
            assert (ROOT / argument.removeprefix("--ignore=")).exists(), argument


def test_no_module_is_in_two_slices() -> None:
    files = [file for part in SLICES for pattern in part.modules for file in set(Path(ROOT).glob(pattern))]
    assert [file for file, times in Counter(files).items() if times > 1] == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("app.core.policy.x_decide__mutmut_3", "app.core.policy:decide"),
        ("app.core.policy.x__by_grant__mutmut_12", "app.core.policy:_by_grant"),
        ("app.core.guard.xǁGuardǁrequire__mutmut_1", "app.core.guard:Guard.require"),
        ("app.core.tokens.cache.xǁ_CacheǁĦ__mutmut_1", "app.core.tokens.cache:_Cache.Ħ"),
        ("app.core.guard.xǁGuardǁ__init____mutmut_2", "app.core.guard:Guard.__init__"),
    ],
)
def test_the_place_of_a_mutant(name: str, place: str) -> None:
    assert place_of(name) == place


def test_the_score_omits_what_is_explained_or_did_not_run() -> None:
    assert score(Counter({"killed": 4, "timeout": 1, "explained": 4, "not checked": 9})) == 80
    assert score(Counter({"not checked": 2})) is None
