"""Ending sessions of other people."""

from __future__ import annotations

from datetime import datetime

from app.core.administration.authorized_actor import (
    Actor,
    authorize,
    checked_reason,
    name_of,
    person_for_change,
)
from app.core.administration_ports import AdministrationUnit
from app.core.audit import AuditKind, subject_name
from app.core.browsers import browser_name
from app.core.errors import NotFound
from app.core.permissions import Permission
from app.core.records import EndReason


def end_session(unit: AdministrationUnit, actor: Actor, *, ref: str, reason: str, now: datetime) -> None:
    """End one session; nothing happens if it has ended already.

    Raises:
        NotFound: if there is no such session.
        InvalidInput: for a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.END_SESSIONS, now)
    reason = checked_reason(reason)
    session = unit.session_by_ref(ref)
    if session is None:
        raise NotFound("There is no such session.")
    if unit.end_session(ref, EndReason.ENDED_BY_ADMIN, now):
        unit.record(
            authorized_actor.event(
                AuditKind.SESSION_END,
                subject_name(session.person.subject),
                reason,
                session=ref,
                browser=browser_name(session.user_agent),
            )
        )


def end_sessions(unit: AdministrationUnit, actor: Actor, *, person: int, reason: str, now: datetime) -> int:
    """End all sessions of a person, who is then signed out everywhere.

    Returns:
        How many sessions ended.

    Raises:
        NotFound: if there is no such person.
        InvalidInput: for a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.END_SESSIONS, now)
    reason = checked_reason(reason)
    row = person_for_change(unit, person, None)
    target = name_of(row)
    ended = unit.end_sessions_of(row.person.subject, EndReason.ENDED_BY_ADMIN, now)
    for ref in ended:
        session = unit.session_by_ref(ref)
        details = {} if session is None else {"browser": browser_name(session.user_agent)}
        unit.record(authorized_actor.event(AuditKind.SESSION_END, target, reason, session=ref, **details))
    if not ended:  # tokens of other clients are refused from now on all the same
        unit.record(authorized_actor.event(AuditKind.SESSION_END, target, reason, sessions=0))
    return len(ended)
