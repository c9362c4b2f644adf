"""The unit of work of administration: reads inside its transaction, erasure of a person, the guard inventory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from app.core.administration_records import GrantRow, GuardRow, MappingRow, PersonCard, PersonRow, RoleCard, WithheldRow
from app.core.policy import NO_GRANTS, Grants
from app.core.principal import Subject
from db import mapping_lists, person_cards, role_lists
from db.grant_loader import grants_from, grants_query
from db.mappings import MappingWrites
from db.models import grants, guards, people, sessions, token_roles, withheld_grants
from db.people import PeopleWrites
from db.query_cache import QueryCache
from db.roles import RoleWrites
from db.sessions import SessionWrites
from db.statement import Row
from db.texts import clean, is_storable_subject
from db.times import EPOCH, to_micros

_MAX_GUARDS = 5000


class AdministrationWrites(PeopleWrites, SessionWrites, RoleWrites, MappingWrites):
    """Writes and reads of ``AdministrationUnit`` that ``UnitOfWork`` does not have."""

    def person_by_id(self, person: int) -> tuple[PersonRow, str] | None:
        """The row of a person, without roles, and the version of their card."""
        person_and_version = person_cards.person_and_version(self._queries(), person, EPOCH)
        if person_and_version is None:
            return None
        row, version = person_and_version
        return replace(row, roles=()), version

    def person_card(self, person: int, now: datetime) -> PersonCard | None:
        """The person with this id."""
        return person_cards.person_card(self._queries(), person, now)

    def person_of(self, subject: Subject) -> PersonRow | None:
        """The row of a subject, without roles."""
        number = self._person_id(subject) if is_storable_subject(subject) else None
        row_and_version = None if number is None else self.person_by_id(number)
        return None if row_and_version is None else row_and_version[0]

    def person_id(self, subject: Subject) -> int:
        """The id of a subject's person, who is inserted if necessary."""
        return self._ensure_person(subject)

    def grants_of(self, subject: Subject, now: datetime) -> Grants:
        """As ``Reader.grants``, inside this transaction."""
        if not is_storable_subject(subject):
            return NO_GRANTS
        parameters = {"issuer": subject.issuer, "subject": subject.subject, "now": to_micros(now)}
        return grants_from(self._queries().rows("grants of a subject", grants_query, **parameters))

    def token_roles_of(self, subject: Subject) -> frozenset[str]:
        """Role names of the subject's last token."""
        person = select(people.c.id).where(people.c.issuer == subject.issuer, people.c.subject == subject.subject)
        names = select(token_roles.c.name).where(token_roles.c.person_id == person.scalar_subquery())
        return frozenset(self._execute(names).scalars()) if is_storable_subject(subject) else frozenset()

    def catalogue(self) -> frozenset[str]:
        """Names of all permissions."""
        return role_lists.catalogue(self._queries())

    def grant_row(self, person: int, grant: int) -> GrantRow | None:
        """One grant of a person."""
        return person_cards.grant_of(self._queries(), person, grant)

    def delete_grant(self, grant: int) -> bool:
        """Delete a grant by id; False when it does not exist."""
        deleted = self._changed(delete(grants).where(grants.c.id == grant).returning(grants.c.id))
        self._rights_changed |= deleted
        return deleted

    def withhold_grant(
        self, person: int, grant: GrantRow, *, by: str, reason: str, from_default: bool, now: datetime
    ) -> None:
        """Withhold the role or permission of a grant from every automatic source."""
        grantable = (None if grant.role is None else self._role_id(grant.role), grant.permission)
        self.withhold(person, grantable, by=by, reason=reason, from_default=from_default, now=now)

    def withheld_row(self, person: int, withheld: int) -> WithheldRow | None:
        """One withheld role or permission of a person."""
        return person_cards.withheld_of(self._queries(), person, withheld)

    def withheld_permissions(self, subject: Subject) -> frozenset[str]:
        """Single permissions withheld from the subject."""
        person = select(people.c.id).where(people.c.issuer == subject.issuer, people.c.subject == subject.subject)
        names = select(withheld_grants.c.permission).where(
            withheld_grants.c.person_id == person.scalar_subquery(), withheld_grants.c.permission.is_not(None)
        )
        return frozenset(self._execute(names).scalars()) if is_storable_subject(subject) else frozenset()

    def role_for_change(self, role: int, now: datetime) -> RoleCard | None:
        """The role with this id."""
        return role_lists.role_card(self._queries(), role, now)

    def role_named(self, name: str, now: datetime) -> RoleCard | None:
        """The role whose name is the same except for case, spacing and look-alikes."""
        return role_lists.role_card_named(self._queries(), name, now, alike=True)

    def mapping(self, token_role: str) -> MappingRow:
        """The roles that a token role is mapped to."""
        return mapping_lists.mapping_row(self._queries(), token_role)

    def erase_person(self, person: int, now: datetime) -> None:
        """Delete everything stored about a person except the subject."""
        empty = {"name": "", "name_key": "", "email": "", "email_key": "", "email_verified": False, "picture": ""}
        self._execute(update(people).where(people.c.id == person).values(erased_at=now, **empty))
        if self._changed(delete(grants).where(grants.c.person_id == person).returning(grants.c.id)):
            self._rights_changed = True
        self._execute(delete(token_roles).where(token_roles.c.person_id == person))
        # Withheld grants stay, as a block does: the next sign-in must not restore them.
        of_person = withheld_grants.c.person_id == person
        self._execute(update(withheld_grants).where(of_person).values(reason="", from_token=False, from_default=False))
        self._execute(
            update(sessions)
            .where(sessions.c.person_id == person)
            .values(user_agent="", address="", page="", sealed_tokens=None, access_expires_at=None)
        )

    def publish_guards(self, process: str, version: str, rows: Sequence[GuardRow], now: datetime) -> None:
        """Replace the guards that ``process`` published."""
        self._execute(delete(guards).where(guards.c.process == process))
        new: list[dict[str, Any]] = [
            {
                "process": clean(process),
                "kind": row.kind.value,
                "name": clean(row.name),
                "permission": clean(row.permission),
                "file": clean(row.file),
                "line": row.line,
                "version": clean(version),
                "published_at": now,
            }
            for row in rows[:_MAX_GUARDS]
        ]
        if new:
            self._execute(insert(guards), new)

    def _queries(self) -> QueryCache:
        """The reads of administration, inside this transaction."""
        return QueryCache(self._driver_rows, self._engine.dialect)

    def _driver_rows(self, text: str, values: Any) -> list[Row]:
        parameters = tuple(values) if isinstance(values, list) else values
        return self._translated(lambda connection: list(connection.exec_driver_sql(text, parameters).fetchall()))
