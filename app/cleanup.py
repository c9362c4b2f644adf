"""Purges rows that expired long ago: when the app starts, then about every hour, in any number of processes."""

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
    """Purge login states, token hashes and sessions that expired long ago; the audit records a purge of any rows.

    Returns:
        The number of rows.

    Raises:
        StorageUnavailable: The database does not answer.
    """
    now = clock()
    with storage.unit_of_work() as unit:
        count = unit.purge(now)
        if count:
            unit.record(session_audit.purged(count, now=now))
        unit.commit()
    return count


class Cleanup:
    """The cleanup task of one process; ``run`` continues until it is cancelled."""

    def __init__(self, storage: Storage, *, clock: Clock = utc_now, every_seconds: float = EVERY_SECONDS) -> None:
        self._storage = storage
        self._clock = clock
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Purge now and then regularly; after a failure it tries again at the next time."""
        while True:
            try:
                await to_thread.run_sync(lambda: purge(self._storage, clock=self._clock))
            except StorageUnavailable:
                _log.warning("expired rows could not be purged yet")
            except Exception:  # noqa: BLE001 - the task outlives every failure
                _log.exception("expired rows could not be purged")
            # With jitter, so that the processes do not purge at the same moment.
            await asyncio.sleep(self._every_seconds * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret
