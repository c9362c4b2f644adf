"""A guarded function, called by a principal who is loaded already."""

from __future__ import annotations

from itertools import repeat
from types import MappingProxyType

from app.core.guard import Caller, Guard
from app.core.permissions import CATALOGUE, Permission
from app.core.policy import Decision, GrantPath, Grants, Source
from app.core.principal import AuthMethod, Principal, Subject
from tests.benchmarks import budgets
from tests.benchmarks.measure import interleaved
from tests.benchmarks.results import Row, row
from tests.benchmarks.stage import Stage


def guarded(stage: Stage) -> list[Row]:
    """``@requires`` against ``if permission in held`` and the same function called plainly."""
    held = frozenset({permission.value for permission in CATALOGUE.values()} | {f"use:thing-{n}" for n in range(250)})
    ways = (GrantPath("analyst", Source.ADMIN),)
    caller = Caller(
        Principal(AuthMethod.SESSION, Subject("https://issuer.test/", "auth0|ann")),
        Grants(permissions=MappingProxyType(dict.fromkeys(held, ways))).with_decisions(),  # as ``Rights`` caches them
    )
    guard = Guard(lambda: caller, _never)
    wanted = Permission.READ_REPORTS

    def plain() -> None:
        """What is to be protected."""

    protected = guard.requires(wanted)(plain)

    def floor(number: int) -> None:
        for _ in repeat(None, number):
            if wanted in held:
                plain()

    def ours(number: int) -> None:
        for _ in repeat(None, number):
            protected()

    samples = interleaved({"floor": floor, "ours": ours}, stage.effort)
    return [row("guarded-function", budgets.FUNCTION, samples, "ours", "floor")]


def _never(principal: Principal, permission: str | None, decision: Decision, target: str, /) -> None:
    raise AssertionError(target)
