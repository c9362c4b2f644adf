"""Audit events and the table of their kinds: what was done or refused, by which actor, and why.

An event carries no secret: no token, cookie, authorization code or state, and of a request only the named fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from app.core.labelled_enum import LabelledEnum
from app.core.principal import Principal, Subject

ANONYMOUS_ACTOR: Final = "nobody"
"""The actor of an event of an anonymous client, as it is stored; people read "An anonymous user"."""
SYSTEM: Final = "system"
"""The actor of changes that follow from settings or from the provider's tokens."""


class AuditKind(LabelledEnum):
    """``source:subject:action``, the template of its sentence, and its label in a list of kinds.

    ``sentence`` has placeholders, which ``remote_api.audit_placeholders`` fills from the event. A part in brackets is
    omitted if the event does not have what its placeholder needs; any other placeholder then has a phrase in its place.
    """

    label: str

    def __new__(cls, value: str, sentence: str, label: str) -> Self:
        """One row."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence, member.label = sentence, label
        return member

    SESSION_BEGIN = (
        "app:session:begin",
        "{actor} signed in to the app[ ({browser})].",
        "Sign-in: succeeded",
    )
    SESSION_END = (
        "app:session:end",
        "{actor} ended {session}[ ({browser})][: {end}].",
        "Session: ended",
    )
    SESSION_STEP_UP = (
        "app:session:step-up",
        "{actor} confirmed their sign-in {factor}.",
        "Sign-in: confirmed for an action that requires it",
    )
    SESSION_RESUME = (
        "app:session:resume",
        "{actor} signed in again and resumed a session that had expired[ ({browser})].",
        "Session: resumed",
    )
    SESSION_PURGE = (
        "app:session:purge",
        "{actor} deleted {rows} that expired long ago.",
        "Session: expired ones purged",
    )
    LOGIN_REFUSE = (
        "app:login:refuse",
        "A sign-in[ of {person}] was refused[ {times}]: {cause}.",
        "Sign-in: refused",
    )
    LOGOUT_REFUSE = (
        "app:logout:refuse",
        "A back-channel logout was refused[ {times}]: {cause}.",
        "Logout: back-channel logout refused",
    )
    TOKEN_REFRESH_FAIL = (
        "app:token:refresh-fail",
        "The tokens of {actor} could not be refreshed: {cause}.",
        "Token: refresh failed",
    )
    TOKEN_RIGHTS_SYNC = (
        "app:token:sync",
        "{target}'s {rights} from the sign-in provider changed: {token_changes}.",
        "Token: roles or permissions from the sign-in provider changed",
    )
    TOKEN_CLAIMS_DROP = (
        "app:token:claims-drop",
        "Some rights of {target} in the provider's token could not be used: {cause}.",
        "Token: rights from the sign-in provider not usable",
    )
    PAGE_DENY = (
        "app:page:deny",
        "{actor} was refused {page}[ {times}]: {denial}.",
        "Page: refused",
    )
    FUNCTION_DENY = (
        "app:function:deny",
        "{actor} was refused {function}[ {times}]: {denial}.",
        "Function: refused",
    )
    ENDPOINT_DENY = (
        "api:endpoint:deny",
        "{actor} was refused {endpoint}[ {times}]: {denial}.",
        "Remote API: endpoint refused",
    )
    BEARER_REFUSE = (
        "api:token:refuse",
        "The remote API refused a token[ {times}]: {cause}.",
        "Remote API: token refused",
    )
    BEARER_CLAIMS_DROP = (
        "api:token:claims-drop",
        "Some rights of {actor} in a token for the remote API could not be used: {cause}.",
        "Remote API: rights in a token not usable",
    )
    COMPONENT_REFUSE = (
        "app:component:refuse",
        "The browser of {actor} sent an event that the component does not accept[ {times}]: {violation}.",
        "Component: event refused",
    )
    CALL_REFUSE = (
        "app:call:refuse",
        "{actor} was refused a call of the remote API that the app does not offer[, {times}].",
        "Component: API call refused",
    )
    GRANT_ADD = (
        "policy:grant:add",
        "{actor} granted {target} {grant}[, {expiry}].",
        "Grant: role or permission granted",
    )
    GRANT_REVOKE = (
        "policy:grant:revoke",
        "{actor} revoked {grant} from {target}[ ({origin})].",
        "Grant: role or permission revoked",
    )
    GRANT_RELEASE = (
        "policy:grant:release",
        "{actor} released {grant}, which was withheld from {target}.",
        "Grant: withheld role or permission released",
    )
    RULE_REFUSE = (
        "policy:rule:refuse",
        "{actor} was refused a change of {changed}: {rule}[ ({missing})].",
        "Rule of administration: change refused",
    )
    ROLE_CREATE = (
        "policy:role:create",
        "{actor} created {role} with {permissions}.",
        "Role: created",
    )
    ROLE_UPDATE = (
        "policy:role:update",
        "{actor} changed {role}: {role_changes}.",
        "Role: changed",
    )
    ROLE_DELETE = (
        "policy:role:delete",
        "{actor} deleted {role}[ and moved {moved}].",
        "Role: deleted",
    )
    MAPPING_UPDATE = (
        "policy:mapping:update",
        "{actor} mapped {token_role} to {mapped_roles}[ (before: {before_roles})].",
        "Mapping: token role mapped",
    )
    PERSON_ADD = (
        "policy:person:add",
        "{actor} added {target} before a first sign-in.",
        "Person: added",
    )
    PERSON_BLOCK = (
        "policy:person:block",
        "{actor} blocked {target}[ and ended {sessions}].",
        "Person: blocked",
    )
    PERSON_UNBLOCK = (
        "policy:person:unblock",
        "{actor} unblocked {target}.",
        "Person: unblocked",
    )
    PERSON_ERASE = (
        "policy:person:erase",
        "{actor} erased the personal data of {target}[ and ended {sessions}].",
        "Person: erased",
    )
    ADMIN_BOOTSTRAP = (
        "policy:admin:bootstrap",
        "{actor} made {target} the first administrator, no expiry.",
        "Administrator: first one appointed",
    )
    ADMIN_RECOVER = (
        "policy:admin:recover",
        "{actor} made {target} an administrator to recover access, no expiry.",
        "Administrator: appointed to recover access",
    )
    LOG_EXPORT = (
        "audit:log:export",
        "{actor} downloaded {format} with {exported}.",
        "Audit: downloaded",
    )
    LOG_PRUNE = (
        "audit:log:prune",
        "{actor} deleted {pruned} of the audit from before {boundary_day} and sealed a retention boundary[, {broken}].",
        "Audit: old events deleted",
    )
    LOG_BROKEN = (
        "audit:log:broken",
        "The end of the audit was found changed before this event was written[: {head}].",
        "Audit: break found",
    )
    LOG_HEAL = (
        "audit:log:heal",
        "{actor} recorded that a rotation of the secret broke the chain of the audit[ {healed}].",
        "Audit: break explained by a rotation",
    )
    KEY_ROTATE = (
        "audit:key:rotate",
        "{actor} seals events of the audit with a new secret from here on[: {new_key}].",
        "Secret: rotated",
    )
    KEY_REPLACE = (
        "audit:key:replace",
        "{actor} replaced a lost secret[ ({lost_key})]: data that was sealed with it cannot be opened any more.",
        "Secret: lost one replaced",
    )


RETIRED_CODES: Final[Mapping[str, AuditKind]] = MappingProxyType({"app:session:revive": AuditKind.SESSION_RESUME})
"""Codes that earlier versions stored → the kind that replaced them.

