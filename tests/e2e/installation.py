"""A running installation whose database a test changes: users, sessions, grants and their times."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import timedelta

from pydantic import SecretStr

from app import testing
from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from component.session.provider_tokens import ProviderTokens
from db import Database, open_database
from tests.stack import Stack


class Installation:
    """A stack and its database."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        secret = (stack.folder / "var" / "secret").read_text().strip()
        settings = testing.settings(
            database_url=stack.database_url, gatehouse_secret=(SecretStr(secret),), oidc_issuer=stack.issuer
        )
        self.keyring = Keyring(settings.secrets)
        self.database: Database = open_database(settings, self.keyring)

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.stack.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
            return rows

    def subject(self, person: str) -> Subject:
        return Subject(self.stack.issuer, f"auth0|{person}")

    def ref(self, person: str) -> str:
        """The person's newest live session."""
        return self.database.read.sessions_of(self.subject(person), utc_now())[0].ref

    def set_last_use(self, person: str, seconds_ago: float) -> None:
        """Set the last use of the person's session to this time ago."""
        at = int((time.time() - seconds_ago) * 1e6)
        self.sql("UPDATE sessions SET last_seen_at = ? WHERE ref = ?", at, self.ref(person))

    def set_expiry(self, person: str, seconds: float) -> None:
        """Let the absolute lifetime of the person's session end after this time."""
        at = int((time.time() + seconds) * 1e6)
        self.sql("UPDATE sessions SET expires_at = ? WHERE ref = ?", at, self.ref(person))

    def wake_tabs(self) -> None:
        """Make the watcher recheck every tab, as when a session is ended."""
        self.sql("UPDATE policy SET sessions_ended = sessions_ended + 1")

    def change_role(self, person: str, role: str, *, revoke: bool = False) -> None:
        grant = NewGrant(subject=self.subject(person), source=Source.ADMIN, author="test", role=role)
        with self.database.unit_of_work() as unit:
            assert unit.revoke_grant(grant, utc_now()) if revoke else unit.add_grant(grant, utc_now())
            unit.commit()

    def without_refresh_token(self, person: str) -> None:
        """Remove the refresh token of the person's session, and let its access token expire soon."""
        ref = self.ref(person)
        stored = self.database.read.sealed_tokens(ref)
        assert stored is not None
        tokens = ProviderTokens.unseal(self.keyring, stored.sealed, ref)
        sealed = ProviderTokens(tokens.access_token, "", tokens.logout_hint).seal(self.keyring, ref)
        expiry = int((utc_now() + timedelta(seconds=20)).timestamp() * 1e6)
        self.sql("UPDATE sessions SET sealed_tokens = ?, access_expires_at = ? WHERE ref = ?", sealed, expiry, ref)
