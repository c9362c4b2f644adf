"""Forgets what has expired long ago: once when the app starts, then about every hour. Several processes may do it."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import structlog
from anyio import to_thread

from app.core.clock import Clock, utc_now
from app.core.errors import StorageUnavailable
from app.core.ports import Storage
from component.session import audit as session_audit

EVERY_SECONDS: Final = 3600.0
_JITTER: Final = 0.25

_log = structlog.get_logger(__name__)


def purge(storage: Storage, *, clock: Clock = utc_now) -> int:
    """Forget login states, token hashes and sessions whose time is long over; returns how many rows went.

    Raises ``StorageUnavailable``. Recorded in the audit when something went.
    """
    now = clock()
    with storage.unit_of_work() as unit:
        gone = unit.purge(now)
        if gone:
            unit.record(session_audit.purged(gone, now=now))
        unit.commit()
    return gone


class Housekeeping:
    """The task of one process; ``run`` goes on until it is cancelled."""

    def __init__(self, storage: Storage, *, clock: Clock = utc_now, every_seconds: float = EVERY_SECONDS) -> None:
        self._storage = storage
        self._clock = clock
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Purge now, and again and again; a database that does not answer is left for the next time."""
        while True:
            try:
                await to_thread.run_sync(lambda: purge(self._storage, clock=self._clock))
            except StorageUnavailable:
                _log.warning("what has expired could not be forgotten yet")
            except Exception:  # noqa: BLE001 - whatever it is, the next time may do better
                _log.exception("what has expired could not be forgotten")
            # Not all processes at the same moment.
            await asyncio.sleep(self._every_seconds * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret
