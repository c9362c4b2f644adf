"""How long anything may wait for the database, so that nothing waits without end or without a word.

Some bounds are the server's (a statement, a lock, a transaction that stands still), some the client's: a server that is
frozen keeps no time, and TCP sees nothing wrong with it as long as its kernel answers. ``docs/how-to/deploy.md`` has
them as a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


class ServerUnresponsive(Exception):
    """The server did not answer in time; whether it did what it was asked is not known."""


def _bound(seconds: float, what: str) -> float:
    bound: float = field(default=seconds, metadata={"what": what})
    return bound


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, or fractions of them; 0 is no bound. What each is about stands beside it, and in the documentation."""

    connect_seconds: float = _bound(5.0, "to be connected, or to get a connection that somebody else uses")
    lock_seconds: float = _bound(5.0, "to wait for a lock, such as another process's unit of work")
    statement_seconds: float = _bound(5.0, "for one statement of a read")
    unit_statement_seconds: float = _bound(10.0, "for one statement of a change, which may touch very many rows")
    idle_in_transaction_seconds: float = _bound(
        4.0, "for a process to stand still inside a change; less than the wait for a lock, so that nobody else fails"
    )
    answer_margin_seconds: float = _bound(
        1.0, "beyond a statement's bound, until the client takes the server for frozen"
    )
    silent_answer_seconds: float = _bound(
        1.0, "for an answer while the server is taken for frozen, so that all after the first are told at once"
    )
    network_seconds: float = _bound(
        10.0, "for the other machine to acknowledge what was sent (TCP user timeout, keepalives)"
    )


SERVICE_TIMEOUTS: Final = Timeouts()
"""For the app and the remote API."""
ADMINISTRATION_TIMEOUTS: Final = Timeouts(
    statement_seconds=600.0, unit_statement_seconds=600.0, idle_in_transaction_seconds=60.0, answer_margin_seconds=5.0
)
"""For commands of the command line, which read and change very much."""
MIGRATION_TIMEOUTS: Final = Timeouts(
    lock_seconds=60.0, statement_seconds=0.0, unit_statement_seconds=0.0, idle_in_transaction_seconds=600.0
)
"""For migrations: a statement may rebuild a table."""
