"""Counts page views in memory and adds them to storage in batches, as one counter per page and day."""

from __future__ import annotations

from collections import Counter
from datetime import date
from threading import Event, Lock, Thread
from typing import Final

import structlog

from app.core.clock import Clock, utc_now
from app.core.errors import StorageUnavailable
from app.core.ports import Storage

_log = structlog.get_logger(__name__)
_FLUSH_SECONDS: Final = 10.0


class PageViews:
    """The counters of this process. Thread-safe; ``close`` saves the remaining counts."""

    def __init__(self, storage: Storage, *, clock: Clock = utc_now, every_seconds: float = _FLUSH_SECONDS) -> None:
        self._storage = storage
        self._clock = clock
        self._every_seconds = every_seconds
        self._lock = Lock()
        self._counts: Counter[tuple[date, str]] = Counter()
        self._stop = Event()
        self._thread: Thread | None = None

    def count(self, path: str) -> None:
        """Count one view of the page at ``path`` (with its slash); starts the flushing on first use."""
        with self._lock:
            self._counts[self._clock().date(), path] += 1
            if self._thread is None and not self._stop.is_set():
                self._thread = Thread(target=self._run, name="page-views", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Add the counts to storage; after a failure they are added with the next ones."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            with self._storage.unit_of_work() as unit:
                unit.add_page_views(counts)
                unit.commit()
        except StorageUnavailable:
            with self._lock:
                self._counts.update(counts)
            _log.warning("page views could not be saved yet")

    def close(self) -> None:
        """Stop the thread and save the remaining counts."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(self._every_seconds):
            self.flush()
