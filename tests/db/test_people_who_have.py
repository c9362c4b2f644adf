"""Lists of people by permission, role, source and last use equal deciding, and filtering, person by person."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import pytest
from sqlalchemy import insert, select

from app.core.administration_records import (
    MAX_COUNTED,
    PeopleQuery,
    PeopleSort,
    PermissionRow,
    PersonState,
    Through,
)
from app.core.permissions import ADMINISTRATOR, CATALOGUE, REQUIREMENTS
from app.core.policy import Grants, Source, decide
from app.core.principal import AuthMethod, Principal, Subject
from app.core.records import Person
from db import Database
from db.models import grants, people, permissions, roles
from tests.db.builders import HOUR, ISSUER, NOW, SECOND, grant, token_rights, written
from tests.db.sample_people import DAY

PEOPLE: Final = 2600
NAMES: Final = ("Ann", "Bea", "Carl Ander", "Dora Anderson", "Zoe")
EVERYONE, HALF, TEN, UNKNOWN = "read:reports", "read:people", "explore:api", "no:such"
PERMISSIONS: Final = (EVERYONE, HALF, TEN, UNKNOWN, "export:reports", "manage:roles", "read:messages", "read:guards")


@dataclass(frozen=True, slots=True)
class Known:
    """A person, and what the grant loader returns for them."""

    id: int
    person: Person
    state: PersonState
    grants: Grants

    def can_use(self, permission: str, through: Through) -> bool:
        """Whether the catalogue has the permission, and the decision is positive now or after a step-up sign-in."""
        if permission not in CATALOGUE:
            return False
        method = AuthMethod.MACHINE if self.person.machine else AuthMethod.SESSION
        principal = Principal(method, self.person.subject, blocked=self.person.blocked)
        if self.state is PersonState.ERASED or not decide(principal, permission, self.grants).allowed_after_step_up:
            return False
        paths = self.grants.permissions.get(permission, ())
        return through is Through.EFFECTIVE or any(path.role is None for path in paths)

    def matches(self, query: PeopleQuery) -> bool:
        """Whether the list of the query has this person."""
        person, text = self.person, query.text.casefold()
        searched = (person.name.casefold(), person.email.casefold(), person.subject.subject.lower())
        paths = [path for by_name in (self.grants.roles, self.grants.permissions) for path in sum(by_name.values(), ())]
        return (
            (searched[0].startswith(text) if len(text) < 3 else any(text in part for part in searched))
            and query.state in {None, self.state}
            and (not query.role or query.role in self.grants.roles)
            and not (query.without_roles and self.grants.roles)
            and query.machine in {None, person.machine}
            and (not query.permission or self.can_use(query.permission, query.through))
            and (query.source is None or any(path.source is query.source for path in paths))
            and (
                query.seen_after is None
                or (person.last_seen_at or datetime.min.replace(tzinfo=NOW.tzinfo)) >= query.seen_after
            )
            and (
                query.seen_before is None
                or (person.last_seen_at is not None and person.last_seen_at < query.seen_before)
            )
        )


def fill(database: Database, chance: random.Random) -> None:
    """A population with every state, and grants of every kind, source and expiry."""
    sources = (Source.ADMIN, Source.REQUEST, Source.INSTALLATION, Source.TOKEN)
    rows, granted = [], []
    with database.engine.begin() as connection:
        role_ids = {row.name: row.id for row in connection.execute(select(roles.c.id, roles.c.name))}
        names = list(connection.execute(select(permissions.c.name)).scalars())
        for number in range(PEOPLE):
            name = "" if number % 13 == 0 else f"{chance.choice(NAMES)} {number}"
            seen = None if number % 11 == 0 else NOW - chance.randrange(400) * HOUR
            rows.append(
                {
                    "id": number + 1, "issuer": ISSUER, "subject": f"auth0|{number}", "name": name,
                    "name_key": name.casefold(), "email": f"p{number}@example.test",
                    "email_key": f"p{number}@example.test", "machine": number % 17 == 0, "blocked": number % 7 == 0,
                    "erased_at": NOW if number % 19 == 0 else None, "first_seen_at": seen, "last_seen_at": seen,
                }
            )  # fmt: skip
            items: list[dict[str, Any]] = [{"permission": EVERYONE}]
            if number % 2:
                items.append({"permission": HALF})
            if number % 260 == 8:
                items += [{"permission": TEN}, {"role_id": role_ids[ADMINISTRATOR]}]
            items += [
                {"role_id": role_ids[name]} for name in chance.sample(sorted(role_ids), 1) if name != ADMINISTRATOR
            ]
            items += [
                {"permission": name}
                for name in chance.sample(names, chance.randrange(2))
                if name not in PERMISSIONS[:3]
            ]
            for item in items:
                source = chance.choice(sources[:1] if number % 5 else sources)
                until = chance.choice((None, None, NOW + SECOND, NOW - SECOND, NOW))
                if item == {"permission": EVERYONE}:
                    until = None
                common = {"role_id": None, "permission": None, "until": until, "created_at": NOW, "given_by": "x"}
                granted.append({**common, **item, "person_id": number + 1, "source": source.value})
        connection.execute(insert(people), rows)
        connection.execute(insert(grants), granted)

    def withhold(unit: Any) -> None:
        for number in range(1, 60, 4):
            subject = Subject(ISSUER, f"auth0|{number}")
            rights = token_rights("viewer", permissions=("read:guards",))
            unit.sync_token_rights(subject, rights, implicit_role_mapping=True, now=NOW)
            unit.withhold(number + 1, (None, "read:guards"), by="me", reason="", from_default=False, now=NOW)
            later = replace(rights, issued_at=NOW + SECOND)
            unit.sync_token_rights(subject, later, implicit_role_mapping=True, now=NOW)
            if number % 8 == 1:
                unit.add_grant(grant(permission="read:guards", subject=subject), NOW)

    written(database, withhold)


def known_people(database: Database) -> list[Known]:
    """Every person, by the list without filters."""
    rows = listed(database, PeopleQuery(limit=200))
    return [Known(row.id, row.person, row.state, database.read.grants(row.person.subject, NOW)) for row in rows]


def listed(database: Database, query: PeopleQuery) -> list[Any]:
    """All rows of a list, page by page."""
    rows: list[Any] = []
    totals = set()
    while True:
        page = database.administration.people(query, NOW)
        rows += page.rows
        totals.add(page.total)
        if page.next is None:
            assert totals == {min(len(rows), MAX_COUNTED)}, query
            return rows
        query = replace(query, cursor=page.next)


def catalogue(database: Database) -> list[PermissionRow]:
    """Every permission, page by page."""
    first = database.administration.permissions(NOW, limit=7)
    rows, cursor = [*first.rows], first.next
    while cursor is not None:
        page = database.administration.permissions(NOW, limit=7, cursor=cursor)
        rows += page.rows
        cursor = page.next
    assert {row.name for row in rows} == CATALOGUE.keys()
    return rows


def in_order(known: Sequence[Known], query: PeopleQuery) -> list[int]:
    """The ids of people in the order of the query."""
    column = query.sort.value.removeprefix("-")

    def value(row: Known) -> Any:
        text = getattr(row.person, column)
        return text.casefold() if column == "name" else text

    prefix = query.text.casefold() if column == "name" else ""
    named = sorted(
        (row for row in known if value(row)), key=lambda row: (value(row), row.id), reverse=query.sort.descending
    )
    first = [row for row in named if prefix and value(row).startswith(prefix)]
    others = [row for row in named if row not in first] if first else named
    last = sorted((row for row in known if not value(row)), key=lambda row: row.id, reverse=query.sort.descending)
    return [row.id for row in (*first, *others, *last)]


def random_query(chance: random.Random) -> PeopleQuery:
    """A query with some filters, most often by permission."""

    def sometimes(*values: Any, often: int = 4) -> Any:
        return chance.choice(values) if chance.randrange(often) == 0 else None

    return PeopleQuery(
        text=sometimes("an", "ander", "carl ander", "p12", "@example", "zoe 1") or "",
        state=sometimes(*PersonState, often=6),
        role=sometimes("viewer", "analyst", "no such role", often=6) or "",
        without_roles=bool(sometimes(True, often=12)),
        machine=sometimes(True, False, often=8),
        permission=chance.choice((*PERMISSIONS, "")),
        through=chance.choice(tuple(Through)),
        source=sometimes(*Source),
        seen_after=sometimes(NOW - 10 * HOUR, NOW - 10 * DAY, often=6),
        seen_before=sometimes(NOW - 10 * DAY, NOW, often=6),
        sort=chance.choice(tuple(PeopleSort)),
        limit=200,
    )


@pytest.mark.parametrize("seed", range(2))
def test_lists_by_permission_equal_deciding_for_every_person(database: Database, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a made-up population
    fill(database, chance)
    known = known_people(database)
    assert len(known) == PEOPLE
    assert REQUIREMENTS.keys() & set(PERMISSIONS), "one requires a step-up sign-in"
    queries = [
        PeopleQuery(permission=permission, through=through, limit=200)
        for permission in PERMISSIONS
        for through in Through
    ]
    numbers = {}
    for query in [*queries, *(random_query(chance) for _ in range(120))]:
        expected = in_order([row for row in known if row.matches(query)], query)
        assert [row.id for row in listed(database, query)] == expected, query
        if query in queries:
            numbers[query.permission, query.through] = len(expected)
    for row in catalogue(database):
        totals = (
            database.administration.people(PeopleQuery(permission=row.name, through=through, limit=1), NOW).total
            for through in Through
        )
        assert (row.people, row.direct_people) == tuple(totals), row.name
    assert numbers[EVERYONE, Through.DIRECT] > MAX_COUNTED, "more than are counted"
    assert 0 < numbers[TEN, Through.DIRECT] <= 10 < numbers[HALF, Through.DIRECT] < numbers[HALF, Through.EFFECTIVE]
    assert numbers[UNKNOWN, Through.EFFECTIVE] == 0, "the administrator role grants the catalogue only"
