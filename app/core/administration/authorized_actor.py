"""The acting administrator, authorized inside the unit of work; and the reason and version that every change names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from app.core import correlation
from app.core.administration_ports import AdministrationUnit
from app.core.administration_records import PersonRow
from app.core.audit import AuditEvent, AuditKind, subject_name
from app.core.errors import InvalidInput, NotFound, SessionEnded, SessionExpired, StaleVersion, Unauthenticated
from app.core.guard import refusal
from app.core.permissions import Permission
from app.core.policy import NO_GRANTS, Grants, decide
from app.core.principal import AuthMethod, Principal, Subject
from app.core.records import MAX_REASON_CHARACTERS, EndReason

Detail = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, before the unit of work is open: an administrator, or the operator of the command line."""

    name: str
    """Audit name: ``actor_of(principal)``, or ``operator:<system user>``."""
    principal: Principal | None
    """None for the operator of the command line, who has every permission and is bound by every other rule."""
    address: str = ""
    token_permissions: frozenset[str] = field(default=frozenset())
    """Permissions in the claim of the request's bearer token, as in ``Grants.token_permissions``."""


@dataclass(frozen=True, slots=True)
class AuthorizedActor:
    """An actor with the grants that the unit of work reads."""

    actor: Actor
    now: datetime
    principal: Principal | None = None
    grants: Grants = NO_GRANTS

    @property
    def subject(self) -> Subject | None:
        """The administrator's own subject, whose rights they may not extend; None for the operator."""
        return self.principal.subject if self.principal is not None else None

    def may_grant(self, permission: str) -> bool:
        """Whether the actor may use ``permission``, at most after a step-up: only then may they grant it."""
        if self.principal is None:
            return True
        return decide(self.principal, permission, self.grants, clock=lambda: self.now).allowed_after_step_up

    def event(self, kind: AuditKind, target: str, reason: str, **details: Detail) -> AuditEvent:
        """Return the audit event of an action of this actor."""
        return AuditEvent(
            kind=kind,
            at=self.now,
            actor=self.actor.name,
            target=target,
            reason=reason,
            correlation_id=correlation.current(),
            address=self.actor.address,
            details=details,
        )


def authorize(unit: AdministrationUnit, actor: Actor, permission: Permission, now: datetime) -> AuthorizedActor:
    """Require ``permission`` of ``actor`` by block, session and grants as ``unit`` reads them.

    They may have changed since the request was authorized.

    Raises:
        PermissionDenied: if the administrator is blocked or lacks the permission.
        StepUpRequired: if the permission requires a more recent or stronger sign-in.
        Unauthenticated: if the principal is anonymous, or its session ended or expired.
    """
    if actor.principal is None:
        return AuthorizedActor(actor, now)
    subject = actor.principal.subject
    if subject is None:
        raise Unauthenticated("Sign in to continue.")
    row = unit.person_of(subject)
    principal = replace(actor.principal, blocked=row is not None and row.person.blocked)
    if principal.session_ref is not None and not principal.blocked:
        principal = _in_session(unit, principal, principal.session_ref, now)
    grants = unit.grants_of(subject, now)
    if principal.method in {AuthMethod.OTHER_TOKEN, AuthMethod.MACHINE}:
        grants = replace(grants, token_permissions=actor.token_permissions, withheld=unit.withheld_permissions(subject))
    decision = decide(principal, permission, grants, clock=lambda: now)
    if not decision.allowed:
        raise refusal(permission, decision)
    return AuthorizedActor(actor, now, principal, grants)


def _in_session(unit: AdministrationUnit, principal: Principal, ref: str, now: datetime) -> Principal:
    """The principal with the sign-in of its session as it is now."""
    session = unit.session_by_ref(ref)
    if session is None or session.person.subject != principal.subject:
        raise SessionEnded("The session was ended. Sign in again.")
    if session.ended_at is not None and session.end_reason is not EndReason.EXPIRED:
        raise SessionEnded("The session was ended. Sign in again.")
    if session.ended_at is not None or session.expires_at <= now:
        raise SessionExpired("The session has expired. Sign in again.")
    return replace(principal, authenticated_at=session.authenticated_at, acr=session.acr, amr=session.amr)


def checked_reason(reason: str) -> str:
    """Return ``reason`` without spaces around it.

    Raises:
        InvalidInput: if it is empty or longer than 500 characters.
    """
    text = reason.strip()
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise InvalidInput({"reason": "Give a reason in a few words: it is kept in the audit."})
    if len(text) > MAX_REASON_CHARACTERS:
        raise InvalidInput({"reason": f"At most {MAX_REASON_CHARACTERS} characters, please."})
    return text


def person_for_change(unit: AdministrationUnit, person: int, version: str | None) -> PersonRow:
    """Return the person that is to be changed.

    Raises:
        NotFound: if there is no such person.
        StaleVersion: if their version is not ``version``.
    """
    row_and_version = unit.person_by_id(person)
    if row_and_version is None:
        raise NotFound("There is no such person.")
    row, current = row_and_version
    check_version(current, version)
    return row


def check_version(current: str, expected: str | None) -> None:
    """Compare the current version with the one that the author of a change saw; None, of the command line, is any.

    Raises:
        StaleVersion: if they differ.
    """
    if expected is not None and expected != current:
        raise StaleVersion("This was changed after you opened it. Look at it as it is now, then try again.")


def name_of(row: PersonRow) -> str:
    """Return the audit name of a person."""
    return subject_name(row.person.subject)
