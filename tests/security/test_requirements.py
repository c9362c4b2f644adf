"""The table of security requirements is complete: each row names tests that exist, and guards that are removed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from tests.security.report import Outcome, Outcomes, lines, main, proof, worst
from tests.security.requirement_table import ROOT, Requirement, missing, requirements
from tests.security.test_removed_guards import REMOVALS

TABLE = requirements()
ROW = Requirement(
    area="An area",
    number="R00",
    sentence="A rule is kept.",
    source="RFC 0000 §1",
    tests=("tests/a.py::test_one", "tests/b.py"),
)


def test_each_row_is_complete() -> None:
    for row in TABLE:
        assert re.fullmatch(r"R\d\d", row.number)
        assert re.fullmatch(r"[A-Z].*\.", row.sentence), row.number
        assert row.source, row.number
        assert row.tests, row.number
        assert len(set(row.tests)) == len(row.tests), row.number
        assert len(set(row.guards)) == len(row.guards), row.number


def test_no_number_and_no_sentence_is_used_twice() -> None:
    for values in ([row.number for row in TABLE], [row.sentence for row in TABLE]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_every_test_that_is_named_exists() -> None:
    assert missing(node for row in TABLE for node in row.tests) == []


def test_every_file_that_is_named_has_tests_and_parameters_exist() -> None:
    """Pytest reports an id that it does not collect as an error."""
    nodes = sorted({node for row in TABLE for node in row.tests if "[" in node})
    assert nodes
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *nodes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(nodes) <= set(done.stdout.splitlines())


def test_every_guard_that_is_named_is_removed_by_a_row() -> None:
    known = {removal.guard for removal in REMOVALS}
    assert [(row.number, guard) for row in TABLE for guard in row.guards if guard not in known] == []


def test_what_does_not_exist_is_missing() -> None:
    assert missing(["tests/none.py", "tests/security/test_requirements.py::test_none", "docs/none.py::test_a"]) == [
        "tests/none.py", "tests/security/test_requirements.py::test_none", "docs/none.py::test_a",
    ]  # fmt: skip
    this = "tests/security/test_requirements.py::test_what_does_not_exist_is_missing"
    assert missing([this, f"{this}[parameters]", this.partition("::")[0]]) == []


@pytest.mark.parametrize(
    ("outcomes", "expected", "counts"),
    [
        ({"tests/a.py::test_one": "passed", "tests/b.py::test_two": "passed"}, Outcome.PASSED, 2),
        ({"tests/a.py::test_one[x]": "passed", "tests/b.py::test_two": "failed"}, Outcome.FAILED, 2),
        ({"tests/a.py::test_one": "passed", "tests/b.py::test_two[x]": "skipped"}, Outcome.SKIPPED, 2),
        ({"tests/a.py::test_one": "passed"}, Outcome.MISSING, 2),
        ({"tests/a.py::test_one_more": "passed", "tests/b.py::test_two": "passed"}, Outcome.MISSING, 2),
        ({}, Outcome.MISSING, 2),
    ],
)
def test_a_row_is_proved_only_if_all_its_tests_passed(outcomes: dict[str, str], expected: Outcome, counts: int) -> None:
    row = proof(ROW, {test: Outcome(outcome) for test, outcome in outcomes.items()})
    assert row.outcome is expected
    assert sum(each.total() for each in row.by_node.values()) == counts
    text = "\n".join(lines([row]))
    assert f"R00  {expected.upper()}" in text
    assert all(node in text for node in ROW.tests)


def test_a_row_without_tests_is_not_proved() -> None:
    assert proof(replace(ROW, tests=()), {}).outcome is Outcome.MISSING
    assert worst([]) is Outcome.MISSING


def report_of(node: str, when: str, outcome: str) -> pytest.TestReport:
    return pytest.TestReport(node, ("file", 1, "name"), {}, outcome, None, when)  # type: ignore[arg-type] # literals


def test_a_test_that_fails_in_any_phase_has_failed() -> None:
    outcomes = Outcomes()
    for node, phases in {
        "a.py::test_a@group": ("passed", "passed", "passed"),
        "a.py::test_b[x@y]@group": ("passed", "passed", "failed"),
        "a.py::test_c": ("failed", "", "passed"),
        "a.py::test_d": ("skipped", "", "passed"),
    }.items():
        for when, outcome in zip(("setup", "call", "teardown"), phases, strict=True):
            if outcome:
                outcomes.pytest_runtest_logreport(report_of(node, when, outcome))
    assert outcomes.by_test == {
        "a.py::test_a": Outcome.PASSED,
        "a.py::test_b[x@y]": Outcome.FAILED,
        "a.py::test_c": Outcome.FAILED,
        "a.py::test_d": Outcome.SKIPPED,
    }


def test_an_unknown_number_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["R99"])
    assert "there is no requirement R99" in capsys.readouterr().err


def test_the_table_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "R05"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("R05  The issuer of a token")
    assert "tests/remote_api/test_tokens.py::test_refused[another issuer]" in printed


def test_a_row_is_run_and_proved() -> None:
    command = [sys.executable, "-m", "tests.security.report", "--workers", "0", "R04"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "R04  PASSED      12  The key id of a token" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 requirements: 1 passed, 0 skipped, 0 missing, 0 failed"
