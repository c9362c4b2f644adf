"""The people of the local tenant as rows of an empty development database, before their first sign-in.

Each has the profile, and the grants of source ``token``, that their first sign-in stores. That sign-in finds the row by
issuer and subject, and replaces both by what its token contains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, subject_name
from app.core.principal import Subject
from app.core.records import TokenRights
from db.database import Database, DatabaseUnitOfWork
from db.models import people
from db.texts import search_key

_OLDER_THAN_ANY_TOKEN: Final = timedelta(days=1)
"""A token counts only if it is newer than the last one: the first real one always is."""


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """A person of the local tenant, with the roles that their tokens contain."""

    subject: Subject
    name: str
    email: str
    roles: frozenset[str]


class SampleUnitOfWork(DatabaseUnitOfWork):
    """The unit of work that adds the people."""

    def has_people(self) -> bool:
        """Whether there is any person, erased ones included."""
        return self._execute(select(people.c.id).limit(1)).first() is not None

    def add(self, person: SamplePerson, now: datetime) -> None:
        """Add a person who has never signed in."""
        profile = {
            "name": person.name,
            "name_key": search_key(person.name),
            "email": person.email,
            "email_key": search_key(person.email),
            "email_verified": True,
        }
        self._execute(update(people).where(people.c.id == self._ensure_person(person.subject)).values(**profile))
        rights = TokenRights(issued_at=now - _OLDER_THAN_ANY_TOKEN, roles=person.roles)
        self.sync_token_rights(person.subject, rights, implicit_role_mapping=True, now=now)


def add_sample_people(
    database: Database, sample: Sequence[SamplePerson], *, actor: str, reason: str, now: datetime
) -> int:
    """Add the people if the database has none at all, in one transaction and audited.

    Returns:
        How many were added.

    Raises:
        GatehouseError: The translated error of the driver; nothing is changed.
    """
    with database.work(SampleUnitOfWork) as unit:
        if unit.has_people():
            return 0
        for person in sample:
            unit.add(person, now)
            unit.record(
                AuditEvent(
                    kind=AuditKind.PERSON_ADD,
                    at=now,
                    actor=actor,
                    target=subject_name(person.subject),
                    reason=reason,
                    correlation_id=correlation.current(),
                )
            )
        unit.commit()
    return len(sample)
