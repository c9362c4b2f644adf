"""Fills names into the sentences of ``app.core.audit``: the present names of people. Plain text, never markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from app.core.audit import ANONYMOUS_ACTOR, AuditKind, kind_of
from app.core.audit_rows import AuditRow
from app.core.errors import all_errors
from app.core.failure_reasons import explain
from app.core.principal import Subject

NameOf = Callable[[Subject], str]
"""Subject → the name people know it by now; empty when there is none."""

_PLACEHOLDER: Final = re.compile(r"\{(actor|target)\}")
_AT: Final = " at "
_OPERATOR: Final = "operator:"
_SYSTEM: Final = "system"
_WITH_CAUSE: Final = frozenset(
    {
        AuditKind.LOGIN_REFUSE,
        AuditKind.LOGOUT_REFUSE,
        AuditKind.TOKEN_REFRESH_FAIL,
        AuditKind.TOKEN_CLAIMS_DROP,
        AuditKind.BEARER_REFUSE,
        AuditKind.BEARER_CLAIMS_DROP,
    }
)
"""Kinds whose reason is one of our codes, which has a sentence. The reason of other kinds is the text of a user."""
_TITLES: Final[Mapping[str, str]] = {error.code: f"{error.title}." for error in all_errors()}
_UNKNOWN: Final = "{actor} did something of a kind that this version does not know."


def sentence(event: AuditRow, name_of: NameOf) -> str:
    """Return the sentence of an event, and that of its reason if this is a code. Names are never read as a template."""
    kind = kind_of(event.kind)
    template = kind.sentence if kind is not None else _UNKNOWN

    def named(match: re.Match[str]) -> str:
        audit_name, unknown = (event.actor, "an unknown actor") if match[1] == "actor" else (event.target, "something")
        phrase = _phrase(audit_name) if audit_name else unknown
        if not phrase:
            return _name(audit_name, name_of)
        return phrase[:1].upper() + phrase[1:] if match.start() == 0 else phrase

    text = _PLACEHOLDER.sub(named, template)
    cause = explain(event.reason) or _TITLES.get(event.reason, "") if kind in _WITH_CAUSE else ""
    return f"{text} {cause}".rstrip()


def subject_of(audit_name: str) -> Subject | None:
    """The subject that ``subject at issuer`` names; None for any other name. An issuer is an address."""
    subject, at, issuer = audit_name.rpartition(_AT)
    return Subject(issuer, subject) if at and subject and "://" in issuer else None


def _phrase(audit_name: str) -> str:
    """A description in place of a name, in lower case; empty for people, machines and things, which have names."""
    if audit_name == ANONYMOUS_ACTOR:
        return "an anonymous user"
    return f"the operator {audit_name.removeprefix(_OPERATOR)}" if audit_name.startswith(_OPERATOR) else ""


def _name(audit_name: str, name_of: NameOf) -> str:
    if audit_name == _SYSTEM:
        return "Gatehouse"
    subject = subject_of(audit_name)
    if subject is None:
        return audit_name
    return name_of(subject) or subject.subject
