"""Whose turn it is: one unit of work at a time in this process, which is all the database would allow anyway."""

from __future__ import annotations

from threading import RLock

from app.core.errors import StorageUnavailable
from db.faults import BUSY


class WriteLock:
    """A lock with a limit to waiting. Units wait here for each other instead of polling the database."""

    def __init__(self, wait_seconds: float) -> None:
        self._lock = RLock()
        self._wait_seconds = wait_seconds
        self._unit_open = False

    def acquire_unit(self) -> None:
        """Take the turn; raises ``StorageUnavailable`` when it does not come, ``RuntimeError`` when it is ours."""
        self.acquire_read()
        if self._unit_open:
            self._lock.release()
            raise RuntimeError("this thread has a unit of work open already: use that one")
        self._unit_open = True

    def release_unit(self) -> None:
        """Give the turn back."""
        self._unit_open = False
        self._lock.release()

    def acquire_read(self) -> None:
        """Take the turn for a read in memory: it shares the one connection with units."""
        if not self._lock.acquire(timeout=self._wait_seconds):
            raise StorageUnavailable(BUSY)

    def release_read(self) -> None:
        """Give the turn back."""
        self._lock.release()
