"""A guarded function, called by a principal that is loaded already."""

from __future__ import annotations

from itertools import repeat
from types import MappingProxyType

from app.core.guard import Caller, Guard
from app.core.permissions import CATALOGUE, Permission
from app.core.policy import Decision, GrantPath, Grants, Source
from app.core.principal import AuthMethod, Principal, Subject
from tests.benchmarks import budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.measure import interleaved
from tests.benchmarks.results import Row, row


def guarded(run: BenchmarkRun) -> list[Row]:
    """``@requires`` against ``if permission in names`` and the same function called without a guard."""
    names = frozenset({known.value for known in CATALOGUE.values()} | {f"use:thing-{n}" for n in range(250)})
    paths = (GrantPath("analyst", Source.ADMIN),)
    caller = Caller(
        Principal(AuthMethod.SESSION, Subject("https://issuer.test/", "auth0|ann")),
        Grants(permissions=MappingProxyType(dict.fromkeys(names, paths))).with_decisions(),  # as ``Rights`` caches them
    )
    guard = Guard(lambda: caller, _never)
    permission = Permission.READ_REPORTS

    def plain() -> None:
        """The function that is protected."""

    protected = guard.requires(permission)(plain)

    def baseline(number: int) -> None:
        for _ in repeat(None, number):
            if permission in names:
                plain()

    def product(number: int) -> None:
        for _ in repeat(None, number):
            protected()

    samples = interleaved({"baseline": baseline, "ours": product}, run.effort)
    return [row("guarded-function", budgets.FUNCTION, samples, "ours", "baseline")]


def _never(principal: Principal, permission: str | None, decision: Decision, target: str, /) -> None:
    raise AssertionError(target)
