"""A limit on log messages of libraries that any client can cause: a few of each kind a minute, and their number."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Final

EACH_MINUTE: Final = 5
_SECONDS: Final = 60.0


class FloodFilter(logging.Filter):
    """Passes ``EACH_MINUTE`` messages of one kind (one text before its arguments) in a minute.

    The first message of the next minute contains the number of dropped ones.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._lock = Lock()
        self._kinds: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message is written."""
        kind, now = str(record.msg)[:80], self._monotonic()
        with self._lock:
            since, count = self._kinds.get(kind, (now, 0))
            dropped = max(0, count - EACH_MINUTE)
            if now - since >= _SECONDS:
                since, count = now, 0
            else:
                dropped = 0
            if len(self._kinds) > 1000:  # noqa: PLR2004 - no more kinds of messages than a library has
                self._kinds.clear()
            self._kinds[kind] = (since, count + 1)
        if dropped:
            record.msg = f"{record.msg} (and {dropped} more like it in the minute before)"
        return count < EACH_MINUTE


def limit_floods(*loggers: str) -> None:
    """Add the filter to these loggers of libraries, once."""
    for name in loggers:
        logger = logging.getLogger(name)
        if not any(isinstance(each, FloodFilter) for each in logger.filters):
            logger.addFilter(FloodFilter())
