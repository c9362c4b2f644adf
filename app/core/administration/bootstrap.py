"""Bootstrapping the first administrator, and the audited recovery when no administrator is left."""

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
    """Make ``subject`` an administrator by a grant of source ``policy`` without an expiry.

    Args:
        unit: An open unit of work; the caller commits.
        subject: Need not have signed in yet.
        actor: Audit name of the operator.
        reason: Kept in the audit.
        recover: Whether one is made although there is an administrator.
        now: The current time, aware UTC.

    Raises:
        Conflict: if there is an administrator and ``recover`` is False, or if the subject is an administrator already.
    """
    present = unit.administrators(now)
    if present and not recover:
        names = ", ".join(person.name or person.subject.subject for person in present[:3])
        raise Conflict(f"There is an administrator already ({names}). --recover is the audited way back in.")
    grant = NewGrant(subject=subject, source=Source.INSTALLATION, author=actor, role=ADMINISTRATOR, reason=reason)
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
    """Return the one person who signed in with this verified e-mail.

    An e-mail is no identity: the caller shows the person and asks for confirmation.

    Raises:
        NotFound: if there is none.
        InvalidInput: if there are several.
    """
    people = unit.people_by_email(email)
    if not people:
        raise NotFound("No user with this verified e-mail has signed in yet. Use --subject, or sign in with it once.")
    if len(people) > 1:
        names = ", ".join(f"{person.name or 'no name'} ({person.subject})" for person in people)
        raise InvalidInput({"email": f"Several people have this e-mail: {names}. Name one by --subject."})
    return people[0]
