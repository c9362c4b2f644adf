"""The database: ``Storage`` over one engine. A composition root opens it once per process."""

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
from db.administration_reads import AdministrationReads
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
"""Concurrent reads of a process; further reads wait."""

W = TypeVar("W", bound=BaseUnitOfWork)


class DatabaseUnitOfWork(AdministrationWrites, DraftWrites, RetentionWrites, SecretKeyWrites):
    """``AdministrationUnit``: all writes, in one transaction."""


class Database:
    """``Storage``. Thread-safe; it must not be used across a fork."""

    def __init__(
        self, url: str, keyring: Keyring, *, clock: Clock = utc_now, timeouts: Timeouts = SERVICE_TIMEOUTS
    ) -> None:
        """Opens no connection yet, except for a database in memory, which gets the current schema at once.

        Args:
            url: SQLAlchemy URL.
            keyring: The keys of this process.
            clock: Kept for callers; storage itself never reads it, because every stored time is an argument.
            timeouts: How long anything waits for the database.

        Raises:
            ConfigurationError: The URL is neither SQLite nor PostgreSQL.
        """
        address = parsed(url)
        self.engine: Engine = make_engine(address, timeouts)
        self.keyring = keyring
        self.clock = clock
        self._file = file_of(address)
        self._write_lock = WriteLock(timeouts.lock_seconds)
        self._read_connections: ReadConnections
        if is_memory(address):
            _load_schema(self.engine)
            self._read_connections = SharedReadConnection(self.engine, self._write_lock)
        else:
            self._read_connections = PooledReadConnections(
                self.engine, max_connections=MAX_READ_CONNECTIONS, wait_seconds=timeouts.connect_seconds
            )
        self._read = DatabaseReader(self._read_connections, self.engine.dialect)
        self._administration = AdministrationReads(
            QueryCache(self._read_connections.fetch, self.engine.dialect), self._read, keyring
        )
        self._revision = PreparedStatement(text("SELECT version_num FROM alembic_version"), self.engine.dialect)
        self._write_key = PreparedStatement(select(audit_head.c.key_id), self.engine.dialect)

    @property
    def read(self) -> DatabaseReader:
        """Stand-alone reads."""
        return self._read

    @property
    def administration(self) -> AdministrationReads:
        """Reads for administrators."""
        return self._administration

    def unit_of_work(self) -> AbstractContextManager[DatabaseUnitOfWork]:
        """A unit of work, rolled back unless the block commits it."""
        return self.work(DatabaseUnitOfWork)

    @contextmanager
    def work(self, kind: type[W]) -> Iterator[W]:
        """A unit of work of a class of this package."""
        unit = kind(self.engine, self.keyring, self._write_lock)
        try:
            yield unit
        finally:
            unit.close()

    def check(self) -> None:
        """Check that this process can use the database, and write with the database's key from now on.

        Raises:
            SchemaMismatch: The schema has another version.
            SecretMismatch: The database is written with a secret that this process does not have.
            StorageUnavailable: The database does not exist or does not answer.
        """
        self.check_schema()
        rows = self.fetch(self._write_key)
        write_key = str(rows[0][0]) if rows else ""
        if write_key:
            if not self.keyring.has_key(write_key):
                raise SecretMismatch(mismatch())
            self.keyring.write_with(write_key)

    def check_schema(self) -> None:
        """Check that the database exists and has the schema of this version.

        Raises:
            SchemaMismatch: The schema has another version.
            StorageUnavailable: The database does not exist or does not answer.
        """
        if self._file is not None and is_missing(self._file):
            require_current(SchemaState.MISSING)
        try:
            rows = self.fetch(self._revision)
        except SchemaMismatch:
            rows = []  # the version table is missing
        require_current(state_of(str(rows[0][0]) if rows else None))

    def close(self) -> None:
        """Refuse further reads and units of work, wait for the unit in progress, and close every connection.

        When that unit does not end within the time that units wait for each other, its connection stays open.
        """
        self._read_connections.close()
        # SQLite crashes when a connection is closed while another thread executes a statement on it.
        if self._write_lock.close():
            with suppress(SQLAlchemyError):  # a broken connection cannot be closed
                self.engine.dispose()

    def fetch(self, prepared: PreparedStatement, **parameters: Any) -> list[Row]:
        """Execute a stand-alone read of this package (schema, audit chain).

        Raises:
            GatehouseError: The translated error of the driver.
        """
        return self._read_connections.fetch(prepared.text, prepared.values(parameters))


def open_database(
    settings: Settings, keyring: Keyring, *, clock: Clock = utc_now, timeouts: Timeouts = SERVICE_TIMEOUTS
) -> Database:
    """The database of ``settings.database_url``.

    It must be migrated (``check`` tells), except for SQLite in memory (``sqlite://``), which gets the current schema.

    Args:
        settings: Its ``database_url`` is used.
        keyring: The keys of this process.
        clock: Kept for callers.
        timeouts: How long anything waits for the database.

    Raises:
        ConfigurationError: The URL is neither SQLite nor PostgreSQL.
    """
    return Database(settings.database_url, keyring, clock=clock, timeouts=timeouts)


def _load_schema(engine: Engine) -> None:
    """Load the current schema into a new database in memory."""
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
