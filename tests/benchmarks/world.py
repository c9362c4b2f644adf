"""The world benchmarks run in: a real SQLite file with many people, roles and sessions.

Rows of the many are written by the driver, in bulk; what is measured is made and read by the product itself.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, NewSession, Person
from app.core.settings import Settings
from app.core.tokens import token_hash
from component.provider_tokens import ProviderTokens
from db import Database, migrate, open_database, seed
from tests.issuer import CLIENT_ID, Issuer

SECRET: Final = "".join(map(chr, range(48, 112)))
UNREACHED: Final = "999999999 per minute"
"""Every call is counted, and none is one too many: one person calls more often here than anybody may."""
ROLES_HELD: Final = 5
PERMISSIONS_A_ROLE: Final = 50


@dataclass(frozen=True, slots=True)
class Scale:
    """How many of each there are."""

    people: int
    roles: int
    permissions: int
    sessions: int


FULL: Final = Scale(people=100_000, roles=1_000, permissions=10_000, sessions=10_000)
SMALL: Final = Scale(people=1_000, roles=50, permissions=500, sessions=200)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person with a session and its access token."""

    subject: Subject
    ref: str
    secret: str
    token: str


@dataclass(frozen=True, slots=True)
class World:
    """Everything a benchmark asks of."""

    folder: Path
    issuer: Issuer
    settings: Settings
    database: Database

    @property
    def file(self) -> Path:
        """The database's file."""
        return self.folder / "bench.sqlite3"

    def environment(self) -> dict[str, str]:
        """The settings for a process of its own."""
        return {
            "DATABASE_URL": self.settings.database_url,
            "OIDC_ISSUER": self.settings.issuer,
            "AUTH0_AUDIENCE": self.settings.audience,
            "AUTH0_CLIENT_ID": CLIENT_ID,
            "AUTH0_CLIENT_SECRET": "made-up-for-benchmarks",
            "GATEHOUSE_SECRET": SECRET,
            "API_RATE_LIMIT": UNREACHED,
        }

    def sign_in(self, name: str, *, roles: tuple[str, ...]) -> SignedIn:
        """Somebody with exactly these roles, a session of our own app and its access token."""
        subject = Subject(self.issuer.url, name)
        token = self.issuer.access_token(sub=name, scope="openid profile", permissions=[])
        ref, secret, now = secrets.token_urlsafe(16), secrets.token_urlsafe(32), utc_now()
        with self.database.unit_of_work() as unit:
            unit.save_person(Person(subject, name="Ann Example", email="ann@example.com"), now)
            unit.begin_session(
                NewSession(
                    ref=ref,
                    secret_hash=sha256(secret.encode()).digest(),
                    subject=subject,
                    authenticated_at=now,
                    expires_at=now + timedelta(hours=8),
                    sealed_tokens=ProviderTokens(token, "", "").seal(Keyring([SECRET]), ref),
                    access_token_hash=token_hash(token),
                    access_expires_at=now + timedelta(hours=1),
                    client_id=CLIENT_ID,
                    amr=frozenset({"pwd"}),
                    user_agent="Browser/1.0",
                    address="203.0.113.7",
                ),
                now,
            )
            for role in roles:
                unit.add_grant(NewGrant(subject=subject, source=Source.ADMIN, by="bench", role=role), now)
            unit.commit()
        return SignedIn(subject, ref, secret, token)

    def raw(self) -> sqlite3.Connection:
        """The driver alone, as floors use it."""
        return raw(self.file)


def raw(file: Path) -> sqlite3.Connection:
    """A connection of the driver, set up as well as anybody would for reads."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def bulk_role(number: int) -> str:
    """The name of a role of the many."""
    return f"bench-role-{number}"


@contextmanager
def world(folder: Path, scale: Scale) -> Iterator[World]:
    """Make a world in ``folder``, and end it."""
    with Issuer() as issuer:
        settings = _settings(folder, issuer)
        migrate(settings.database_url)
        database = open_database(settings, Keyring(settings.secrets))
        try:
            seed(database)
            _fill(folder / "bench.sqlite3", issuer.url, scale)
            yield World(folder, issuer, settings, database)
        finally:
            database.close()


def _settings(folder: Path, issuer: Issuer, **more: Any) -> Settings:
    given = {
        "gatehouse_secret": SECRET,
        "oidc_issuer": issuer.url,
        "auth0_audience": issuer.audience,
        "auth0_client_id": CLIENT_ID,
        "database_url": f"sqlite:///{folder}/bench.sqlite3",
        "remote_api_base_url": "http://localhost:8888",
        "api_rate_limit": UNREACHED,
    }
    return Settings(_env_file=None, **(given | more))


def _fill(file: Path, issuer: str, scale: Scale) -> None:
    """The many: every person holds two roles, every role fifty permissions, and some have sessions."""
    now = int(utc_now().timestamp() * 1_000_000)
    hour = 3_600_000_000
    with closing(raw(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO people (issuer, subject, name, name_key, email, email_key, first_seen_at, last_seen_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (issuer, f"auth0|{n:024x}", f"Person {n}", f"person {n}", f"p{n}@x.test", f"p{n}@x.test", now, now)
                for n in range(scale.people)
            ),
        )
        connection.executemany(
            "INSERT INTO permissions (name, sentence) VALUES (?, ?)",
            ((f"use:thing-{n}", f"Use thing {n}.") for n in range(scale.permissions)),
        )
        connection.executemany(
            "INSERT INTO roles (name, name_key, description) VALUES (?, ?, ?)",
            ((bulk_role(n), bulk_role(n), f"Role {n} of many.") for n in range(scale.roles)),
        )
        role_ids = [
            row[0] for row in connection.execute("SELECT id FROM roles WHERE name LIKE 'bench-role-%' ORDER BY id")
        ]
        connection.executemany(
            "INSERT INTO role_permissions (role_id, permission) VALUES (?, ?)",
            (
                (role, f"use:thing-{(n * PERMISSIONS_A_ROLE + k) % scale.permissions}")
                for n, role in enumerate(role_ids)
                for k in range(PERMISSIONS_A_ROLE)
            ),
        )
        person_ids = [row[0] for row in connection.execute("SELECT id FROM people ORDER BY id")]
        connection.executemany(
            "INSERT INTO grants (person_id, role_id, source, given_by, created_at) VALUES (?, ?, 'admin', 'bench', ?)",
            (
                (person, role_ids[(n * 7 + step) % len(role_ids)], now)
                for n, person in enumerate(person_ids)
                for step in (0, 3)
            ),
        )
        connection.executemany(
            "INSERT INTO sessions (ref, secret_hash, person_id, client_id, created_at, authenticated_at, last_seen_at, "
            "expires_at, rights_synced_at, access_expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (f"ref-{n}", secrets.token_bytes(32), person, CLIENT_ID, now, now, now, now + 8 * hour, now, now + hour)
                for n, person in enumerate(person_ids[: scale.sessions])
            ),
        )
        session_ids = [row[0] for row in connection.execute("SELECT id FROM sessions")]
        connection.executemany(
            "INSERT INTO issued_tokens (token_hash, session_id, expires_at) VALUES (?, ?, ?)",
            ((secrets.token_bytes(32), session, now + hour) for session in session_ids),
        )
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
