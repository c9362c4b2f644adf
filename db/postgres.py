"""Connections to PostgreSQL with every timeout set by us, and a driver that does not wait for an unresponsive server.

The server's own timeouts do not help when the server is frozen, and neither does TCP: its kernel acknowledges packets.
So each wait of the driver ends a little later than the server itself would have given up. The connection is then
closed, so that a late answer cannot be taken for the answer to another statement.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from threading import Lock
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from db.timeouts import ServerUnresponsive, Timeouts

R = TypeVar("R")
_MIN_CONNECT_SECONDS: Final = 2  # libpq raises smaller values to 2


class ServerUnresponsiveError(psycopg.OperationalError, ServerUnresponsive):
    """``ServerUnresponsive`` as an error of the driver, which SQLAlchemy and ``db.faults`` handle."""


class FreezeState:
    """Whether the server is considered frozen: from the first timeout to the next answer. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.noticed = False

    def begin(self) -> None:
        """Record a timeout."""
        with self._lock:
            self.noticed = True

    def end(self) -> None:
        """Record an answer."""
        if self.noticed:
            with self._lock:
                self.noticed = False


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose every wait has a timeout."""

    timeouts: Timeouts | None = None
    freeze: FreezeState | None = None
    in_unit = False
    """Whether a unit of work uses the connection; its statements may take longer."""

    def use_for_reads(self) -> None:
        """Set the server's statement timeout to that of a read."""
        if self.timeouts is not None:
            self.execute(f"SET statement_timeout = {int(self.timeouts.statement_seconds * 1000)}")

    def wait(self, gen: Generator[Any, Any, R], *args: Any, **kwargs: Any) -> R:
        """As the method of the driver, with a deadline.

        Raises:
            ServerUnresponsiveError: The server did not answer in time; the connection is closed.
        """
        seconds = self._answer_seconds()
        if not seconds:
            return super().wait(gen, *args, **kwargs)
        try:
            result: R = super().wait(_until(gen, time.monotonic() + seconds), *args, **kwargs)
        except ServerUnresponsiveError:
            if self.freeze is not None:
                self.freeze.begin()
            self.close()
            raise
        if self.freeze is not None:
            self.freeze.end()
        return result

    def _answer_seconds(self) -> float:
        if self.timeouts is None or self.freeze is None:
            return 0.0
        if self.freeze.noticed:
            return self.timeouts.frozen_server_seconds
        statement = self.timeouts.unit_statement_seconds if self.in_unit else self.timeouts.statement_seconds
        return statement + self.timeouts.answer_margin_seconds if statement else 0.0


def _until(gen: Generator[Any, Any, R], deadline: float) -> Generator[Any, Any, R]:
    """``gen`` with a deadline. The driver resumes it when the socket is ready, and ten times a second besides."""
    try:
        waiting_for = next(gen)
        while True:
            ready = yield waiting_for
            if not ready and time.monotonic() > deadline:
                gen.close()
                raise ServerUnresponsiveError("the server does not answer")
            waiting_for = gen.send(ready)
    except StopIteration as stop:
        result: R = stop.value
        return result


def postgres_engine(address: URL, timeouts: Timeouts, *, pooled: bool) -> Engine:
    """The engine for ``address``.

    Raises:
        ModuleNotFoundError: The driver is not installed.
    """
    pool: dict[str, Any] = (
        {"pool_pre_ping": True, "pool_timeout": timeouts.connect_seconds} if pooled else {"poolclass": NullPool}
    )
    engine = create_engine(address, hide_parameters=True, **pool)
    freeze = FreezeState()

    def connect(_dialect: object, _record: object, arguments: Any, options: dict[str, Any]) -> BoundedConnection:
        seconds = 0.0 if freeze.noticed else timeouts.connect_seconds
        parameters = {**_options(timeouts), **options, "connect_timeout": max(_MIN_CONNECT_SECONDS, int(seconds))}
        parameters["options"] = " ".join([options.get("options", ""), _server_options(timeouts)]).strip()
        try:
            connection = BoundedConnection.connect(*arguments, **parameters)
        except psycopg.errors.ConnectionTimeout:
            freeze.begin()
            raise
        connection.timeouts, connection.freeze = timeouts, freeze
        freeze.end()
        return connection

    event.listen(engine, "do_connect", connect)
    return engine


def _options(timeouts: Timeouts) -> dict[str, Any]:
    """Connection parameters of libpq for a lost network or a lost machine."""
    return {
        "keepalives": 1,
        "keepalives_idle": max(1, int(timeouts.network_seconds)),
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(timeouts.network_seconds * 1000),
    }


def _server_options(timeouts: Timeouts) -> str:
    """Server settings for the whole connection."""
    values = {
        "timezone": "UTC",
        "lock_timeout": int(timeouts.lock_seconds * 1000),
        "statement_timeout": int(timeouts.unit_statement_seconds * 1000),
        "idle_in_transaction_session_timeout": int(timeouts.idle_in_transaction_seconds * 1000),
        # For a client that stops reading: its kernel acknowledges packets, but its TCP window stays closed.
        "tcp_user_timeout": int(timeouts.network_seconds * 1000),
        "tcp_keepalives_idle": max(1, int(timeouts.network_seconds)),
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
    }
    return " ".join(f"-c {name}={value}" for name, value in values.items())
