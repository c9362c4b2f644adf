"""The clock: aware UTC. A parameter wherever time matters, so that tests need no patching."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import time

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def seconds_of(clock: Clock) -> Callable[[], float]:
    """``clock`` in seconds since 1970 (NumericDate, RFC 7519 §2); of the present moment without making a date first."""
    return time if clock is utc_now else lambda: clock().timestamp()
