"""The present names of people, for actors and targets that the storage names by their subject."""

from __future__ import annotations

from functools import cache

from app.core.principal import Subject
from remote_api.audit_sentences import NameOf, subject_of
from remote_api.services import services


def present_names() -> NameOf:
    """Return a function from a subject to its name now, each looked up once; empty for people without one."""
    person = services().storage.read.person

    @cache
    def name_of(subject: Subject) -> str:
        row = person(subject)
        return row.name if row is not None else ""

    return name_of


def actor_name(audit_name: str, name_of: NameOf) -> str:
    """The present name of an actor; empty for operators, the system, and people without a name."""
    subject = subject_of(audit_name)
    return name_of(subject) if subject is not None else ""
