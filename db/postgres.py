"""PostgreSQL's connections: every bound set by us, and a driver that does not wait for a server that says nothing.

The server's own bounds do not help when it is frozen, and neither does TCP: its kernel acknowledges what is sent. So
each wait of the driver ends after what the server would have needed to give up by itself, and a little more. The
connection is closed with that: what comes later belongs to nobody.
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
_LEAST_CONNECT_SECONDS: Final = 2  # libpq takes less for this


class ServerUnresponsiveError(psycopg.OperationalError, ServerUnresponsive):
    """``ServerUnresponsive`` as the driver's error, which SQLAlchemy and ``db.faults`` know what to do with."""


class Silence:
    """Whether the server is taken for frozen: from the first wait in vain to the next answer. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.noticed = False

    def begin(self) -> None:
        """A wait was in vain."""
        with self._lock:
            self.noticed = True

    def end(self) -> None:
        """The server has answered."""
        if self.noticed:
            with self._lock:
                self.noticed = False


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose every wait has an end."""

    timeouts: Timeouts | None = None
    silence: Silence | None = None
    in_unit = False
    """Whether a unit of work uses it right now, whose statements may take longer."""

    def use_for_reads(self) -> None:
        """Have the server bound statements as those of a read."""
        if self.timeouts is not None:
            self.execute(f"SET statement_timeout = {int(self.timeouts.statement_seconds * 1000)}")

    def wait(self, gen: Generator[Any, Any, R], *args: Any, **kwargs: Any) -> R:
        """As the driver's own, up to the answer's deadline; raises ``ServerUnresponsiveError``, and is closed then."""
        seconds = self._answer_seconds()
        if not seconds:
            return super().wait(gen, *args, **kwargs)
        try:
            result: R = super().wait(_until(gen, time.monotonic() + seconds), *args, **kwargs)
        except ServerUnresponsiveError:
            if self.silence is not None:
                self.silence.begin()
            self.close()
            raise
        if self.silence is not None:
            self.silence.end()
        return result

    def _answer_seconds(self) -> float:
        if self.timeouts is None or self.silence is None:
            return 0.0
        if self.silence.noticed:
            return self.timeouts.silent_answer_seconds
        statement = self.timeouts.unit_statement_seconds if self.in_unit else self.timeouts.statement_seconds
        return statement + self.timeouts.answer_margin_seconds if statement else 0.0


def _until(gen: Generator[Any, Any, R], deadline: float) -> Generator[Any, Any, R]:
    """``gen``, which the driver goes on with whenever the socket is ready and ten times a second besides."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                gen.close()
                raise ServerUnresponsiveError("the server does not answer")
            wanted = gen.send(ready)
    except StopIteration as done:
        result: R = done.value
        return result


def postgres_engine(address: URL, timeouts: Timeouts, *, pooled: bool) -> Engine:
    """The engine for ``address``; raises ``ModuleNotFoundError`` where the driver is missing."""
    pool: dict[str, Any] = (
        {"pool_pre_ping": True, "pool_timeout": timeouts.connect_seconds} if pooled else {"poolclass": NullPool}
    )
    engine = create_engine(address, hide_parameters=True, **pool)
    silence = Silence()

    def connect(_dialect: object, _record: object, arguments: Any, options: dict[str, Any]) -> BoundedConnection:
        seconds = 0.0 if silence.noticed else timeouts.connect_seconds
        given = {**_options(timeouts), **options, "connect_timeout": max(_LEAST_CONNECT_SECONDS, int(seconds))}
        given["options"] = " ".join([options.get("options", ""), _server_options(timeouts)]).strip()
        try:
            connection = BoundedConnection.connect(*arguments, **given)
        except psycopg.errors.ConnectionTimeout:
            silence.begin()
            raise
        connection.timeouts, connection.silence = timeouts, silence
        silence.end()
        return connection

    event.listen(engine, "do_connect", connect)
    return engine


def _options(timeouts: Timeouts) -> dict[str, Any]:
    """The client's part (libpq): the network is gone, or the other machine."""
    return {
        "keepalives": 1,
        "keepalives_idle": max(1, int(timeouts.network_seconds)),
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(timeouts.network_seconds * 1000),
    }


def _server_options(timeouts: Timeouts) -> str:
    """The server's part, for the whole connection."""
    values = {
        "timezone": "UTC",
        "lock_timeout": int(timeouts.lock_seconds * 1000),
        "statement_timeout": int(timeouts.unit_statement_seconds * 1000),
        "idle_in_transaction_session_timeout": int(timeouts.idle_in_transaction_seconds * 1000),
        # A client that reads no more: its kernel acknowledges, but its window stays closed.
        "tcp_user_timeout": int(timeouts.network_seconds * 1000),
        "tcp_keepalives_idle": max(1, int(timeouts.network_seconds)),
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
    }
    return " ".join(f"-c {name}={value}" for name, value in values.items())
