"""Audit events: append-only facts of what was done or refused, by whom, and why; the one table of their kinds.

An event carries no secret: no token, cookie, code or state, and nothing of a request that was not asked for by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.core.labelled_enum import LabelledEnum
from app.core.principal import Principal, Subject

NOBODY: Final = "nobody"
"""The actor of an event when nobody was proven."""
SYSTEM: Final = "system"
"""The actor of what no person decided: settings and the provider's tokens."""


class AuditKind(LabelledEnum):
    """``source:subject:action``. ``sentence`` is how people read it; ``{actor}`` and ``{target}`` are filled in."""

    SESSION_BEGIN = "app:session:begin", "{actor} signed in."
    SESSION_END = "app:session:end", "A session of {target} ended."
    SESSION_STEP_UP = "app:session:step-up", "{actor} signed in afresh to do something that asks for it."
    SESSION_REVIVE = "app:session:revive", "{actor} signed in again and went on with a session that had expired."
    SESSION_PURGE = "app:session:purge", "Sessions that were over long ago were forgotten."
    LOGIN_REFUSE = "app:login:refuse", "A sign-in did not succeed."
    LOGOUT_REFUSE = "app:logout:refuse", "Something that claimed to be a sign-out at the provider was refused."
    TOKEN_REFRESH_FAIL = "app:token:refresh-fail", "The tokens of {actor} could not be renewed."
    TOKEN_RIGHTS_SYNC = "app:token:sync", "What the provider says {target} may do has changed."
    TOKEN_CLAIMS_DROP = (
        "app:token:claims-drop",
        "Part of what the provider's token says {target} may do was not usable.",
    )
    PAGE_DENY = "app:page:deny", "{actor} was refused the page {target}."
    FUNCTION_DENY = "app:function:deny", "{actor} was refused the function {target}."
    ENDPOINT_DENY = "api:endpoint:deny", "{actor} was refused {target} of the remote API."
    BEARER_REFUSE = "api:token:refuse", "The remote API refused a token."
    BEARER_CLAIMS_DROP = "api:token:claims-drop", "Part of what a token says {actor} may do was not usable."
    COMPONENT_REFUSE = (
        "app:component:refuse",
        "The browser of {actor} sent what the component's contract does not allow.",
    )
    CALL_REFUSE = "app:call:refuse", "{actor} was refused a call of an API that the component asked its host for."
    GRANT_ADD = "policy:grant:add", "{actor} gave {target} a role or permission."
    GRANT_REVOKE = "policy:grant:revoke", "{actor} revoked a role or permission of {target}."
    GRANT_RELEASE = "policy:grant:release", "{actor} released a role or permission that was withheld from {target}."
    RULE_REFUSE = "policy:rule:refuse", "{actor} was refused a change of {target} by a rule of administration."
    ROLE_CREATE = "policy:role:create", "{actor} made the role {target}."
    ROLE_UPDATE = "policy:role:update", "{actor} changed the role {target}."
    ROLE_DELETE = "policy:role:delete", "{actor} deleted the role {target}."
    MAPPING_UPDATE = "policy:mapping:update", "{actor} changed what the token role {target} becomes here."
    PERSON_ADD = "policy:person:add", "{actor} added {target} before a first sign-in."
    PERSON_BLOCK = "policy:person:block", "{actor} blocked {target}."
    PERSON_UNBLOCK = "policy:person:unblock", "{actor} let {target} in again."
    PERSON_ERASE = "policy:person:erase", "{actor} erased what was known of {target}."
    ADMIN_BOOTSTRAP = "policy:admin:bootstrap", "{actor} made {target} the first administrator."
    ADMIN_RECOVER = "policy:admin:recover", "{actor} made {target} an administrator to recover access."
    LOG_EXPORT = "audit:log:export", "{actor} downloaded the audit."
    LOG_PRUNE = "audit:log:prune", "{actor} sealed a retention boundary and deleted the audit events below it."
    LOG_BROKEN = "audit:log:broken", "The end of the audit was found changed before this was written."
    LOG_HEAL = "audit:log:heal", "{actor} recorded that breaks of the audit come from a rotation of the secret."
    KEY_ROTATE = "audit:key:rotate", "From here on, everything is sealed with another secret of this installation."
    KEY_REPLACE = "audit:key:replace", "{actor} replaced a lost secret; what it had sealed cannot be opened any more."


class Outcome(StrEnum):
    """How it went."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One fact. Texts are bounded and cleaned by the writer; ``at`` is aware UTC."""

    kind: AuditKind
    at: datetime
    outcome: Outcome = Outcome.DONE
    actor: str = NOBODY
    """``actor_of(principal)``, ``operator:<system user>`` or ``SYSTEM``; ``nobody`` when nobody was proven."""
    target: str = ""
    reason: str = ""
    correlation_id: str = ""
    address: str = ""
    """The client's address as seen by the process, empty where there is none."""
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict)


def actor_of(principal: Principal) -> str:
    """The audit name of a principal: ``subject at issuer``, or ``nobody``."""
    return subject_name(principal.subject) if principal.subject is not None else NOBODY


def subject_name(subject: Subject) -> str:
    """The audit name of a subject: ``subject at issuer``."""
    return str(subject)
