"""The placeholders of the sentences in ``app.core.audit``: which values of an event fill them.

A value is a field or a detail of the event, or one that ``remote_api.audit_sentences`` derives from its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from remote_api import audit_phrases as phrases


class Placeholder(NamedTuple):
    """A row: the values that fill it, the phrase they make, and the phrase in place of an empty one."""

    values: tuple[str, ...]
    phrase: Callable[..., str]
    otherwise: str = ""
    """Empty for a placeholder that stands in brackets only."""


_TOKEN_RIGHTS: Final = ("roles_added", "roles_removed", "permissions_added", "permissions_removed")
_ROLE_CHANGES: Final = ("added", "removed", "renamed_to", "description")
_UNKNOWN_REASON: Final = "the reason was not recorded"
_UNKNOWN_CHANGE: Final = "what changed was not recorded"

PLACEHOLDERS: Final[Mapping[str, Placeholder]] = MappingProxyType(
    {
        # Who, and whom
        "actor": Placeholder(("actor",), phrases.one_line, "an unknown actor"),
        "target": Placeholder(("target",), phrases.one_line, "an unrecorded person"),
        "person": Placeholder(("known_actor",), phrases.one_line),
        "changed": Placeholder(("target",), phrases.one_line, "rights that were not recorded"),
        # Sign-ins and sessions
        "session": Placeholder(("sessions", "is_own", "target"), phrases.session, "a session of an unrecorded person"),
        "browser": Placeholder(("browser",), phrases.one_line),
        "end": Placeholder(("reason", "is_automatic", "sessions"), phrases.end),
        "factor": Placeholder(("acr",), phrases.factor, "by signing in again"),
        "rows": Placeholder(
            ("rows",),
            phrases.counted("row", "rows", " of sessions, sign-ins and drafts"),
            "sessions, sign-ins and drafts",
        ),
        "times": Placeholder(("count",), phrases.times),
        "cause": Placeholder(("reason",), phrases.cause, _UNKNOWN_REASON),
        "rights": Placeholder(_TOKEN_RIGHTS, phrases.rights, "roles and permissions"),
        "token_changes": Placeholder(_TOKEN_RIGHTS, phrases.token_changes, _UNKNOWN_CHANGE),
        # Refusals
        "page": Placeholder(("target",), phrases.after("the page"), "a page"),
        "function": Placeholder(("target",), phrases.after("the function"), "a function"),
        "endpoint": Placeholder(("target",), phrases.endpoint, "an endpoint of the remote API"),
        "denial": Placeholder(("reason", "permission"), phrases.denial, _UNKNOWN_REASON),
        "violation": Placeholder(("reason",), phrases.one_of(phrases.VIOLATIONS), _UNKNOWN_REASON),
        # Grants, roles and mappings
        "grant": Placeholder(("role", "permission"), phrases.grant, "a role or permission that was not recorded"),
        "expiry": Placeholder(("until",), phrases.expiry),
        "origin": Placeholder(("source", "withheld"), phrases.origin),
        "rule": Placeholder(("reason",), phrases.one_of(phrases.RULES), "a rule of administration forbids it"),
        "missing": Placeholder(("missing",), phrases.missing),
        "role": Placeholder(("target",), phrases.after("the role"), "a role that was not recorded"),
        "permissions": Placeholder(("permissions",), phrases.permissions, "permissions that were not recorded"),
        "role_changes": Placeholder(_ROLE_CHANGES, phrases.role_changes, _UNKNOWN_CHANGE),
        "moved": Placeholder(("people", "moved_to"), phrases.moved),
        "token_role": Placeholder(("target",), phrases.after("the token role"), "a token role that was not recorded"),
        "mapped_roles": Placeholder(("roles",), phrases.mapped, "roles that were not recorded"),
        "before_roles": Placeholder(("before",), phrases.mapped_before),
        "sessions": Placeholder(("sessions_ended",), phrases.counted("session", "sessions")),
        # The audit and the secret
        "format": Placeholder(("format",), phrases.one_of(phrases.FORMATS), "a file"),
        "exported": Placeholder(("filters",), phrases.exported, "events of the audit"),
        "pruned": Placeholder(("events",), phrases.counted("event", "events"), "events"),
        "boundary_day": Placeholder(("before",), phrases.time, "a day that was not recorded"),
        "broken": Placeholder(("known_broken",), phrases.if_true("although the chain was broken")),
        "head": Placeholder(("head",), phrases.head),
        "healed": Placeholder(("from", "until"), phrases.healed),
        "new_key": Placeholder(("to",), phrases.after("the key")),
        "lost_key": Placeholder(("from",), phrases.after("the key")),
        "unknown_kind": Placeholder(("kind",), phrases.one_line),
    }
)
"""Name → row."""
