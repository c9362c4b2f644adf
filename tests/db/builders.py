"""Builders for the storage tests: people, sessions and units of work in one line each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.audit import AuditEvent, AuditKind
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, NewSession, Person, TokenRights
from app.core.settings import Settings
from db import Database, open_database
from db.database import DatabaseUnit

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


def written(database: Database, write: Callable[[DatabaseUnit], Any]) -> Any:
    """What ``write`` returns, run in a unit that commits."""
    with database.unit_of_work() as unit:
        result = write(unit)
        unit.commit()
    return result


def new_session(ref: str = "ref-1", subject: Subject = ANN, **changes: Any) -> NewSession:
    """A session whose hashes follow from its reference."""
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


def signed_in(database: Database, ref: str = "ref-1", subject: Subject = ANN, **changes: Any) -> None:
    """A person who signed in."""

    def write(unit: DatabaseUnit) -> None:
        unit.save_person(Person(subject, "Somebody"), NOW)
        unit.begin_session(new_session(ref, subject, **changes), NOW)

    written(database, write)


def grant(role: str | None = None, permission: str | None = None, subject: Subject = ANN, **more: Any) -> NewGrant:
    """A grant of source ``admin`` unless told otherwise."""
    return NewGrant(subject, more.pop("source", Source.ADMIN), "tester", role, permission, **more)


def said(*roles: str, permissions: tuple[str, ...] = (), at: datetime = NOW) -> TokenRights:
    """What a token says."""
    return TokenRights(at, frozenset(roles), frozenset(permissions))


def event(kind: AuditKind = AuditKind.PAGE_DENY, at: datetime = NOW, **more: Any) -> AuditEvent:
    """An audit event."""
    return AuditEvent(kind, at, **more)
