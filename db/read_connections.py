"""Connections for reads that stand alone: in AUTOCOMMIT, kept open, used by one thread at a time.

Asking SQLAlchemy's pool for each read costs more than the read. Here taking and giving back are one list operation
each; the last one given back is taken first, since its caches are warm.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import Condition
from typing import Any, Final, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.core.errors import StorageUnavailable
from db.faults import BUSY, translated_error
from db.statement import Row
from db.timeouts import ServerUnresponsive
from db.write_lock import WriteLock

_CLOSED: Final = "The database was closed."


class ReadConnections(Protocol):
    """Runs one read."""

    def fetch(self, text: str, values: Any, **how: Any) -> list[Row]:
        """All rows, as the driver gives them; raises our errors only. ``how``: for the driver's own ``execute``."""

    def close(self) -> None:
        """Let go of every connection; those in use when they come back."""


class PooledReadConnections:
    """Up to ``max_rows`` connections of their own. Safe from any thread."""

    def __init__(self, engine: Engine, *, max_rows: int, wait_seconds: float) -> None:
        self._engine = engine
        self._max_connections = max_rows
        self._wait_seconds = wait_seconds
        self._idle: deque[Any] = deque()
        self._freed = Condition()
        self._open = 0
        self._waiting = 0
        self._closed = False

    def fetch(self, text: str, values: Any, **how: Any) -> list[Row]:
        """Run one read; once more on a fresh connection when the server had dropped the kept one."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = None
        kept = True
        if connection is None:
            connection, kept = self._more()
        try:
            # Fetching to the end also ends the statement: nothing of it stays open on the connection.
            rows: list[Row] = connection.execute(text, values, **how).fetchall()
        except BaseException as error:
            gone = self._drop(connection, error)
            if not isinstance(error, self._engine.dialect.loaded_dbapi.Error):
                raise
            problem, silent = translated_error(error), isinstance(error, ServerUnresponsive)
        else:
            self._idle.append(connection)
            if self._waiting or self._closed:
                self._notify()
            return rows
        # One that does not answer would not answer a new connection either: whoever waits has waited long enough.
        if gone and kept and not silent:
            self._drop_idle()
            return self.fetch(text, values, **how)
        raise problem

    def close(self) -> None:
        """Close idle connections now, and those in use as they come back."""
        self._closed = True
        self._drop_idle()

    def _more(self) -> tuple[Any, bool]:
        """A connection when none was idle, and whether it was kept from before."""
        with self._freed:
            while True:
                self._waiting += 1
                try:
                    found = self._freed.wait_for(
                        lambda: self._closed or self._idle or self._open < self._max_connections, self._wait_seconds
                    )
                finally:
                    self._waiting -= 1
                if self._closed or not found:
                    raise StorageUnavailable(_CLOSED if self._closed else BUSY)
                with suppress(IndexError):  # somebody was quicker
                    return self._idle.pop(), True
                if self._open < self._max_connections:
                    self._open += 1
                    break
        try:
            return self._connect(), False
        except BaseException as error:
            self._gone()
            if not isinstance(error, (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error)):
                raise
            problem = translated_error(error)
        raise problem

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()  # ours alone from here on
        try:
            self._engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
            if self._engine.dialect.name == "postgresql":
                connection.use_for_reads()
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self, connection: Any, error: BaseException) -> bool:
        """Give up a connection after a failure. True when its server had gone."""
        dialect = self._engine.dialect
        known = isinstance(error, dialect.loaded_dbapi.Error)
        gone = known and bool(dialect.is_disconnect(error, connection, None))  # type: ignore[arg-type] # checked by `known`
        with suppress(Exception):  # it is being given up
            connection.close()
        self._gone()
        return gone

    def _gone(self) -> None:
        with self._freed:
            self._open -= 1
            self._freed.notify()

    def _notify(self) -> None:
        if self._closed:
            self._drop_idle()
        with self._freed:
            self._freed.notify()

    def _drop_idle(self) -> None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return
            with suppress(Exception):  # it is being given up
                connection.close()
            self._gone()


class SharedReadConnection:
    """The one connection of a database in memory, shared with its units of work by turns."""

    def __init__(self, engine: Engine, write_lock: WriteLock) -> None:
        pooled = engine.raw_connection()
        self._connection: Any = pooled.dbapi_connection
        pooled.close()  # given back, not closed: the pool is static
        self._engine = engine
        self._write_lock = write_lock
        self._closed = False

    def fetch(self, text: str, values: Any, **how: Any) -> list[Row]:
        """Run one read, after whoever writes now."""
        if self._closed:
            raise StorageUnavailable(_CLOSED)
        self._write_lock.acquire_read()
        try:
            rows: list[Row] = self._connection.execute(text, values, **how).fetchall()
        except self._engine.dialect.loaded_dbapi.Error as error:
            problem = translated_error(error)
        else:
            return rows
        finally:
            self._write_lock.release_read()
        raise problem

    def close(self) -> None:
        """Reads end here; the engine closes the connection."""
        self._closed = True
