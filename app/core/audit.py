"""Audit events and the table of their kinds: what was done or refused, by which actor, and why.

An event carries no secret: no token, cookie, authorization code or state, and of a request only the named fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.core.labelled_enum import LabelledEnum
from app.core.principal import Principal, Subject

ANONYMOUS_ACTOR: Final = "nobody"
"""The actor of an event of an anonymous client, as it is stored; people read "An anonymous user"."""
SYSTEM: Final = "system"
"""The actor of changes that follow from settings or from the provider's tokens."""


class AuditKind(LabelledEnum):
    """``source:subject:action``. ``sentence`` is what people read, with ``{actor}`` and ``{target}`` filled in."""

    SESSION_BEGIN = "app:session:begin", "{actor} signed in."
    SESSION_END = "app:session:end", "A session of {target} ended."
    SESSION_STEP_UP = "app:session:step-up", "{actor} signed in again for an action that requires it."
    SESSION_RESUME = "app:session:resume", "{actor} signed in again and resumed a session that had expired."
    SESSION_PURGE = "app:session:purge", "Sessions that ended long ago were purged."
    LOGIN_REFUSE = "app:login:refuse", "A sign-in did not succeed."
    LOGOUT_REFUSE = "app:logout:refuse", "A back-channel logout was refused."
    TOKEN_REFRESH_FAIL = "app:token:refresh-fail", "The tokens of {actor} could not be refreshed."
    TOKEN_RIGHTS_SYNC = "app:token:sync", "The rights of {target} in the provider's token have changed."
    TOKEN_CLAIMS_DROP = (
        "app:token:claims-drop",
        "Some rights of {target} in the provider's token could not be used.",
    )
    PAGE_DENY = "app:page:deny", "{actor} was refused the page {target}."
    FUNCTION_DENY = "app:function:deny", "{actor} was refused the function {target}."
    ENDPOINT_DENY = "api:endpoint:deny", "{actor} was refused {target} of the remote API."
    BEARER_REFUSE = "api:token:refuse", "The remote API refused a token."
    BEARER_CLAIMS_DROP = "api:token:claims-drop", "Some rights of {actor} in a token could not be used."
    COMPONENT_REFUSE = (
        "app:component:refuse",
        "The browser of {actor} sent an event that the component's contract does not allow.",
    )
    CALL_REFUSE = "app:call:refuse", "{actor} was refused an API call that the component requested."
    GRANT_ADD = "policy:grant:add", "{actor} granted {target} a role or permission."
    GRANT_REVOKE = "policy:grant:revoke", "{actor} revoked a role or permission of {target}."
    GRANT_RELEASE = "policy:grant:release", "{actor} released a role or permission that was withheld from {target}."
    RULE_REFUSE = "policy:rule:refuse", "{actor} was refused a change of {target} by a rule of administration."
    ROLE_CREATE = "policy:role:create", "{actor} created the role {target}."
    ROLE_UPDATE = "policy:role:update", "{actor} changed the role {target}."
    ROLE_DELETE = "policy:role:delete", "{actor} deleted the role {target}."
    MAPPING_UPDATE = "policy:mapping:update", "{actor} changed the mapping of the token role {target}."
    PERSON_ADD = "policy:person:add", "{actor} added {target} before a first sign-in."
    PERSON_BLOCK = "policy:person:block", "{actor} blocked {target}."
    PERSON_UNBLOCK = "policy:person:unblock", "{actor} unblocked {target}."
    PERSON_ERASE = "policy:person:erase", "{actor} erased the personal data of {target}."
    ADMIN_BOOTSTRAP = "policy:admin:bootstrap", "{actor} made {target} the first administrator."
    ADMIN_RECOVER = "policy:admin:recover", "{actor} made {target} an administrator to recover access."
    LOG_EXPORT = "audit:log:export", "{actor} downloaded the audit."
    LOG_PRUNE = "audit:log:prune", "{actor} sealed a retention boundary and deleted the audit events below it."
    LOG_BROKEN = "audit:log:broken", "The end of the audit was found changed before this event was written."
    LOG_HEAL = "audit:log:heal", "{actor} recorded that breaks of the audit come from a rotation of the secret."
    KEY_ROTATE = "audit:key:rotate", "Events from here on are sealed with a new secret of this installation."
    KEY_REPLACE = (
        "audit:key:replace",
        "{actor} replaced a lost secret; data that was sealed with it cannot be opened any more.",
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
