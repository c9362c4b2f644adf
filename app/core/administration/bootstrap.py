"""The first administrator, and the audited way back in when there is none who can."""

from __future__ import annotations

from datetime import datetime

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, subject_name
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.permissions import ADMINISTRATOR
from app.core.policy import Source
from app.core.ports import UnitOfWork
from app.core.principal import Subject
from app.core.records import NewGrant, Person


def bootstrap_administrator(
    unit: UnitOfWork, subject: Subject, *, actor: str, reason: str, recover: bool, now: datetime
) -> None:
    """Make ``subject`` an administrator by an endless grant of source ``policy``, in ``unit`` (the caller commits).

    Raises ``Conflict`` when there is an administrator already and ``recover`` is not set, or when the subject is
    blocked or an administrator. The subject need not have signed in yet.
    """
    present = unit.administrators(now)
    if present and not recover:
        names = ", ".join(person.name or person.subject.subject for person in present[:3])
        raise Conflict(f"There is an administrator already ({names}). --recover is the audited way back in.")
    grant = NewGrant(subject=subject, source=Source.POLICY, by=actor, role=ADMINISTRATOR, reason=reason)
    if not unit.add_grant(grant, now):
        raise Conflict("This subject holds the administrator role already. If it is blocked, unblock it first.")
    unit.record(
        AuditEvent(
            kind=AuditKind.ADMIN_RECOVER if recover else AuditKind.ADMIN_BOOTSTRAP,
            at=now,
            actor=actor,
            target=subject_name(subject),
            reason=reason,
            correlation_id=correlation.current(),
        )
    )


def person_by_email(unit: UnitOfWork, email: str) -> Person:
    """The one person who signed in with this verified e-mail.

    Raises ``NotFound`` when there is none and ``InvalidInput`` when there are several: e-mail is no identity, so the
    caller shows who was found and asks before using it.
    """
    found = unit.people_by_email(email)
    if not found:
        raise NotFound("Nobody with this verified e-mail has signed in yet. Use --subject, or let them sign in once.")
    if len(found) > 1:
        administrator = ", ".join(f"{person.name or 'no name'} ({person.subject})" for person in found)
        raise InvalidInput({"email": f"Several people have this e-mail: {administrator}. Name one by --subject."})
    return found[0]
