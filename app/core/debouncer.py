"""A debouncer: work done in the background, some time after the first request, once for all requests until then."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock, Thread, Timer, current_thread
from typing import Final

import structlog

_JOIN_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


class Debouncer:
    """Safe to use from any thread. A thread exists only while work is pending, and does not delay the process' exit."""

    def __init__(self, do: Callable[[], None], *, seconds: float, name: str) -> None:
        """Call ``do`` ``seconds`` after the first request; ``name`` names the thread, and the work in the log."""
        self._do = do
        self._seconds = seconds
        self._name = name
        self._lock = Lock()
        self._timer: Timer | None = None
        self._under_way: set[Thread] = set()
        self._closed = False

    def schedule(self) -> None:
        """Request the work, unless it is pending already or this is closed."""
        with self._lock:
            if self._timer is not None or self._closed:
                return
            self._timer = Timer(self._seconds, self._run)
            self._timer.name = self._name
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """Cancel pending work, and wait a few seconds for work in progress."""
        with self._lock:
            self._closed = True
            timer, self._timer = self._timer, None
            awaited = self._under_way - {current_thread()}
        if timer is not None:
            timer.cancel()
            awaited.add(timer)
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in awaited:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        with self._lock:
            self._timer = None
            self._under_way.add(current_thread())
        try:
            self._do()
        except Exception:  # noqa: BLE001 - the next request tries again
            _log.exception("could not be done in the background", name=self._name)
        finally:
            with self._lock:
                self._under_way.discard(current_thread())
