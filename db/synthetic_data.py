"""Synthetic data, for development and benchmarks only: a large population, to see that lists stay fast.

The rows, including the audit chain, are as the product itself would have written them; they are only inserted in bulk.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Table, func, insert, select, text

from app.core.audit import AuditEvent, AuditKind, Outcome
from app.core.errors import Conflict
from app.core.policy import Source
from db import audit
from db.database import Database
from db.models import grants, issued_tokens, people, permissions, role_permissions, roles, sessions, token_roles
from db.texts import role_key, search_key
from db.unit_of_work import BaseUnitOfWork

PERMISSIONS_PER_ROLE: Final = 50
_BATCH: Final = 5_000
_FIRST: Final = ("Ada", "Bob", "Carla", "Dmitri", "Eva", "Frank", "Gerda", "Hugo", "Ines", "Jan", "Karl", "Lena", "Zoe")
_LAST: Final = tuple(
    first + second
    for first in ("Ander", "Berg", "Carl", "Dahl", "Eng", "Frie", "Gross", "Hof", "Iver", "Jack")
    for second in ("son", "mann", "stein", "feld", "ström", "meier", "bach")
)
_KINDS: Final = (
    (AuditKind.SESSION_BEGIN, Outcome.SUCCEEDED),
    (AuditKind.SESSION_BEGIN, Outcome.SUCCEEDED),
    (AuditKind.SESSION_END, Outcome.SUCCEEDED),
    (AuditKind.SESSION_BEGIN, Outcome.SUCCEEDED),
    (AuditKind.PAGE_DENY, Outcome.REFUSED),
    (AuditKind.SESSION_END, Outcome.SUCCEEDED),
    (AuditKind.GRANT_ADD, Outcome.SUCCEEDED),
    (AuditKind.SESSION_BEGIN, Outcome.SUCCEEDED),
    (AuditKind.GRANT_REVOKE, Outcome.SUCCEEDED),
    (AuditKind.ENDPOINT_DENY, Outcome.REFUSED),
)
_TOKEN_ROLES: Final = 40


@dataclass(frozen=True, slots=True)
class SyntheticData:
    """The size of a synthetic population: how many rows of each kind."""

    people: int = 100_000
    roles: int = 1_000
    permissions: int = 10_000
    sessions: int = 10_000
    events: int = 1_000_000
    days: int = 365
    """The period over which the events are spread."""


def role_name(number: int) -> str:
    """The name of a synthetic role."""
    return f"scale-role-{number}"


def permission_name(number: int) -> str:
    """The name of a synthetic permission."""
    return f"use:thing-{number}"


def fill(database: Database, size: SyntheticData, *, issuer: str, client_id: str, now: datetime) -> None:
    """Insert a synthetic population in one transaction; except for times it is always the same.

    Args:
        database: A migrated database.
        size: How many rows of each kind.
        issuer: Of the people.
        client_id: Of the sessions.
        now: The time of the newest rows.

    Raises:
        Conflict: The database contains synthetic data.
        StorageUnavailable: The database does not answer.
    """
    with database.work(SyntheticDataUnitOfWork) as unit:
        unit.fill(size, issuer=issuer, client_id=client_id, now=now)
        unit.commit()
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
        if database.engine.dialect.name == "sqlite":  # the cleanup does this incrementally
            connection.execute(text("INSERT INTO people_search (people_search) VALUES ('optimize')"))


class SyntheticDataUnitOfWork(BaseUnitOfWork):
    """The unit of work that inserts synthetic data."""

    def fill(self, size: SyntheticData, *, issuer: str, client_id: str, now: datetime) -> None:
        """Insert everything, without a commit.

        Raises:
            Conflict: The database contains synthetic data.
        """
        if self._execute(select(roles.c.id).where(roles.c.name == role_name(0))).first() is not None:
            raise Conflict("This database has been filled before. Start with a new one.")
        self._rights_changed = True
        chance = random.Random(size.people)  # noqa: S311 - made-up people, not secrets
        role_ids = self._roles(size)
        person_ids = self._people(size, issuer, now, chance)
        self._grants(person_ids, role_ids, now)
        self._sessions(size, person_ids, client_id, now)
        self._history(size, issuer, now, chance)

    def _roles(self, size: SyntheticData) -> list[int]:
        self._load(
            permissions, ({"name": permission_name(n), "sentence": f"Use thing {n}."} for n in range(size.permissions))
        )
        names = [role_name(n) for n in range(size.roles)]
        rows = (
            {"name": name, "name_key": role_key(name) + f"#{n}", "description": f"Role {n} of many."}
            for n, name in enumerate(names)
        )
        self._load(roles, rows)
        ids_by_name = {
            str(row.name): int(row.id)
            for row in self._execute(select(roles.c.id, roles.c.name).where(roles.c.name.like("scale-role-%")))
        }
        ids = [ids_by_name[name] for name in names]
        self._load(
            role_permissions,
            (
                {"role_id": role, "permission": permission_name((n * PERMISSIONS_PER_ROLE + k) % size.permissions)}
                for n, role in enumerate(ids)
                for k in range(min(PERMISSIONS_PER_ROLE, size.permissions))
            ),
        )
        return ids

    def _people(self, size: SyntheticData, issuer: str, now: datetime, chance: random.Random) -> list[int]:
        last = int(self._execute(select(func.coalesce(func.max(people.c.id), 0))).scalar_one())

        def rows() -> Iterator[dict[str, Any]]:
            for n in range(size.people):
                name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
                email = f"{name.replace(' ', '.')}.{n}@example.test"
                last_seen = None if n % 50 == 49 else now - timedelta(minutes=n % 500_000)  # noqa: PLR2004 - one in fifty
                machine = n % 100 == 50  # noqa: PLR2004 - one in a hundred
                yield {
                    "issuer": issuer,
                    "subject": subject_of(n),
                    "name": "" if last_seen is None else name,
                    "name_key": "" if last_seen is None else search_key(name),
                    "email": "" if last_seen is None else email,
                    "email_key": "" if last_seen is None else search_key(email),
                    "blocked": n % 200 == 199,  # noqa: PLR2004 - one in two hundred
                    "machine": machine,
                    "first_seen_at": last_seen,
                    "last_seen_at": last_seen,
                }

        with self._without_counting("people"):
            self._load(people, rows())
        if self._engine.dialect.name == "postgresql":
            self._execute(text("UPDATE counters SET value = (SELECT count(*) FROM people) WHERE name = 'people'"))
            machines = "UPDATE counters SET value = (SELECT count(*) FROM people WHERE machine) WHERE name = 'machines'"
            self._execute(text(machines))
        return list(self._execute(select(people.c.id).where(people.c.id > last).order_by(people.c.id)).scalars())

    def _grants(self, person_ids: list[int], role_ids: list[int], now: datetime) -> None:
        """Two roles for each person, none for one in a hundred."""
        rows = (
            {
                "person_id": person,
                "role_id": role_ids[role],
                "source": Source.ADMIN.value,
                "given_by": "operator:scale",
                "created_at": now,
            }
            for n, person in enumerate(person_ids)
            if n % 100 != 99  # noqa: PLR2004 - as the docstring says
            for role in sorted({(n * 7 + step) % len(role_ids) for step in (0, 3)})
        )
        with self._without_counting("grants"):
            self._load(grants, rows)
        if self._engine.dialect.name == "postgresql":
            counted = "(SELECT count(*) FROM grants WHERE person_id = people.id AND role_id IS NOT NULL)"
            self._execute(text("UPDATE people SET role_grants = " + counted))  # noqa: S608 - two literals
        self._load(
            token_roles,
            ({"person_id": person, "name": f"token-role-{n % _TOKEN_ROLES}"} for n, person in enumerate(person_ids)),
        )

    def _sessions(self, size: SyntheticData, person_ids: list[int], client_id: str, now: datetime) -> None:
        def hashed(kind: str, number: int) -> bytes:
            return f"{kind}-{number}".encode().rjust(32, b"\0")

        signed_in = person_ids[: size.sessions]
        self._load(
            sessions,
            (
                {
                    "ref": f"scale-{n}",
                    "secret_hash": hashed("secret", n),
                    "person_id": person,
                    "client_id": client_id,
                    "created_at": now,
                    "authenticated_at": now,
                    "last_seen_at": now - timedelta(seconds=n % 600),
                    "expires_at": now + timedelta(hours=8),
                    "rights_synced_at": now,
                    "access_expires_at": now + timedelta(hours=1),
                    "user_agent": "Browser/1.0",
                    "address": f"203.0.113.{n % 250}",
                    "page": "/reports",
                }
                for n, person in enumerate(signed_in)
            ),
        )
        session_ids = select(sessions.c.id).where(sessions.c.ref.like("scale-%")).order_by(sessions.c.id)
        self._load(
            issued_tokens,
            (
                {"token_hash": hashed("token", n), "session_id": session, "expires_at": now + timedelta(hours=1)}
                for n, session in enumerate(self._execute(session_ids).scalars().all())
            ),
        )

    def _history(self, size: SyntheticData, issuer: str, now: datetime, chance: random.Random) -> None:
        """Append events, the oldest first, evenly spread up to ``now``."""
        step = timedelta(days=size.days) / max(1, size.events)

        def events() -> Iterator[AuditEvent]:
            for n in range(size.events):
                kind, outcome = _KINDS[n % len(_KINDS)]
                actor = f"{subject_of(chance.randrange(max(1, size.people)))} at {issuer}"
                concerns_grant = kind.value.startswith("policy:")
                yield AuditEvent(
                    kind=kind,
                    at=now - step * (size.events - n),
                    outcome=outcome,
                    actor=f"{subject_of(n % 7)} at {issuer}" if concerns_grant else actor,
                    target=actor if concerns_grant or kind is AuditKind.SESSION_END else "/reports",
                    reason="made up" if concerns_grant else "",
                    address="203.0.113.7",
                    details={"role": role_name(n % max(1, size.roles))} if concerns_grant else {},
                )

        for batch in _batches(events()):
            self._translated(partial(self._append, batch))

    def _append(self, events: list[AuditEvent], connection: Connection) -> None:
        audit.append(connection, self._keyring, events)

    def _load(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        for batch in _batches(rows):
            self._execute(insert(table), batch)

    @contextmanager
    def _without_counting(self, table: str) -> Iterator[None]:
        """Disable the counting trigger: PostgreSQL gets slower the more often a transaction updates the same row."""
        if self._engine.dialect.name != "postgresql":
            yield
            return
        self._execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_counted_insert"))
        yield
        self._execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {table}_counted_insert"))


def subject_of(number: int) -> str:
    """The subject of a synthetic person."""
    return f"auth0|{number:024x}"


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        yield batch
