"""Who acts, what they may do as the unit of work sees it, and what every change must say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, subject_name
from app.core.directory import PersonRow
from app.core.directory_ports import DirectoryUnit
from app.core.errors import InvalidInput, NotFound, SessionEnded, SessionExpired, StaleVersion, Unauthenticated
from app.core.guard import refusal
from app.core.permissions import Permission
from app.core.policy import NO_GRANTS, Grants, decide
from app.core.principal import AuthMethod, Principal, Subject
from app.core.records import EndReason

REASON_MAX_CHARACTERS: Final = 500
Detail = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who acts."""

    name: str
    """Audit name: ``actor_of(principal)``, or ``operator:<system user>``."""
    principal: Principal | None
    """None: the command line's operator, who holds everything and is bound by every other rule."""
    address: str = ""
    asserted: frozenset[str] = field(default=frozenset())
    """Permissions that the bearer token in hand asserts itself, as in ``Grants.asserted``."""


@dataclass(frozen=True, slots=True)
class AuthorizedActor:
    """An administrator, with what they hold as the unit of work sees it."""

    administrator: Administrator
    now: datetime
    principal: Principal | None = None
    grants: Grants = NO_GRANTS

    @property
    def subject(self) -> Subject | None:
        """Whose own rights are not theirs to extend; None for the operator."""
        return self.principal.subject if self.principal is not None else None

    def holds(self, permission: str) -> bool:
        """Whether they may use it now, at most after a fresh sign-in: only then may they give it."""
        if self.principal is None:
            return True
        return decide(self.principal, permission, self.grants, clock=lambda: self.now).allowed_after_step_up

    def event(self, kind: AuditKind, target: str, reason: str, **details: Detail) -> AuditEvent:
        """The audit event of something they did."""
        return AuditEvent(
            kind=kind,
            at=self.now,
            actor=self.administrator.name,
            target=target,
            reason=reason,
            correlation_id=correlation.current(),
            address=self.administrator.address,
            details=details,
        )


def authorise(
    unit: DirectoryUnit, administrator: Administrator, permission: Permission, now: datetime
) -> AuthorizedActor:
    """Decide whether ``administrator`` may, by their block, session and grants as they are inside ``unit``.

    What was decided before the unit was open may have changed meanwhile. Raises ``PermissionDenied``,
    ``StepUpRequired`` or ``Unauthenticated``.
    """
    if administrator.principal is None:
        return AuthorizedActor(administrator, now)
    subject = administrator.principal.subject
    if subject is None:
        raise Unauthenticated("Sign in to go on.")
    row = unit.person_of(subject)
    principal = replace(administrator.principal, blocked=row is not None and row.person.blocked)
    if principal.session_ref is not None and not principal.blocked:
        principal = _in_session(unit, principal, principal.session_ref, now)
    grants = unit.grants_of(subject, now)
    if principal.method in {AuthMethod.OTHER_TOKEN, AuthMethod.MACHINE}:
        grants = replace(grants, asserted=administrator.asserted, withheld=unit.withheld_permissions(subject))
    decision = decide(principal, permission, grants, clock=lambda: now)
    if not decision.allowed:
        raise refusal(permission, decision)
    return AuthorizedActor(administrator, now, principal, grants)


def _in_session(unit: DirectoryUnit, principal: Principal, ref: str, now: datetime) -> Principal:
    """The principal as its session says now."""
    session = unit.session_by_ref(ref)
    if session is None or session.person.subject != principal.subject:
        raise SessionEnded("The session was ended. Sign in again.")
    if session.ended_at is not None and session.end_reason is not EndReason.EXPIRED:
        raise SessionEnded("The session was ended. Sign in again.")
    if session.ended_at is not None or session.expires_at <= now:
        raise SessionExpired("The session has expired. Sign in again.")
    return replace(principal, authenticated_at=session.authenticated_at, acr=session.acr, amr=session.amr)


def checked_reason(reason: str) -> str:
    """Why, in 1 to 500 characters; raises ``InvalidInput``."""
    said = reason.strip()
    if not any(sign.isprintable() and not sign.isspace() for sign in said):
        raise InvalidInput({"reason": "Say why, in a few words: it is kept in the audit."})
    if len(said) > REASON_MAX_CHARACTERS:
        raise InvalidInput({"reason": f"At most {REASON_MAX_CHARACTERS} characters, please."})
    return said


def person_for_change(unit: DirectoryUnit, person: int, version: str | None) -> PersonRow:
    """The person to be changed; raises ``NotFound``, and ``StaleVersion`` when not ``version`` (None: any)."""
    found = unit.person_by_id(person)
    if found is None:
        raise NotFound("There is no such person.")
    check_version(found[1], version)
    return found[0]


def check_version(there: str, wanted: str | None) -> None:
    """Raise ``StaleVersion`` unless what is there is what was seen; ``wanted`` None is the command line's."""
    if wanted is not None and wanted != there:
        raise StaleVersion("Somebody changed this after you opened it. Look at it as it is now, then try again.")


def name_of(row: PersonRow) -> str:
    """The audit name of a person."""
    return subject_name(row.person.subject)
