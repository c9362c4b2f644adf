"""The changes that bulk actions make: each function changes several people and returns a result for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from app import formatting
from app.admin.api.grants import Grantable, grant_to_many, revoke_from_many
from app.admin.api.people import person, set_blocked
from app.admin.api.sessions import end_sessions_of
from app.admin.people.grant_form import GrantInput
from app.core.administration_records import PersonState
from app.core.contract.grants import BulkOutcome, BulkResult
from app.core.errors import (
    GatehouseError,
    InvalidInput,
    PermissionDenied,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from app.ui import failures


@dataclass(frozen=True, slots=True)
class PersonResult:
    """The outcome for one person. ``reason`` is markdown-safe, and empty if the person was changed or unchanged."""

    person: int
    outcome: BulkOutcome
    reason: str = ""


BulkChange = Callable[[Sequence[int], GrantInput], list[PersonResult]]
"""Changes the people with these ids. Raises a ``GatehouseError`` that would stop the change for everyone else too."""


def _grant(people: Sequence[int], data: GrantInput) -> list[PersonResult]:
    return _results(grant_to_many(people, _item(data), expires_at=data.expires_at, reason=data.reason))


def _revoke(people: Sequence[int], data: GrantInput) -> list[PersonResult]:
    return _results(revoke_from_many(people, _item(data), reason=data.reason))


def _undo_grant(people: Sequence[int], data: GrantInput) -> list[PersonResult]:
    """Revoke the item, but not from automatic sources."""
    return _results(revoke_from_many(people, _item(data), automatic=False, reason=data.reason))


def _block(people: Sequence[int], data: GrantInput) -> list[PersonResult]:
    return [_result_of(number, partial(_set_blocked, number, data.reason, blocked=True)) for number in people]


def _unblock(people: Sequence[int], data: GrantInput) -> list[PersonResult]:
    return [_result_of(number, partial(_set_blocked, number, data.reason, blocked=False)) for number in people]


def _end_sessions(people: Sequence[int], data: GrantInput) -> list[PersonResult]:
    return [_result_of(number, partial(_end_sessions_of, number, data.reason)) for number in people]


CHANGES: Final[Mapping[str, BulkChange]] = {
    "grant": _grant, "revoke": _revoke, "block": _block, "unblock": _unblock, "end": _end_sessions,
}  # fmt: skip
"""Name of an action → its change."""
UNDO_CHANGES: Final[Mapping[str, BulkChange]] = {"grant": _undo_grant, "unblock": _block, "block": _unblock}
"""Name of an action → the change that undoes it. None for a revocation: grants would be restored without expiry."""


def _set_blocked(person_id: int, reason: str, *, blocked: bool) -> bool:
    card = person(person_id)
    if (card.state is PersonState.BLOCKED) is blocked:
        return False
    set_blocked(person_id, blocked=blocked, reason=reason, version=card.version)
    return True


def _end_sessions_of(person_id: int, reason: str) -> bool:
    return end_sessions_of(person_id, reason=reason) > 0


def _result_of(person_id: int, change: Callable[[], bool]) -> PersonResult:
    """Change one person; ``change`` returns whether it changed anything. Errors that concern everyone are raised."""
    try:
        return PersonResult(person_id, "done" if change() else "unchanged")
    except (ServiceUnavailable, TooManyRequests, Unauthenticated, PermissionDenied):
        raise
    except GatehouseError as error:
        return PersonResult(person_id, "refused", failures.message(error))


def _results(results: Sequence[BulkResult]) -> list[PersonResult]:
    """The results of a bulk call, with their problems as text."""
    rows = []
    for result in results:
        reason = "" if result.problem is None else f"{result.problem.title}. {result.problem.detail}".strip()
        rows.append(PersonResult(result.person, result.outcome, formatting.plain(reason, cap=300)))
    return rows


def _item(data: GrantInput) -> Grantable:
    if data.item is None:
        raise InvalidInput({"item": "Choose a role or permission first."})
    return data.item
