"""The world benchmarks run in: a real SQLite file with many people, roles and sessions.

``db.synthetic_data`` makes the rows; the product itself writes and reads the measured ones.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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
from app.core.tokens.hashes import token_hash
from component.session.provider_tokens import ProviderTokens
from db import Database, SyntheticData, fill, migrate, open_database, seed
from tests.issuer import CLIENT_ID, Issuer

SECRET: Final = "".join(map(chr, range(48, 112)))
UNREACHED: Final = "999999999 per minute"
"""A rate limit that no benchmark reaches: every call is counted, and none is refused."""
ROLES_OF_USER: Final = 5


FULL: Final = SyntheticData(people=100_000, roles=1_000, permissions=10_000, sessions=10_000, events=1_000_000)
SMALL: Final = SyntheticData(people=1_000, roles=50, permissions=500, sessions=200, events=2_000)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with a session and its access token."""

    subject: Subject
    ref: str
    secret: str
    token: str


@dataclass(frozen=True, slots=True)
class World:
    """The database, the settings and the issuer of the benchmarks."""

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
            "GATEHOUSE_DATABASE_URL": self.settings.database_url,
            "GATEHOUSE_OIDC_ISSUER": self.settings.issuer,
            "AUTH0_AUDIENCE": self.settings.audience,
            "AUTH0_CLIENT_ID": CLIENT_ID,
            "AUTH0_CLIENT_SECRET": "made-up-for-benchmarks",
            "GATEHOUSE_SECRET": SECRET,
            "GATEHOUSE_API_RATE_LIMIT": UNREACHED,
        }

    def sign_in(self, name: str, *, roles: tuple[str, ...]) -> SignedIn:
        """A user with exactly these roles, a session of our own app and its access token."""
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
    """A connection of the driver, configured for fast reads."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


@contextmanager
def world(folder: Path, scale: SyntheticData) -> Iterator[World]:
    """Make a world in ``folder``, and end it."""
    with Issuer() as issuer:
        settings = _settings(folder, issuer)
        migrate(settings.database_url)
        database = open_database(settings, Keyring(settings.secrets))
        try:
            seed(database)
            fill(database, scale, issuer=issuer.url, client_id=CLIENT_ID, now=utc_now())
            yield World(folder, issuer, settings, database)
        finally:
            database.close()


def _settings(folder: Path, issuer: Issuer, **more: Any) -> Settings:
    base = {
        "gatehouse_secret": SECRET,
        "oidc_issuer": issuer.url,
        "auth0_audience": issuer.audience,
        "auth0_client_id": CLIENT_ID,
        "database_url": f"sqlite:///{folder}/bench.sqlite3",
        "remote_api_base_url": "http://localhost:8888",
        "api_rate_limit": UNREACHED,
    }
    return Settings(_env_file=None, **(base | more))
