"""What the tenant remembers, in ``state.sqlite``: made-up people, tenant sessions, pending sign-ins.

A restart must not sign anyone out in the middle of work. Everything a browser or a client holds (cookie, form token,
code, token) is kept only as its SHA-256. Times are seconds since the epoch. One connection behind one lock: the tenant
answers on one thread, and only a test's own thread joins it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from component.dev_tenant.config import TenantConfig
from component.dev_tenant.credentials import damaged
from component.dev_tenant.people import PEOPLE, TenantUser

_MAX_PENDING = 1_000
_SCHEMA_VERSION = 1
_SCHEMA = f"""
CREATE TABLE people (key TEXT PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE pending (id TEXT PRIMARY KEY, browser TEXT NOT NULL, data TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE sessions (cookie TEXT PRIMARY KEY, sid TEXT NOT NULL UNIQUE, person TEXT NOT NULL,
    auth_at INTEGER NOT NULL, mfa INTEGER NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE grants (id TEXT PRIMARY KEY, data TEXT NOT NULL, generation INTEGER NOT NULL DEFAULT 0,
    revoked INTEGER NOT NULL DEFAULT 0, expires_at REAL NOT NULL);
CREATE TABLE codes (code TEXT PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES grants ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0, expires_at REAL NOT NULL);
CREATE TABLE refresh_tokens (token TEXT PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES grants ON DELETE CASCADE,
    generation INTEGER NOT NULL, replaced_at REAL);
CREATE TABLE access_tokens (token TEXT PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES grants ON DELETE CASCADE,
    scope TEXT NOT NULL, expires_at REAL NOT NULL);
PRAGMA user_version = {_SCHEMA_VERSION};
"""


def digest(secret: str) -> str:
    """The hash that is stored in place of a secret of a client or browser."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class TenantSession:
    """One signed-in browser at the tenant; ``auth_at`` is when the person was picked, in whole seconds."""

    sid: str
    person: str
    auth_at: int
    mfa: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in between ``/authorize`` and its answer. ``person`` empty until picked; ``auth_at`` 0 until then."""

    params: dict[str, str]
    person: str = ""
    auth_at: int = 0
    picked: bool = False
    mfa: bool = False
    consented: bool = False


class Store:
    """The database file. The constructor raises ``TenantError`` when the file is damaged."""

    def __init__(self, config: TenantConfig) -> None:
        self._clock = config.clock
        self._config = config
        self._lock = threading.RLock()
        path = config.state_dir / "state.sqlite"
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise damaged(path) from error
        if not _usable(connection):
            connection.close()
            raise damaged(path)
        connection.row_factory = sqlite3.Row
        self._connection = connection
        self.purge()

    def close(self) -> None:
        """Close the file; harmless when it is closed already."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it or nothing."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def first_row(self, query: str, *values: Any) -> sqlite3.Row | None:
        """The first row, or None."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
            return row

    def purge(self) -> None:
        """Drop what has expired. A grant stays until its refresh tokens end, so that late reuse is still seen."""
        with self.change() as db:
            for table in ("pending", "sessions", "grants", "access_tokens"):
                db.execute(f"DELETE FROM {table} WHERE expires_at < ?", (self._clock(),))  # noqa: S608 - names of our own

    # -- people --------------------------------------------------------------------------------------------------

    def people(self) -> list[TenantUser]:
        """Seeded people first, then those of the configuration, then made-up ones, oldest first."""
        known = {person.key: person for person in (*PEOPLE, *self._config.extra_people)}
        with self._lock:
            rows = self._connection.execute("SELECT data FROM people ORDER BY rowid").fetchall()
        for row in rows:
            data = json.loads(row["data"])
            person = TenantUser(**data | {name: frozenset(data[name]) for name in ("roles", "direct_permissions")})
            known[person.key] = person
        return list(known.values())

    def person(self, key: str) -> TenantUser | None:
        """The person with this key."""
        return next((person for person in self.people() if person.key == key), None)

    def save_person(self, person: TenantUser) -> None:
        """Add or replace a person."""
        data = asdict(person) | {
            "roles": sorted(person.roles),
            "direct_permissions": sorted(person.direct_permissions),
        }
        with self.change() as db:
            db.execute(
                "INSERT INTO people VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET data = excluded.data",
                (person.key, json.dumps(data)),
            )

    # -- pending sign-ins ----------------------------------------------------------------------------------------

    def begin(self, pending: Pending, *, browser: str) -> str:
        """Remember a sign-in of this browser. → its form token."""
        self.purge()
        token = secrets.token_urlsafe(32)
        ends = self._clock() + self._config.sign_in_seconds
        with self.change() as db:
            row = (digest(token), digest(browser), json.dumps(asdict(pending)), ends)
            db.execute("INSERT INTO pending VALUES (?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM pending WHERE id NOT IN (SELECT id FROM pending ORDER BY expires_at DESC LIMIT ?)",
                (_MAX_PENDING,),
            )
        return token

    def pending(self, token: str, *, browser: str) -> Pending | None:
        """The sign-in behind a form token; None when unknown, over, or started in another browser."""
        row = self.first_row(
            "SELECT data FROM pending WHERE id = ? AND browser = ? AND expires_at >= ?",
            *(digest(token), digest(browser), self._clock()),
        )
        return Pending(**json.loads(row["data"])) if row else None

    def update_pending(self, token: str, pending: Pending | None) -> bool:
        """Write the next state of a sign-in, or end it (None). → whether it was still there: it ends only once."""
        with self.change() as db:
            if pending is None:
                return db.execute("DELETE FROM pending WHERE id = ?", (digest(token),)).rowcount == 1
            row = (json.dumps(asdict(pending)), digest(token))
            return db.execute("UPDATE pending SET data = ? WHERE id = ?", row).rowcount == 1

    # -- tenant sessions -----------------------------------------------------------------------------------------

    def session(self, cookie: str) -> TenantSession | None:
        """The session behind a cookie; None when unknown or over."""
        row = self.first_row(
            "SELECT * FROM sessions WHERE cookie = ? AND expires_at >= ?", *(digest(cookie), self._clock())
        )
        return TenantSession(row["sid"], row["person"], row["auth_at"], bool(row["mfa"])) if row else None

    def sign_in(self, old_cookie: str, *, person: str, auth_at: int, mfa: bool) -> tuple[TenantSession, str]:
        """Begin a session, or continue this browser's own for the same person; returns it with its new cookie."""
        cookie = secrets.token_urlsafe(32)
        old = self.session(old_cookie)
        session = TenantSession(secrets.token_urlsafe(24), person, auth_at, mfa)
        if old is not None and old.person == person:
            session = replace(session, sid=old.sid)
        ends = self._clock() + self._config.session_seconds
        with self.change() as db:
            db.execute("DELETE FROM sessions WHERE cookie = ?", (digest(old_cookie),))
            row = (digest(cookie), session.sid, person, auth_at, int(mfa), ends)
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
        return session, cookie

    def sessions(self) -> list[TenantSession]:
        """Every session that is not over."""
        with self._lock:
            rows = self._connection.execute("SELECT * FROM sessions WHERE expires_at >= ?", (self._clock(),)).fetchall()
        return [TenantSession(row["sid"], row["person"], row["auth_at"], bool(row["mfa"])) for row in rows]

    def end_session(self, sid: str) -> TenantSession | None:
        """End a session. → what it was; None when there was none."""
        ended = next((session for session in self.sessions() if session.sid == sid), None)
        with self.change() as db:
            db.execute("DELETE FROM sessions WHERE sid = ?", (sid,))
        return ended


def _usable(connection: sqlite3.Connection) -> bool:
    """Make the tables of a new file; false when the file is not one of ours, or is damaged."""
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(_SCHEMA)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        sound = connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    except sqlite3.Error:
        return False
    return sound and version in {0, _SCHEMA_VERSION}
