"""How long anything waits for the database, so that every wait ends with an error that explains it.

The server applies some timeouts (a statement, a lock, an idle transaction), the client the others: a frozen server
measures no time, and TCP considers its connections healthy as long as its kernel acknowledges packets.
``docs/how-to/deploy.md`` lists all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


class ServerUnresponsive(Exception):
    """The server did not answer in time; whether it executed the statement is unknown."""


def _timeout(seconds: float, purpose: str) -> float:
    timeout: float = field(default=seconds, metadata={"purpose": purpose})
    return timeout


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds; 0 is none. The purpose of each is its metadata, which the documentation shows."""

    connect_seconds: float = _timeout(5.0, "to open a connection, or to wait for one that is in use")
    lock_seconds: float = _timeout(5.0, "to wait for a lock, such as another process's unit of work")
    statement_seconds: float = _timeout(5.0, "for one statement of a read")
    unit_statement_seconds: float = _timeout(10.0, "for one statement of a change, which may change many rows")
    idle_in_transaction_seconds: float = _timeout(
        4.0,
        "for a process to stand still inside a change; less than the wait for a lock, so no other process fails",
    )
    answer_margin_seconds: float = _timeout(
        1.0, "after the timeout of a statement, until the client considers the server frozen"
    )
    frozen_server_seconds: float = _timeout(
        1.0, "for an answer while the server is considered frozen, so that later requests fail at once"
    )
    network_seconds: float = _timeout(
        10.0, "for the other machine to acknowledge sent data (TCP user timeout, keepalives)"
    )


SERVICE_TIMEOUTS: Final = Timeouts()
"""For the app and the remote API."""
ADMINISTRATION_TIMEOUTS: Final = Timeouts(
    statement_seconds=600.0, unit_statement_seconds=600.0, idle_in_transaction_seconds=60.0, answer_margin_seconds=5.0
)
"""For commands of the command line, which read and change many rows."""
MIGRATION_TIMEOUTS: Final = Timeouts(
    lock_seconds=60.0, statement_seconds=0.0, unit_statement_seconds=0.0, idle_in_transaction_seconds=600.0
)
"""For migrations: a statement may rebuild a table."""
