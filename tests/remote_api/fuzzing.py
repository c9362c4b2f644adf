"""Calls made up from the served description, for a number of callers; what is answered must be what is described.

``tests/remote_api/test_fuzzing.py`` makes a few of each, the same ones each time. ``python -m
tests.remote_api.fuzzing`` makes as many as its argument says, different ones each time, and prints the results.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.core.audit import AuditEvent, AuditKind
from app.core.policy import Source
from app.core.records import NewGrant, TokenRights
from tests.issuer import Issuer
from tests.remote_api.world import ApiWorld, administrator, api_world, caller

CALLERS: Final = ("administrator", "auditor", "no-roles", "anonymous")
UNREACHED: Final = "999999999 per minute"
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_ANY_TIME: Final = frozenset({405})
"""What is answered to a method that an address does not have; no operation describes it."""


@dataclass
class Report:
    """What was answered: operation → status → how often."""

    answers: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, operation: str, status: int) -> None:
        """Note one answer."""
        self.answers.setdefault(operation, Counter())[status] += 1

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return sum(counted.total() for counted in self.answers.values())

    @property
    def statuses(self) -> Counter[int]:
        """Of all operations together."""
        return sum(self.answers.values(), Counter[int]())

    def __str__(self) -> str:
        lines = [
            f"{operation:56} " + "  ".join(f"{status}: {count}" for status, count in sorted(counted.items()))
            for operation, counted in sorted(self.answers.items())
        ]
        total = "  ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return "\n".join([*lines, f"{self.calls} calls of {len(self.answers)} operations   {total}"])


@contextmanager
def populated(issuer: Issuer) -> Iterator[ApiWorld]:
    """An installation in which there is something to be found and changed."""
    world = api_world(issuer, api_rate_limit=UNREACHED, api_change_rate_limit=UNREACHED)
    now = world.clock()
    try:
        administrator(world, "auth0|second")
        for number in range(3):
            world.sign_in(f"auth0|{number}", roles=("viewer",))
        with world.database.unit_of_work() as unit:
            unit.sync_token_rights(
                world.subject("auth0|0"),
                TokenRights(now, roles=frozenset({"ops"})),
                implicit_role_mapping=False,
                now=now,
            )
            unit.add_grant(
                NewGrant(subject=world.subject("auth0|1"), source=Source.ADMIN, author="x", permission="read:audit"),
                now,
            )
            unit.record(AuditEvent(kind=AuditKind.GRANT_ADD, at=now, actor="a", target="b", details={"n": 1}))
            unit.commit()
        yield world
    finally:
        world.close()


def token_of(world: ApiWorld, caller_name: str) -> str | None:
    """A token of such a caller, valid as long as the installation exists."""
    if caller_name == "anonymous":
        return None
    if caller_name == "administrator":
        return administrator(world).signed_in.token
    return caller(world, f"auth0|{caller_name}", *([caller_name] if caller_name != "no-roles" else [])).signed_in.token


def described(world: ApiWorld) -> Any:
    """The description as the API serves it."""
    return schemathesis.openapi.from_wsgi("/openapi.json", world.app)


def operations(schema: Any) -> list[Any]:
    """Everything described, in a fixed order; raises for what is described wrongly."""
    return sorted((result.ok() for result in schema.get_all_operations()), key=lambda operation: operation.label)


def fuzz(world: ApiWorld, operation: Any, examples: Mapping[str, int], *, number: int | None = 0) -> dict[str, Report]:
    """Call ``operation`` with good and with bad input, so many times for each caller; raises at a wrong answer.

    ``number``: the same calls for the same number; None: other calls each time. Returns what each was answered.
    """
    reports = {caller_name: Report() for caller_name in examples}
    tokens = {caller_name: token_of(world, caller_name) for caller_name in examples}
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        cases = operation.as_strategy(mode)
        for caller_name, count in examples.items():
            try:
                _call_many(world, operation, cases, tokens[caller_name], mode, count, reports[caller_name], number)
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, "nothing can be wrong with what has no parameters"
    return reports


def _call_many(
    world: ApiWorld,
    operation: Any,
    cases: st.SearchStrategy[Any],
    token: str | None,
    mode: GenerationMode,
    examples: int,
    report: Report,
    number: int | None,
) -> None:
    documented = operation.definition.raw["responses"]

    @given(case=cases, aim=st.integers(0, 3))
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=number == 0,
    )
    def call(case: Any, aim: int) -> None:
        if mode is GenerationMode.POSITIVE and aim:
            _aim(world, case)
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        answer = case.call(headers=headers)
        report.add(operation.label, answer.status_code)
        case.validate_response(answer, checks=CHECKS)
        assert str(answer.status_code) in documented or answer.status_code in _ANY_TIME, (
            f"{operation.label} answered {answer.status_code}, which it does not describe: {answer.text[:300]}"
        )
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]

    if number:
        call = seed(number)(call)
    call()


def _aim(world: ApiWorld, case: Any) -> None:
    """Let the case mean something that is there, in the version that it has: made-up ones are hardly ever met."""
    for name in case.path_parameters or {}:
        if name in {"person", "role", "grant", "seq"}:
            case.path_parameters[name] = 1 + len(str(case.path_parameters[name])) % 6
    if case.headers and "If-Match" in case.headers:
        version = _version(world, case.path_parameters or {})
        if version is not None:
            case.headers["If-Match"] = f'"{version}"'


def _version(world: ApiWorld, path: dict[str, Any]) -> str | None:
    now = world.clock()
    if "person" in path:
        card = world.database.administration.person_card(path["person"], now)
        return card.version if card is not None else None
    if "role" in path:
        role = world.database.administration.role_card(path["role"], now)
        return role.row.version if role is not None else None
    return None


def main(arguments: list[str] | None = None) -> int:
    """Make many calls and print what was answered."""
    parser = argparse.ArgumentParser("python -m tests.remote_api.fuzzing", description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="for each operation, caller and kind of input")
    parser.add_argument("--seed", type=int, default=None, help="make the same calls again")
    options = parser.parse_args(arguments)
    started_at = time.monotonic()
    examples = dict.fromkeys(CALLERS, options.examples)
    totals = {caller_name: Report() for caller_name in CALLERS}
    with Issuer() as issuer:
        with populated(issuer) as world:
            labels = [operation.label for operation in operations(described(world))]
        for label in labels:
            with populated(issuer) as world:
                (operation,) = [operation for operation in operations(described(world)) if operation.label == label]
                for caller_name, report in fuzz(world, operation, examples, number=options.seed).items():
                    totals[caller_name].answers |= report.answers
    for caller_name, total in totals.items():
        print(f"\n{caller_name}\n{total}", flush=True)
    print(f"\nno undocumented answer and no 5xx, in {time.monotonic() - started_at:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
