"""The benchmarks work: not how fast, which only a quiet machine can tell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.budgets import Budget
from tests.benchmarks.measure import Samples, Spread
from tests.benchmarks.results import row, table
from tests.stack import ROOT

pytestmark = pytest.mark.xdist_group("benchmarks-smoke")  # its benchmarks start once, not once per worker


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    file = tmp_path_factory.mktemp("bench") / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--only", "guarded-function", "session", "--json", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    assert "guarded-function" in done.stdout
    assert "verdict" in done.stdout
    content: dict[str, object] = json.loads(Path(file).read_text(encoding="utf-8"))
    return content


def test_the_document_says_where_and_with_what_it_was_measured(document: dict[str, object]) -> None:
    assert set(document) == {"format", "at", "quick", "machine", "versions", "results", "skipped", "failed"}
    assert document["format"] == 1
    assert document["quick"] is True
    assert document["skipped"] == document["failed"] == {}
    machine, versions = document["machine"], document["versions"]
    assert isinstance(machine, dict)
    assert isinstance(versions, dict)
    assert {"system", "machine", "processor", "cores", "load"} <= set(machine)
    assert {"python", "sqlite", "streamlit", "flask", "sqlalchemy"} <= set(versions)


def test_every_result_holds_its_ratio_against_its_budget(document: dict[str, object]) -> None:
    results = document["results"]
    assert isinstance(results, list)
    assert [result["name"] for result in results] == ["guarded-function", "session"]
    for result in results:
        ratio = result["ratio"]
        assert 0 < ratio["low"] <= ratio["middle"] <= ratio["high"]
        assert result["baseline"] > 0
        assert result["candidate"] > 0
        assert result["unit"] == "s"
        assert result["rounds"] == 5
        assert result["met"] is (ratio["middle"] <= result["budget"])


@pytest.mark.parametrize(("at_least", "met"), [(False, "MISSED"), (True, "met")])
def test_a_ratio_is_the_median_of_the_rounds_and_the_verdict_follows_from_it(at_least: bool, met: str) -> None:
    samples = Samples({"baseline": [1.0, 2.0, 4.0], "ours": [2.0, 2.0, 12.0]})
    measured = row("name", Budget("what", 1.5, at_least=at_least), samples, "ours", "baseline")
    assert measured.ratio == Spread(1.5, 2.0, 2.5)
    assert table([measured], {"other": "not here"}, {}).splitlines()[2].endswith(met)
    assert table([measured], {"other": "not here"}, {}).endswith("other: skipped, not here")
