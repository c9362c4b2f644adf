"""Connections for stand-alone reads: in AUTOCOMMIT, kept open, used by one thread at a time.

A checkout from SQLAlchemy's pool costs more than the read itself. Here a checkout and a return are one operation of a
deque each. The connection returned last is used first, because its caches are warm.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import Condition
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.core.errors import StorageUnavailable
from db.faults import BUSY, CLOSED, translated_error
from db.statement import Row
from db.timeouts import ServerUnresponsive
from db.write_lock import WriteLock


class ReadConnections(Protocol):
    """Executes reads."""

    def fetch(self, text: str, values: Any, **options: Any) -> list[Row]:
        """All rows of a read, as the driver returns them.

        Args:
            text: The SQL text.
            values: Its parameters, as the driver takes them.
            options: Further arguments of the driver's ``execute``.

        Raises:
            GatehouseError: The translated error of the driver (``db.faults``).
        """

    def close(self) -> None:
        """Close every connection; those in use are closed when they are returned."""


class PooledReadConnections:
    """Up to ``max_connections`` connections, apart from those of SQLAlchemy's pool. Thread-safe."""

    def __init__(self, engine: Engine, *, max_connections: int, wait_seconds: float) -> None:
        self._engine = engine
        self._max_connections = max_connections
        self._wait_seconds = wait_seconds
        self._idle: deque[Any] = deque()
        self._freed = Condition()
        self._open = 0
        self._waiting = 0
        self._closed = False

    def fetch(self, text: str, values: Any, **options: Any) -> list[Row]:
        """Execute a read; retry it on a new connection when the server had closed the kept one.

        Raises:
            GatehouseError: The translated error of the driver.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = None
        is_reused = True
        if connection is None:
            connection, is_reused = self._acquire()
        try:
            # Fetching all rows also closes the statement.
            rows: list[Row] = connection.execute(text, values, **options).fetchall()
        except BaseException as error:
            disconnected = self._discard(connection, error)
            if not isinstance(error, self._engine.dialect.loaded_dbapi.Error):
                raise
            problem, unresponsive = translated_error(error), isinstance(error, ServerUnresponsive)
        else:
            self._idle.append(connection)
            if self._waiting or self._closed:
                self._notify()
            return rows
        # An unresponsive server would not answer on a new connection either, and the caller has waited long enough.
        if disconnected and is_reused and not unresponsive:
            self._close_idle()
            return self.fetch(text, values, **options)
        raise problem

    def close(self) -> None:
        """Close idle connections now, and those in use when they are returned."""
        self._closed = True
        self._close_idle()

    def _acquire(self) -> tuple[Any, bool]:
        """Wait for a connection or open one; returns it and whether it was used before."""
        with self._freed:
            while True:
                self._waiting += 1
                try:
                    available = self._freed.wait_for(
                        lambda: self._closed or self._idle or self._open < self._max_connections, self._wait_seconds
                    )
                finally:
                    self._waiting -= 1
                if self._closed or not available:
                    raise StorageUnavailable(CLOSED if self._closed else BUSY)
                with suppress(IndexError):  # another thread was faster
                    return self._idle.pop(), True
                if self._open < self._max_connections:
                    self._open += 1
                    break
        try:
            return self._connect(), False
        except BaseException as error:
            self._count_closed()
            if not isinstance(error, (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error)):
                raise
            problem = translated_error(error)
        raise problem

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()  # the pool must not reuse it
        try:
            self._engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
            if self._engine.dialect.name == "postgresql":
                connection.use_for_reads()
        except BaseException:
            connection.close()
            raise
        return connection

    def _discard(self, connection: Any, error: BaseException) -> bool:
        """Close a connection after a failure; returns whether its server had closed it."""
        dialect = self._engine.dialect
        of_driver = isinstance(error, dialect.loaded_dbapi.Error)
        disconnected = of_driver and bool(
            dialect.is_disconnect(error, connection, None)  # type: ignore[arg-type] # checked by `of_driver`
        )
        with suppress(Exception):  # the connection is discarded anyway
            connection.close()
        self._count_closed()
        return disconnected

    def _count_closed(self) -> None:
        with self._freed:
            self._open -= 1
            self._freed.notify()

    def _notify(self) -> None:
        if self._closed:
            self._close_idle()
        with self._freed:
            self._freed.notify()

    def _close_idle(self) -> None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return
            with suppress(Exception):  # the connection is discarded anyway
                connection.close()
            self._count_closed()


class SharedReadConnection:
    """The only connection of a database in memory; the write lock shares it between reads and units of work."""

    def __init__(self, engine: Engine, write_lock: WriteLock) -> None:
        pooled = engine.raw_connection()
        self._connection: Any = pooled.dbapi_connection
        pooled.close()  # returned, not closed: the pool is static
        self._engine = engine
        self._write_lock = write_lock

    def fetch(self, text: str, values: Any, **options: Any) -> list[Row]:
        """Execute a read once no unit of work of another thread is open.

        Raises:
            GatehouseError: The translated error of the driver.
        """
        self._write_lock.acquire_read()
        try:
            rows: list[Row] = self._connection.execute(text, values, **options).fetchall()
        except self._engine.dialect.loaded_dbapi.Error as error:
            problem = translated_error(error)
        else:
            return rows
        finally:
            self._write_lock.release_read()
        raise problem

    def close(self) -> None:
        """Nothing: the write lock refuses further reads, and the engine closes the connection."""
