"""Strangers' failures at signing in, on record without letting anybody fill the record (security rule R41).

The first of a kind, address and minute is written at once; the rest of that minute are counted in memory and written
as one event when the minute is over. So are all beyond a number of different ones.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, Outcome
from app.core.clock import Clock, utc_now
from app.core.errors import StorageUnavailable
from app.core.ports import Storage

AT_MOST_A_MINUTE: Final = 60
_MANY: Final = "many"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Minute:
    """What was refused in one minute: (reason, address) → how often beyond what was written."""

    start: datetime
    uncounted: dict[tuple[str, str], int] = field(default_factory=dict)


class Refusals:
    """Writes ``LOGIN_REFUSE`` events. Safe from any thread; never raises for want of storage."""

    def __init__(self, storage: Storage, *, clock: Clock = utc_now) -> None:
        self._storage = storage
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = _Minute(clock().replace(second=0, microsecond=0))

    def record(self, reason: str, *, address: str, outcome: Outcome = Outcome.REFUSED) -> None:
        """Note one refusal. ``reason``: a stable code, no text of the request."""
        now = self._clock()
        minute = now.replace(second=0, microsecond=0)
        with self._lock:
            over = self._minute if self._minute.start != minute else None
            if over is not None:
                self._minute = _Minute(minute)
            known = self._minute.uncounted
            key = (reason, address)
            first = key not in known and len(known) < AT_MOST_A_MINUTE
            if first:
                known[key] = 0
            else:
                key = key if key in known else (reason, _MANY)
                known[key] = known.get(key, 0) + 1
        events = _summaries(over) if over is not None else []
        if first:
            events.append(
                AuditEvent(
                    kind=AuditKind.LOGIN_REFUSE,
                    at=now,
                    outcome=outcome,
                    reason=reason,
                    correlation_id=correlation.current(),
                    address=address,
                )
            )
        self._write(events)

    def flush(self) -> None:
        """Write what is only counted so far; for the end of the process."""
        with self._lock:
            over, self._minute = self._minute, _Minute(self._minute.start)
            self._minute.uncounted = dict.fromkeys(over.uncounted, 0)
        self._write(_summaries(over))

    def _write(self, events: list[AuditEvent]) -> None:
        if not events:
            return
        try:
            with self._storage.unit_of_work() as unit:
                for event in events:
                    unit.record(event)
                unit.commit()
        except StorageUnavailable:
            _log.warning("%d refused sign-ins could not be recorded", len(events))


def _summaries(minute: _Minute) -> list[AuditEvent]:
    return [
        AuditEvent(
            kind=AuditKind.LOGIN_REFUSE,
            at=minute.start,
            outcome=Outcome.REFUSED,
            reason=reason,
            address=address if address != _MANY else "",
            details={"more": count},
        )
        for (reason, address), count in minute.uncounted.items()
        if count
    ]
