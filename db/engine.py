"""Engines: how SQLite and PostgreSQL are opened, and how transactions start.

* SQLite file: WAL, foreign keys on, ``synchronous=NORMAL``, busy timeout. Units of work start with ``BEGIN
  IMMEDIATE`` (a deferred transaction that reads and then writes fails at once with "database is locked", whatever
  the timeout). They wait for each other on a lock within the process, and on the busy timeout across processes.
* SQLite in memory (``sqlite://``): one connection (``StaticPool``) behind one reentrant lock, for tests, with the
  current schema. A read on the thread of an open unit of work sees what that unit has written.
* PostgreSQL: every wait has a timeout (``db.timeouts``, ``db.postgres``). Units of work first acquire one advisory
  lock: as on SQLite, nothing that a unit has read changes before its commit, and units cannot deadlock.

Reads use connections in AUTOCOMMIT (``db.read_connections``). Forking after opening is not supported.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from app.core.errors import ConfigurationError
from db.timeouts import Timeouts

UNIT_LOCK: Final = 0x6761_7465  # "gate": the advisory locks of this product on PostgreSQL
MIGRATION_LOCK: Final = UNIT_LOCK + 1
_CACHE_KIBIBYTES: Final = 8192
"""The page cache of each SQLite connection. With the default of 2,000 KiB a search among 100,000 people reads the same
pages from the file repeatedly: sorting 800 matches takes 1.0 ms, and 0.45 ms with this value."""
_INSTALL_DRIVER: Final = "pip install 'psycopg[binary]'"
_EXAMPLES: Final = "such as sqlite:///var/gatehouse.sqlite3 or postgresql://user:password@host/database"


def parsed(url: str) -> URL:
    """The URL with the driver that Gatehouse uses.

    Raises:
        ConfigurationError: It is no database URL, or one of neither SQLite nor PostgreSQL.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError([f"GATEHOUSE_DATABASE_URL is not a database address, {_EXAMPLES}."]) from None
    kind = address.drivername.partition("+")[0]
    if kind == "sqlite":
        return address.set(drivername="sqlite+pysqlite")
    if kind in {"postgresql", "postgres"}:
        return address.set(drivername="postgresql+psycopg")
    raise ConfigurationError([f"GATEHOUSE_DATABASE_URL must be SQLite or PostgreSQL, {_EXAMPLES}."])


def is_memory(address: URL) -> bool:
    """Whether the URL is that of SQLite in memory."""
    return address.drivername.startswith("sqlite") and address.database in {None, "", ":memory:"}


def file_of(address: URL) -> Path | None:
    """The file of a SQLite database; None for any other."""
    if not address.drivername.startswith("sqlite") or is_memory(address):
        return None
    return Path(str(address.database)).absolute()


def make_engine(address: URL, timeouts: Timeouts, *, pooled: bool = True) -> Engine:
    """The engine for ``address``. It creates no file: only ``migrate`` does, and a missing file is an error."""
    if address.drivername.startswith("sqlite"):
        return _sqlite(address, timeouts, pooled=pooled)
    return _postgres(address, timeouts, pooled=pooled)


def make_reading_engine(address: URL, timeouts: Timeouts) -> Engine:
    """An engine for checks before a start: it changes nothing, not even the journal mode of a SQLite file."""
    file = file_of(address)
    if file is None:
        return make_engine(address, timeouts, pooled=False)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(file))}?mode=ro", timeout=timeouts.lock_seconds, isolation_level=None, uri=True
        )

    return create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _sqlite(address: URL, timeouts: Timeouts, *, pooled: bool) -> Engine:
    file = file_of(address)
    target = ":memory:" if file is None else f"file:{quote(str(file))}?mode=rw"

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver starts no transaction itself.
        connection = sqlite3.connect(
            target, timeout=timeouts.lock_seconds, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            connection.execute(f"PRAGMA cache_size={-_CACHE_KIBIBYTES}")
            if file is not None:
                connection.execute("PRAGMA journal_mode=WAL").fetchall()
                connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=StaticPool if file is None else QueuePool if pooled else NullPool,
        hide_parameters=True,
    )

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "begin", begin)
    return engine


def _postgres(address: URL, timeouts: Timeouts, *, pooled: bool) -> Engine:
    try:
        from db.postgres import postgres_engine  # noqa: PLC0415 - the driver is an extra

        return postgres_engine(address, timeouts, pooled=pooled)
    except ModuleNotFoundError:
        raise ConfigurationError(
            [f"GATEHOUSE_DATABASE_URL names PostgreSQL, whose driver is not installed: {_INSTALL_DRIVER}"]
        ) from None


def use_in_unit(connection: Connection, *, open_: bool) -> None:
    """Mark the start or end of a unit of work on a connection, whose statements may take longer than reads."""
    if connection.dialect.name == "postgresql" and not connection.invalidated:
        driver: Any = connection.connection.driver_connection
        driver.in_unit = open_