The audit chain seals the stored code, so stored events keep it; they are read and found as events of the new kind.
"""

_KINDS: Final[Mapping[str, AuditKind]] = {kind.value: kind for kind in AuditKind} | dict(RETIRED_CODES)


def kind_of(code: str) -> AuditKind | None:
    """Return the kind of a stored code, retired codes included; None for a code that this version does not know."""
    return _KINDS.get(code)


def codes_of(code: str) -> frozenset[str]:
    """Return every code under which events of the same kind are stored; the code alone when it is not known."""
    kind = _KINDS.get(code)
    return frozenset({code}) if kind is None else frozenset(known for known in _KINDS if _KINDS[known] is kind)


class Outcome(StrEnum):
    """The outcome of an event."""

    SUCCEEDED = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event. The writer bounds and cleans its texts; ``at`` is aware UTC."""

    kind: AuditKind
    at: datetime
    outcome: Outcome = Outcome.SUCCEEDED
    actor: str = ANONYMOUS_ACTOR
    """``actor_of(principal)``, ``operator:<system user>``, ``SYSTEM`` or ``ANONYMOUS_ACTOR``."""
    target: str = ""
    reason: str = ""
    correlation_id: str = ""
    address: str = ""
    """The client's address as seen by the process, empty where there is none."""
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict)


def actor_of(principal: Principal) -> str:
    """Return the audit name of a principal: ``subject at issuer``, or ``ANONYMOUS_ACTOR``."""
    return subject_name(principal.subject) if principal.subject is not None else ANONYMOUS_ACTOR


def subject_name(subject: Subject) -> str:
    """Return the audit name of a subject: ``subject at issuer``."""
    return str(subject)
