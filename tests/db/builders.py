"""Builders for the storage tests: people, sessions and units of work in one line each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from app.core.audit import AuditEvent, AuditKind
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, NewSession, Person, SteppedUp, TokenRights
from app.core.settings import Settings
from db import Database, open_database
from db.database import DatabaseUnitOfWork
from db.models import grants, people, roles
from db.texts import search_key
from db.triggers import TRIGGERS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ISSUER = "https://tenant.example/"
ANN = Subject(ISSUER, "auth0|ann")
BOB = Subject(ISSUER, "auth0|bob")
KEYRING = Keyring(["k" * 40])
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def digest(text: str) -> bytes:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).digest()


def opened(url: str, **options: Any) -> Database:
    """The database at ``url``."""
    return open_database(
        Settings(_env_file=None, database_url=url),
        options.pop("keyring", KEYRING),
        **options,
    )


def written(database: Database, write: Callable[[DatabaseUnitOfWork], Any]) -> Any:
    """The result of ``write``, called with a unit of work that is committed."""
    with database.unit_of_work() as unit:
        result = write(unit)
        unit.commit()
    return result


def new_session(ref: str = "ref-1", subject: Subject = ANN, **changes: Any) -> NewSession:
    """A session whose hashes are derived from its reference."""
    session = NewSession(
        ref=ref,
        secret_hash=digest(f"secret {ref}"),
        subject=subject,
        authenticated_at=NOW - SECOND,
        expires_at=NOW + 8 * HOUR,
        sealed_tokens=b"sealed " + ref.encode(),
        access_token_hash=digest(f"token {ref}"),
        access_expires_at=NOW + HOUR,
        client_id="our-client",
    )
    return replace(session, **changes)


def stepped_up(ref: str = "ref-1", **changes: Any) -> SteppedUp:
    """The credentials of a new sign-in, an hour later."""
    fresh = SteppedUp(
        ref=ref,
        secret_hash=digest(f"second secret {ref}"),
        authenticated_at=NOW + HOUR,
        sealed_tokens=b"fresh " + ref.encode(),
        access_token_hash=digest(f"fresh token {ref}"),
        access_expires_at=NOW + 2 * HOUR,
    )
    return replace(fresh, **changes)


def signed_in(database: Database, ref: str = "ref-1", subject: Subject = ANN, **changes: Any) -> None:
    """Sign a person in."""

    def write(unit: DatabaseUnitOfWork) -> None:
        unit.save_person(Person(subject, "A person"), NOW)
        unit.begin_session(new_session(ref, subject, **changes), NOW)

    written(database, write)


def grant(role: str | None = None, permission: str | None = None, subject: Subject = ANN, **more: Any) -> NewGrant:
    """A grant of source ``admin`` by default."""
    return NewGrant(subject, more.pop("source", Source.ADMIN), "tester", role, permission, **more)


def add_many(database: Database, people_by_subject: Mapping[Subject, tuple[str, tuple[str, ...]]]) -> None:
    """Insert thousands of people and their granted roles as the product would write them one at a time.

    Args:
        database: Contains none of these people.
        people_by_subject: The name, which is empty for a person who was never seen, and the roles.
    """
    rows = [
        {
            "issuer": subject.issuer,
            "subject": subject.subject,
            "name": name,
            "name_key": search_key(name),
            "first_seen_at": NOW if name else None,
            "last_seen_at": NOW if name else None,
        }
        for subject, (name, _) in people_by_subject.items()
    ]
    with database.engine.begin() as connection:
        connection.execute(insert(people), rows)
        person_ids = {
            Subject(row.issuer, row.subject): row.id
            for row in connection.execute(select(people.c.id, people.c.issuer, people.c.subject))
        }
        role_ids = {row.name: row.id for row in connection.execute(select(roles.c.id, roles.c.name))}
        granted = [
            {
                "person_id": person_ids[subject],
                "role_id": role_ids[role],
                "source": Source.ADMIN.value,
                "given_by": "tester",
                "created_at": NOW,
            }
            for subject, (_, names) in people_by_subject.items()
            for role in names
        ]
        if granted:
            connection.execute(insert(grants), granted)


def token_rights(*roles: str, permissions: tuple[str, ...] = (), at: datetime = NOW) -> TokenRights:
    """The rights of a token."""
    return TokenRights(at, frozenset(roles), frozenset(permissions))


def event(kind: AuditKind = AuditKind.PAGE_DENY, at: datetime = NOW, **more: Any) -> AuditEvent:
    """An audit event."""
    return AuditEvent(kind, at, **more)


def recorded(database: Database, count: int = 5, at: datetime = NOW) -> None:
    """Record ``count`` events, each in its own unit of work and one second after the last."""
    for number in range(count):
        with database.unit_of_work() as unit:
            unit.record(event(at=at + number * SECOND, actor=f"actor {number}", details={"n": number}))
            unit.commit()


def behind_its_back(database: Database, *statements: str) -> None:
    """Change the audit as an attacker with access to the database could: drop the triggers and restore them after."""
    sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.begin() as connection:
        kept = []
        for name in sorted(TRIGGERS[database.engine.dialect.name]):
            table = "_".join(name.split("_")[:2])
            if sqlite:
                source = f"SELECT sql FROM sqlite_master WHERE name = '{name}'"  # noqa: S608 - our names
            else:
                source = f"SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = '{name}'"  # noqa: S608 - our names
            kept += [row[0] for row in connection.exec_driver_sql(source)]
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}" + ("" if sqlite else f" ON {table}"))
        for statement in statements:
            connection.exec_driver_sql(statement)
        for trigger in kept:
            connection.exec_driver_sql(trigger)
