"""Writes of people: their profile, blocks, the count of administrators, and page views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, Text, bindparam, func, select, update

from app.core.permissions import ADMINISTRATOR
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import Person
from db.models import grants, page_views, people, roles
from db.rows import PERSON, person_of
from db.texts import (
    MAX_EMAIL_CHARACTERS,
    MAX_PERSON_NAME_CHARACTERS,
    MAX_PICTURE_CHARACTERS,
    clean,
    require_storable,
    search_key,
)
from db.unit_of_work import BaseUnitOfWork, require_aware

_MAX_BY_EMAIL: Final = 10
_BY_EMAIL: Final = (
    select(*PERSON)
    .where(
        people.c.email_key == bindparam("email_key"),
        people.c.email_verified.is_(True),
        people.c.first_seen_at.is_not(None),
    )
    .order_by(people.c.id)
    .limit(_MAX_BY_EMAIL)
)


def select_administrators() -> Select[Any]:
    """A select of the ids of people who count as administrators."""
    sources = [bindparam(None, source.value, Text) for source in (Source.ADMIN, Source.INSTALLATION)]
    administrators = (
        select(grants.c.person_id)
        .join(roles, roles.c.id == grants.c.role_id)
        .where(
            roles.c.name == bindparam(None, ADMINISTRATOR, Text), grants.c.until.is_(None), grants.c.source.in_(sources)
        )
    )
    return select(people.c.id).where(people.c.blocked.is_(False), people.c.id.in_(administrators)).order_by(people.c.id)


_ADMINISTRATORS: Final = select_administrators().with_only_columns(*PERSON)


class PeopleWrites(BaseUnitOfWork):
    """Writes of ``UnitOfWork`` for people and page views."""

    def save_person(self, person: Person, now: datetime) -> None:
        """Insert or update the profile of a subject, who was seen at ``now``.

        Raises:
            InvalidInput: The subject cannot be stored.
            ValueError: ``now`` is naive.
        """
        require_aware(now)
        issuer, subject = require_storable(person.subject)
        name = clean(person.name, MAX_PERSON_NAME_CHARACTERS)
        email = clean(person.email, MAX_EMAIL_CHARACTERS)
        profile = {
            "name": name,
            "name_key": search_key(name),
            "email": email,
            "email_key": search_key(email),
            "email_verified": person.email_verified,
            "picture": clean(person.picture, MAX_PICTURE_CHARACTERS),
            "machine": person.machine,
            "erased_at": None,
        }
        new = self._insert(people).values(
            issuer=issuer, subject=subject, first_seen_at=now, last_seen_at=now, **profile
        )
        self._execute(
            new.on_conflict_do_update(
                index_elements=["issuer", "subject"],
                set_={
                    **profile,
                    "first_seen_at": func.coalesce(people.c.first_seen_at, new.excluded.first_seen_at),
                    "last_seen_at": new.excluded.last_seen_at,
                },
            )
        )

    def record_subject(self, subject: Subject, now: datetime, *, machine: bool) -> None:
        """Record a subject at the first contact, without a profile."""
        require_aware(now)
        require_storable(subject)
        new = self._insert(people).values(
            issuer=subject.issuer, subject=subject.subject, machine=machine, first_seen_at=now, last_seen_at=now
        )
        self._execute(
            new.on_conflict_do_update(
                index_elements=["issuer", "subject"],
                set_={"machine": machine, "first_seen_at": now, "last_seen_at": now},
                where=people.c.first_seen_at.is_(None),
            )
        )

    def set_blocked(self, subject: Subject, *, blocked: bool) -> bool:
        """Block or unblock a subject, who need not have been seen; False when nothing changes."""
        person = self._ensure_person(subject) if blocked else self._person_id(subject)
        changed = person is not None and self._changed(
            update(people)
            .where(people.c.id == person, people.c.blocked != blocked)
            .values(blocked=blocked)
            .returning(people.c.id)
        )
        self._rights_changed |= changed
        return changed

    def administrators(self, now: datetime) -> Sequence[Person]:
        """People who count as administrators; grants with an expiry never count, so ``now`` is only checked."""
        require_aware(now)
        return tuple(map(person_of, self._rows(_ADMINISTRATORS)))

    def people_by_email(self, email: str) -> Sequence[Person]:
        """People with exactly this verified e-mail, compared without case; at most ten."""
        key = search_key(clean(email, MAX_EMAIL_CHARACTERS))
        if not key:
            return ()
        return tuple(map(person_of, self._rows(_BY_EMAIL, email_key=key)))

    def add_page_views(self, views: Mapping[tuple[date, str], int]) -> None:
        """Add to the daily counts of page views."""
        for (day, page), count in sorted(views.items()):
            new = self._insert(page_views).values(day=day, page=clean(page), views=count)
            self._execute(
                new.on_conflict_do_update(
                    index_elements=["day", "page"], set_={"views": page_views.c.views + new.excluded.views}
                )
            )
