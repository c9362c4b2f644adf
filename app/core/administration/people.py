"""Blocking, unblocking and erasing people."""

from __future__ import annotations

from datetime import datetime

from app.core.administration.authorized_actor import (
    Actor,
    authorize,
    checked_reason,
    name_of,
    person_for_change,
)
from app.core.administration.rules import keeping_an_administrator
from app.core.administration_ports import AdministrationUnit
from app.core.administration_records import PersonState
from app.core.audit import AuditKind
from app.core.permissions import Permission
from app.core.records import EndReason


def set_blocked(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    person: int,
    blocked: bool,
    reason: str,
    version: str | None,
    now: datetime,
) -> int:
    """Block a person, which ends all their sessions, or unblock them.

    Returns:
        How many sessions ended.

    Raises:
        LastAdministrator: if no administrator would remain.
        NotFound: if there is no such person.
        StaleVersion: if the person was changed after the administrator saw them.
        InvalidInput: for a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.BLOCK_PEOPLE, now)
    reason = checked_reason(reason)
    row = person_for_change(unit, person, version)
    target = name_of(row)
    with keeping_an_administrator(unit, now, target):
        changed = unit.set_blocked(row.person.subject, blocked=blocked)
    if not changed:
        return 0
    ended = unit.end_sessions_of(row.person.subject, EndReason.BLOCKED, now) if blocked else ()
    kind = AuditKind.PERSON_BLOCK if blocked else AuditKind.PERSON_UNBLOCK
    unit.record(authorized_actor.event(kind, target, reason, sessions_ended=len(ended)))
    return len(ended)


def erase(
    unit: AdministrationUnit, actor: Actor, *, person: int, reason: str, version: str | None, now: datetime
) -> None:
    """End a person's sessions and delete their personal data, except the subject, which the audit names.

    A block stays.

    Raises:
        LastAdministrator: if no administrator would remain.
        NotFound: if there is no such person.
        StaleVersion: if the person was changed after the administrator saw them.
        InvalidInput: for a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.ERASE_PEOPLE, now)
    reason = checked_reason(reason)
    row = person_for_change(unit, person, version)
    if row.state is PersonState.ERASED:
        return
    target = name_of(row)
    with keeping_an_administrator(unit, now, target):
        ended = unit.end_sessions_of(row.person.subject, EndReason.ENDED_BY_ADMIN, now)
        unit.erase_person(person, now)
    unit.record(authorized_actor.event(AuditKind.PERSON_ERASE, target, reason, sessions_ended=len(ended)))
