"""Counts of refusals of anonymous clients, recorded so that no client can fill the audit or hold its lock.

They are counted in memory by kind, reason, actor, address and minute, and written as counts, in the background and at
most once a minute; ``close`` writes what is left. Used by every process. Refusals of *authenticated* callers are events
of their own, except those that their browser can cause any number of times: these are counted here, under their name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final, NamedTuple

import structlog

from app.core import correlation
from app.core.audit import ANONYMOUS_ACTOR, AuditEvent, AuditKind, Outcome
from app.core.clock import Clock, utc_now
from app.core.debouncer import Debouncer
from app.core.errors import StorageUnavailable
from app.core.ports import Storage

FLUSH_SECONDS: Final = 60.0
MAX_KEYS: Final = 64
"""How many different refusals are counted apart between two writes; all further addresses are counted as one."""
MAX_ROWS: Final = 2 * MAX_KEYS
"""How many rows one write adds at most."""
MANY: Final = "many addresses"
VARIOUS: Final = "various"

log = structlog.get_logger(__name__)


class _Key(NamedTuple):
    kind: AuditKind
    reason_code: str
    actor: str
    address: str
    minute: datetime | None
    """None where addresses and actors are counted as one: then one row stands for all minutes that wait."""


@dataclass(slots=True)
class _Count:
    """How often a refusal occurred, with time and correlation id of the first one."""

    first_at: datetime
    correlation_id: str
    outcome: Outcome
    count: int = 0


class RefusalCounts:
    """Counts refusals until they are written. Safe to use from any thread; never raises if storage is unavailable."""

    def __init__(self, storage: Storage, *, clock: Clock = utc_now, every_seconds: float = FLUSH_SECONDS) -> None:
        """Count into ``storage``, with at least ``every_seconds`` between two writes."""
        self._storage = storage
        self._clock = clock
        self._lock = Lock()
        self._writing = Lock()
        self._counts: dict[_Key, _Count] = {}
        self._debouncer = Debouncer(self.flush, seconds=every_seconds, name="refusals")

    def record(
        self,
        kind: AuditKind,
        reason_code: str,
        *,
        address: str,
        actor: str = ANONYMOUS_ACTOR,
        outcome: Outcome = Outcome.REFUSED,
    ) -> None:
        """Count one refusal in memory. ``reason_code`` is a stable code, never a text of the request."""
        now = self._clock()
        key = _Key(kind, reason_code, actor, address, now.replace(second=0, microsecond=0))
        with self._lock:
            self._add(key, _Count(now, correlation.current(), outcome, 1))
            self._debouncer.schedule()

    def waiting(self) -> int:
        """Return how many rows wait to be written."""
        with self._lock:
            return len(self._counts)

    def flush(self) -> None:
        """Write the counts. They are kept if storage is unavailable."""
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, {}
            if not counts:
                return
            try:
                with self._storage.unit_of_work() as unit:
                    for key, counted in counts.items():
                        unit.record(_event(key, counted))
                    unit.commit()
            except StorageUnavailable as error:
                log.warning("refusals were not recorded yet", error=error.code, waiting=len(counts))
                with self._lock:
                    for key, counted in counts.items():
                        self._add(key, counted)
                    self._debouncer.schedule()

    def close(self) -> None:
        """Write the counts and stop; nothing is written in the background afterwards."""
        self._debouncer.close()
        self.flush()

    def _add(self, key: _Key, counted: _Count) -> None:
        """Add to the counts, never beyond ``MAX_ROWS``. The lock is held."""
        if key not in self._counts and len(self._counts) >= MAX_KEYS:
            key = _Key(key.kind, key.reason_code, ANONYMOUS_ACTOR, MANY, None)
            if key not in self._counts and len(self._counts) >= MAX_ROWS - len(AuditKind):
                key = key._replace(reason_code=VARIOUS)
        known = self._counts.get(key)
        if known is None:
            self._counts[key] = counted
        else:
            known.count += counted.count
            if counted.first_at < known.first_at:
                known.first_at, known.correlation_id = counted.first_at, counted.correlation_id


def _event(key: _Key, counted: _Count) -> AuditEvent:
    """One event for all of them, with time and correlation id of the first one."""
    return AuditEvent(
        kind=key.kind,
        at=counted.first_at,
        outcome=counted.outcome,
        actor=key.actor,
        reason=key.reason_code,
        correlation_id=counted.correlation_id,
        address=key.address,
        details={"count": counted.count},
    )
