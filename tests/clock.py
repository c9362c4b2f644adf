"""The fake clock of the tests, which a test moves."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from app.core.clock import utc_now

_STARTS_AT: Final = 100.0
"""What ``FakeClock.monotonic`` starts with, in seconds."""


class FakeClock:
    """Aware UTC, a monotonic clock and a sleep, which all move together; it stands still until it is moved.

    An instance is itself a ``Clock`` (``app.core.clock``): called, it returns the present moment.
    """

    def __init__(self, *, tick_seconds: float = 0, runs: bool = False) -> None:
        """Start at the real present moment.

        Args:
            tick_seconds: How far each call of ``monotonic`` moves the clock.
            runs: Whether ``__call__`` and ``timestamp`` also advance with the real time, for a server that many tests
                share.
        """
        self._started_at = utc_now()
        self._real_start = time.monotonic() if runs else None
        self._tick_seconds = tick_seconds
        self._now = _STARTS_AT
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def __call__(self) -> datetime:
        """The present moment, aware, UTC."""
        real_seconds = 0.0 if self._real_start is None else time.monotonic() - self._real_start
        return self._started_at + self.ahead + timedelta(seconds=real_seconds)

    @property
    def ahead(self) -> timedelta:
        """How far the clock was moved; it can be set."""
        return timedelta(seconds=self._now - _STARTS_AT)

    @ahead.setter
    def ahead(self, ahead: timedelta) -> None:
        self._now = _STARTS_AT + ahead.total_seconds()

    def timestamp(self) -> float:
        """The present moment in seconds since 1970."""
        return self().timestamp()

    def monotonic(self) -> float:
        """Seconds, as ``time.monotonic``."""
        self._now += self._tick_seconds
        return self._now

    def move(self, **by: float) -> None:
        """Move the clock without waking sleepers: ``move(hours=2)``, by the arguments of ``timedelta``."""
        self._now += timedelta(**by).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Sleep until ``run_for`` has moved the clock so far."""
        self._count += 1
        woken = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self._now + seconds, self._count, woken))
        await woken

    async def run_for(self, seconds: float) -> None:
        """Move the clock from one sleeper to the next, and let the event loop do what is due at each."""
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heappop(self._sleepers)
            self._now = max(self._now, due)
            if not woken.done():
                woken.set_result(None)
                await settle()
        self._now = max(self._now, end)


async def settle() -> None:
    """Let the event loop run every task that can proceed."""
    for _ in range(20):
        await asyncio.sleep(0)
