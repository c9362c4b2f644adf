"""The write lock: one unit of work at a time in this process. The database would allow no more anyway."""

from __future__ import annotations

from threading import RLock

from app.core.errors import StorageUnavailable
from db.faults import BUSY, CLOSED


class WriteLock:
    """A lock with a timeout. Units of work wait here for each other instead of polling the database."""

    def __init__(self, wait_seconds: float) -> None:
        self._lock = RLock()
        self._wait_seconds = wait_seconds
        self._unit_open = False
        self._closed = False

    def acquire_unit(self) -> None:
        """Acquire the lock for a unit of work.

        Raises:
            RuntimeError: This thread has a unit of work open.
            StorageUnavailable: The lock was not released in time, or the database is closed.
        """
        self.acquire_read()
        if self._unit_open:
            self._lock.release()
            raise RuntimeError("this thread has a unit of work open already: use that one")
        self._unit_open = True

    def release_unit(self) -> None:
        """Release the lock of a unit of work."""
        self._unit_open = False
        self._lock.release()

    def acquire_read(self) -> None:
        """Acquire the lock for a read of a database in memory, which shares its only connection with units of work.

        Raises:
            StorageUnavailable: The lock was not released in time, or the database is closed.
        """
        if not self._lock.acquire(timeout=self._wait_seconds):
            raise StorageUnavailable(BUSY)
        if self._closed:
            self._lock.release()
            raise StorageUnavailable(CLOSED)

    def release_read(self) -> None:
        """Release the lock of a read."""
        self._lock.release()

    def close(self) -> bool:
        """Refuse the lock from now on; wait for the thread that holds it, and return whether that has released it."""
        self._closed = True
        if not self._lock.acquire(timeout=self._wait_seconds):
            return False
        self._lock.release()
        return True
