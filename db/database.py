"""The database: ``Storage`` over one engine, opened once per process by a composition root."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.core.clock import Clock, utc_now
from app.core.errors import SchemaMismatch, SecretMismatch
from app.core.keyring import Keyring
from app.core.secret_keys import mismatch
from app.core.settings import Settings
from db.administration import AdministrationWrites
from db.directory import DatabaseDirectory
from db.drafts import DraftWrites
from db.engine import file_of, is_memory, make_engine, parsed
from db.faults import translated_error
from db.models import audit_head
from db.query_cache import QueryCache
from db.read_connections import PooledReadConnections, ReadConnections, SharedReadConnection
from db.reader import DatabaseReader
from db.retention import RetentionWrites
from db.schema import SchemaState, is_missing, memory_template, require_current, state_of
from db.secret_keys import SecretKeyWrites
from db.statement import PreparedStatement, Row
from db.timeouts import SERVICE_TIMEOUTS, Timeouts
from db.unit_of_work import BaseUnitOfWork
from db.write_lock import WriteLock

MAX_READ_CONNECTIONS: Final = 16
"""Reads at once per process; more wait their turn."""

W = TypeVar("W", bound=BaseUnitOfWork)


class DatabaseUnitOfWork(AdministrationWrites, DraftWrites, RetentionWrites, SecretKeyWrites):
    """``DirectoryUnit``: everything that can be written, in one transaction."""


class Database:
    """``Storage``. Safe from any thread; not to be used across a fork."""

    def __init__(
        self, url: str, keyring: Keyring, *, clock: Clock = utc_now, timeouts: Timeouts = SERVICE_TIMEOUTS
    ) -> None:
        """Nothing is opened before it is needed, except in memory, where today's schema is made at once.

        ``clock`` is only kept for those who ask for it: every time that is stored is passed in.
        """
        address = parsed(url)
        self.engine: Engine = make_engine(address, timeouts)
        self.keyring = keyring
        self.clock = clock
        self._file = file_of(address)
        self._write_lock = WriteLock(timeouts.lock_seconds)
        self._read_connections: ReadConnections
        if is_memory(address):
            _fill(self.engine)
            self._read_connections = SharedReadConnection(self.engine, self._write_lock)
        else:
            self._read_connections = PooledReadConnections(
                self.engine, max_rows=MAX_READ_CONNECTIONS, wait_seconds=timeouts.connect_seconds
            )
        self._read = DatabaseReader(self._read_connections, self.engine.dialect)
        self._directory = DatabaseDirectory(
            QueryCache(self._read_connections.fetch, self.engine.dialect), self._read, keyring
        )
        self._revision = PreparedStatement(text("SELECT version_num FROM alembic_version"), self.engine.dialect)
        self._write_key = PreparedStatement(select(audit_head.c.key_id), self.engine.dialect)

    @property
    def read(self) -> DatabaseReader:
        """Reads that stand alone."""
        return self._read

    @property
    def directory(self) -> DatabaseDirectory:
        """Reads for administrators."""
        return self._directory

    def unit_of_work(self) -> AbstractContextManager[DatabaseUnitOfWork]:
        """A unit of work; leaving the block without ``commit`` rolls back."""
        return self.work(DatabaseUnitOfWork)

    @contextmanager
    def work(self, kind: type[W]) -> Iterator[W]:
        """A unit of work of this package's own kind."""
        unit = kind(self.engine, self.keyring, self._write_lock)
        try:
            yield unit
        finally:
            unit.close()

    def check(self) -> None:
        """Raise unless this process can use the database; write with its key from here on.

        Raises:
            SchemaMismatch: It is of another version.
            SecretMismatch: It is written with a secret that this process was not given.
            StorageUnavailable: It is not there, or does not answer.
        """
        self.check_schema()
        rows = self.fetch(self._write_key)
        write_key = str(rows[0][0]) if rows else ""
        if write_key:
            if not self.keyring.holds(write_key):
                raise SecretMismatch(mismatch())
            self.keyring.write_with(write_key)

    def check_schema(self) -> None:
        """Raise ``SchemaMismatch`` or ``StorageUnavailable`` unless the database is there and of this version."""
        if self._file is not None and is_missing(self._file):
            require_current(SchemaState.MISSING)
        try:
            rows = self.fetch(self._revision)
        except SchemaMismatch:
            rows = []  # not even the table that says so
        require_current(state_of(str(rows[0][0]) if rows else None))

    def close(self) -> None:
        """Let go of every connection."""
        self._read_connections.close()
        with suppress(SQLAlchemyError):  # closing what is broken already
            self.engine.dispose()

    def fetch(self, prepared: PreparedStatement, **given: Any) -> list[Row]:
        """Run one read of this package's own (schema, audit chain)."""
        return self._read_connections.fetch(prepared.text, prepared.values(given))


def open_database(
    settings: Settings, keyring: Keyring, *, clock: Clock = utc_now, timeouts: Timeouts = SERVICE_TIMEOUTS
) -> Database:
    """The database of ``settings.database_url``; raises ``ConfigurationError`` for an address we cannot use.

    It must have been migrated (``check`` says so), except SQLite in memory (``sqlite://``), which is made with
    today's schema. ``timeouts``: how long anything waits for it.
    """
    return Database(settings.database_url, keyring, clock=clock, timeouts=timeouts)


def _fill(engine: Engine) -> None:
    """Put today's schema into a new database in memory."""
    try:
        pooled = engine.raw_connection()
        driver = pooled.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.deserialize(memory_template())
        pooled.close()
    except SQLAlchemyError as error:
        problem = translated_error(error)
    else:
        return
    raise problem
