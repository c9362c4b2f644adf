"""Writes the sentences of audit events from the templates in ``app.core.audit``, with the present names of people.

Plain text, never markup. Values of an event are never read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

from app.core.audit import ANONYMOUS_ACTOR, SYSTEM, kind_of
from app.core.audit_rows import AuditRow
from app.core.principal import Subject
from remote_api.audit_phrases import MISSING, Value, one_line
from remote_api.audit_placeholders import PLACEHOLDERS, Placeholder

NameOf = Callable[[Subject], str]
"""Subject → the name people know it by now; empty when there is none."""

_PLACEHOLDER: Final = re.compile(r"\[([^{\]]*)\{(\w+)\}([^\]]*)\]|\{(\w+)\}")
_AT: Final = " at "
_OPERATOR: Final = "operator:"
_UNKNOWN: Final = "{actor} did something of a kind that this version does not know[: {unknown_kind}]."


class _Part(NamedTuple):
    """A placeholder of a template, with the words that are omitted together with it."""

    row: Placeholder
    before: str = ""
    after: str = ""

    def text(self, values: Mapping[str, Value]) -> str:
        phrase = self.row.phrase(*(values.get(name, MISSING) for name in self.row.values))
        return f"{self.before}{phrase}{self.after}" if phrase else self.row.otherwise


def sentence(event: AuditRow, name_of: NameOf) -> str:
    """Return the sentence of an event: who did what to what, until when and why. It ends with a full stop."""
    kind = kind_of(event.kind)
    template = kind.sentence if kind is not None else _UNKNOWN
    values = _values(event, name_of)
    text = "".join(part if isinstance(part, str) else part.text(values) for part in _parts(template))
    return text if _starts_with_name(template, event, values) else f"{text[:1].upper()}{text[1:]}"


def subject_of(audit_name: str) -> Subject | None:
    """The subject that ``subject at issuer`` names; None for any other name. An issuer is an address."""
    subject, at, issuer = audit_name.rpartition(_AT)
    return Subject(issuer, subject) if at and subject and "://" in issuer else None


@cache
def _parts(template: str) -> tuple[str | _Part, ...]:
    """The literal texts and placeholders of a template, in order."""
    parts: list[str | _Part] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        before, optional, after, name = match.groups()
        row = PLACEHOLDERS[optional or name]
        parts += [
            template[end : match.start()],
            _Part(row._replace(otherwise=""), before, after) if optional else _Part(row),
        ]
        end = match.end()
    return (*parts, template[end:])


def _values(event: AuditRow, name_of: NameOf) -> Mapping[str, Value]:
    """The values that fill placeholders: the details of an event, its fields, and what follows from them."""
    actor = _name(event.actor, name_of)
    is_own = bool(event.actor) and event.actor == event.target
    return {
        **event.details,
        "kind": event.kind,
        "actor": actor,
        "known_actor": MISSING if event.actor == ANONYMOUS_ACTOR else actor,
        "target": _name(event.target, name_of),
        "reason": event.reason,
        "is_own": is_own,
        "is_automatic": is_own or event.actor == SYSTEM,
    }


def _starts_with_name(template: str, event: AuditRow, values: Mapping[str, Value]) -> bool:
    """Whether the sentence starts with the name of a person or a machine, whose first letter stays as it is."""
    for field, audit_name in (("actor", event.actor), ("target", event.target)):
        if template.startswith(f"{{{field}}}"):
            return bool(one_line(values[field])) and not _phrase(audit_name)
    return False


def _phrase(audit_name: str) -> str:
    """A description in place of a name, in lower case; empty for people, machines and things, which have names."""
    if audit_name == ANONYMOUS_ACTOR:
        return "an anonymous user"
    return f"the operator {audit_name.removeprefix(_OPERATOR)}" if audit_name.startswith(_OPERATOR) else ""


def _name(audit_name: str, name_of: NameOf) -> str:
    if audit_name == SYSTEM:
        return "Gatehouse"
    subject = subject_of(audit_name)
    if subject is None:
        return _phrase(audit_name) or audit_name
    return name_of(subject) or subject.subject
