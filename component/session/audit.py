"""The audit events of sessions, one function for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.core import correlation
from app.core.audit import SYSTEM, AuditEvent, AuditKind, Outcome, subject_name
from app.core.browsers import browser_name
from app.core.policy import Reason, Source
from app.core.principal import Subject
from app.core.records import EndReason, NewSession, Session, TokenRightsChange
from app.core.tokens.claims import UnusableClaims


def issued(session: NewSession, *, now: datetime) -> AuditEvent:
    """A user signed in."""
    return AuditEvent(
        kind=AuditKind.SESSION_BEGIN,
        at=now,
        actor=subject_name(session.subject),
        correlation_id=correlation.current(),
        address=session.address,
        details={"session": session.ref, "browser": browser_name(session.user_agent)},
    )


def ended(session: Session, reason: EndReason, *, by: str, now: datetime) -> AuditEvent:
    """A session ended. ``by``: the audit name of the actor."""
    return AuditEvent(
        kind=AuditKind.SESSION_END,
        at=now,
        actor=by,
        target=subject_name(session.person.subject),
        reason=reason,
        correlation_id=correlation.current(),
        details={"session": session.ref, "browser": browser_name(session.user_agent)},
    )


def stepped_up(subject: Subject, ref: str, *, address: str, acr: str, now: datetime) -> AuditEvent:
    """A user signed in again, or with a second factor, for a step-up. ``acr``: the claim of the token."""
    return AuditEvent(
        kind=AuditKind.SESSION_STEP_UP,
        at=now,
        actor=subject_name(subject),
        correlation_id=correlation.current(),
        address=address,
        details={"session": ref, "acr": acr},
    )


def resumed(session: Session, *, address: str, now: datetime) -> AuditEvent:
    """A user signed in again and resumed a session that had expired."""
    return AuditEvent(
        kind=AuditKind.SESSION_RESUME,
        at=now,
        actor=subject_name(session.person.subject),
        correlation_id=correlation.current(),
        address=address,
        details={"session": session.ref, "browser": browser_name(session.user_agent)},
    )


def purged(rows: int, *, now: datetime) -> AuditEvent:
    """Rows that expired long ago were purged; ``rows``: how many of all kinds."""
    return AuditEvent(
        kind=AuditKind.SESSION_PURGE,
        at=now,
        actor="system",
        correlation_id=correlation.current(),
        details={"rows": rows},
    )


def refresh_failed(session: Session, reason_code: str, *, now: datetime) -> AuditEvent:
    """A token refresh failed. ``reason_code``: the provider's error code, or a reason code of ours."""
    return AuditEvent(
        kind=AuditKind.TOKEN_REFRESH_FAIL,
        at=now,
        outcome=Outcome.FAILED,
        actor=subject_name(session.person.subject),
        reason=reason_code,
        correlation_id=correlation.current(),
        details={"session": session.ref},
    )


def rights_synced(subject: Subject, change: TokenRightsChange, *, now: datetime) -> AuditEvent:
    """The grants of source ``token`` of a user changed."""
    return AuditEvent(
        kind=AuditKind.TOKEN_RIGHTS_SYNC,
        at=now,
        actor=SYSTEM,
        target=subject_name(subject),
        correlation_id=correlation.current(),
        details={
            "roles_added": ", ".join(change.roles_added),
            "roles_removed": ", ".join(change.roles_removed),
            "permissions_added": " ".join(change.permissions_added),
            "permissions_removed": " ".join(change.permissions_removed),
        },
    )


def claims_dropped(subject: Subject, unusable: Sequence[UnusableClaims], *, now: datetime) -> AuditEvent:
    """Some claims about rights of the access token were unusable; the event contains no value of them."""
    return AuditEvent(
        kind=AuditKind.TOKEN_CLAIMS_DROP,
        at=now,
        actor=SYSTEM,
        target=subject_name(subject),
        reason=unusable[0].reason,
        correlation_id=correlation.current(),
        details={each.reason.value: f"{each.dropped} dropped, the first: {each.first}" for each in unusable},
    )


def blocked(subject: Subject, *, address: str, now: datetime) -> AuditEvent:
    """A blocked user tried to sign in."""
    return AuditEvent(
        kind=AuditKind.LOGIN_REFUSE,
        at=now,
        outcome=Outcome.REFUSED,
        actor=subject_name(subject),
        reason=Reason.BLOCKED,
        correlation_id=correlation.current(),
        address=address,
    )


def default_role_granted(subject: Subject, role: str, *, now: datetime) -> AuditEvent:
    """A user was granted the default role."""
    return AuditEvent(
        kind=AuditKind.GRANT_ADD,
        at=now,
        actor=SYSTEM,
        target=subject_name(subject),
        reason="GATEHOUSE_DEFAULT_ROLE",
        correlation_id=correlation.current(),
        details={"role": role, "source": Source.INSTALLATION.value, "until": None},
    )
