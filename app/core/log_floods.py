"""Log messages of libraries that any client can cause: a few of each a minute, and how many there were."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Final

EACH_MINUTE: Final = 5
_SECONDS: Final = 60.0


class FloodFilter(logging.Filter):
    """Lets ``EACH_MINUTE`` messages of one kind (one text before its arguments) through in a minute.

    The first one of the next minute says how many were left out.
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
            begun, count = self._kinds.get(kind, (now, 0))
            left_out = max(0, count - EACH_MINUTE)
            if now - begun >= _SECONDS:
                begun, count = now, 0
            else:
                left_out = 0
            if len(self._kinds) > 1000:  # noqa: PLR2004 - no more kinds of messages than a library has
                self._kinds.clear()
            self._kinds[kind] = (begun, count + 1)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} more like it in the minute before)"
        return count < EACH_MINUTE


def limit_floods(*loggers: str) -> None:
    """Filter what these loggers of libraries write; harmless when it is done twice."""
    for name in loggers:
        logger = logging.getLogger(name)
        if not any(isinstance(each, FloodFilter) for each in logger.filters):
            logger.addFilter(FloodFilter())
