"""``make security``: runs the tests that prove the security requirements, and prints the table with their results.

Arguments select rows (``R05 R31``); without any, all rows are proved. Each test runs once, however many rows name it.
Where a PostgreSQL server is installed, the tests of storage run on it too. The exit status is 0 if every row is proved.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import pytest

from tests.postgres import Cluster, installed
from tests.security.requirement_table import BROWSER_TESTS, Requirement, missing, proves, requirements


class Outcome(StrEnum):
    """The result of a test, or of all tests of a row; the worst one is last."""

    PASSED = "passed"
    SKIPPED = "skipped"
    MISSING = "missing"
    FAILED = "failed"


_SEVERITY: Final = {outcome: number for number, outcome in enumerate(Outcome)}


@dataclass(eq=False)
class Outcomes:
    """A plugin of pytest that keeps the outcome of each test, also of those that run in workers."""

    by_test: dict[str, Outcome] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome of the phases of a test."""
        if report.when != "call" and report.passed:
            return
        test = _without_group(report.nodeid)
        outcome = Outcome.SKIPPED if report.skipped else Outcome.PASSED if report.passed else Outcome.FAILED
        self.by_test[test] = worst([outcome, self.by_test.get(test, outcome)])


def _without_group(node: str) -> str:
    """The id of a test without the group that pytest-xdist appends to it."""
    head, bracket, tail = node.rpartition("]")
    return f"{head}{bracket}{tail.partition('@')[0]}" if bracket else node.partition("@")[0]


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The worst of these outcomes; without any, the tests are missing."""
    return max(outcomes, key=lambda outcome: _SEVERITY[outcome], default=Outcome.MISSING)


@dataclass(frozen=True)
class Proof:
    """A requirement with the outcomes of its tests."""

    requirement: Requirement
    by_node: Mapping[str, Counter[Outcome]]
    """Node id of the table → how many of its tests had which outcome; a node without tests is missing."""

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of all its tests."""
        return worst([outcome for counts in self.by_node.values() for outcome in counts])


def proof(requirement: Requirement, outcomes: Mapping[str, Outcome]) -> Proof:
    """The outcomes of the tests of a requirement, which are counted for each node id of the table."""
    by_node: dict[str, Counter[Outcome]] = {}
    for node in requirement.tests:
        counts = Counter(outcome for test, outcome in outcomes.items() if proves(node, test))
        by_node[node] = counts or Counter([Outcome.MISSING])
    return Proof(requirement, by_node)


def lines(proofs: Sequence[Proof]) -> Iterator[str]:
    """The table, as lines."""
    area = ""
    for each in proofs:
        if each.requirement.area != area:
            area = each.requirement.area
            yield f"\n{area}\n"
        count = sum(counts.total() for counts in each.by_node.values())
        yield f"{each.requirement.number}  {each.outcome.upper():8} {count:5}  {each.requirement.sentence}"
        yield f"                     Source: {each.requirement.source}"
        for node, counts in each.by_node.items():
            result = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
            yield f"                     {node}  {result}"
    totals = Counter(each.outcome for each in proofs)
    yield f"\n{len(proofs)} requirements: " + ", ".join(f"{totals[outcome]} {outcome}" for outcome in Outcome)


def run(nodes: Sequence[str], workers: str, options: Sequence[str]) -> dict[str, Outcome]:
    """Run these tests, those of the browser in a run of their own, and return their outcomes."""
    outcomes = Outcomes()
    existing = sorted(set(nodes) - set(missing(nodes)))
    for in_browser in (False, True):
        chosen = [node for node in existing if node.startswith(BROWSER_TESTS) is in_browser]
        if chosen:
            # A test that two rows name (as itself and by its file) is collected once.
            arguments = ["-q", "-p", "no:cacheprovider", "-n", workers, "--dist", "loadgroup", *options, *chosen]
            pytest.main(arguments, plugins=[outcomes])
    return outcomes.by_test


@contextmanager
def storage_server() -> Iterator[None]:
    """Run a PostgreSQL server for the tests of storage, if one is installed and none is named."""
    binaries = installed()
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        if "TEST_DATABASE_URL" not in os.environ and binaries is not None:
            patch.setenv("TEST_DATABASE_URL", stack.enter_context(Cluster(binaries)).url())
        if "TEST_DATABASE_URL" not in os.environ:
            print("There is no PostgreSQL server, so the tests of storage run on SQLite only.")
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, print the table, and return 0 if every selected requirement is proved."""
    parser = argparse.ArgumentParser("make security", description="Prove the security requirements.")
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="requirements to prove (default: all)")
    parser.add_argument("--list", action="store_true", help="print the table, and run no test")
    parser.add_argument("--workers", default="2", help="processes that run tests (default: %(default)s)")
    options, passed_on = parser.parse_known_args(arguments)
    table = requirements()
    chosen = [row for row in table if not options.numbers or row.number in options.numbers]
    if unknown := set(options.numbers) - {row.number for row in table}:
        parser.error(f"there is no requirement {', '.join(sorted(unknown))}")
    if options.list:
        for row in chosen:
            print(f"{row.number}  {row.sentence} ({row.source})", *row.tests, sep="\n     ")
        return 0
    with storage_server():
        outcomes = run([node for row in chosen for node in row.tests], options.workers, passed_on)
    proofs = [proof(row, outcomes) for row in chosen]
    print("\n".join(lines(proofs)))
    return 0 if all(each.outcome is Outcome.PASSED for each in proofs) else 1


if __name__ == "__main__":
    sys.exit(main())
