"""Queues in which messages of sockets wait until their rate limits let them pass.

A token bucket (``token_bucket``) determines how long the first message of a queue waits; a FIFO lock makes the others
wait behind it. A message takes its tokens when it passes, not when it starts to wait. Otherwise a bucket would refill
during a long wait or while the event loop is blocked, and the messages behind would then pass in a burst.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from component.limits.token_bucket import TokenBucket, TokenBuckets

_ROUNDING_SECONDS: Final = 1e-6
"""The rounding error of a wait; shorter waits are skipped."""


class ClientGone(Exception):
    """The client disconnected while its message waited."""


@dataclass(frozen=True, slots=True)
class MonotonicClock:
    """A monotonic clock in seconds, and the sleep that goes with it."""

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]


class FifoLock:
    """A lock that is handed on in order of arrival.

    ``asyncio.Lock`` is unlocked while it changes hands: a message that just arrived would pass the next in line.
    """

    def __init__(self) -> None:
        self._is_locked = False
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def is_locked(self) -> bool:
        """Whether a message that arrives now has to wait."""
        return self._is_locked

    async def acquire(self, gone: asyncio.Event | None) -> None:
        """Wait for the lock.

        Raises:
            ClientGone: The client disconnects first; the lock is not acquired.
        """
        if not self._is_locked:
            self._is_locked = True
            return
        waiter = asyncio.get_running_loop().create_future()
        self._line.append(waiter)
        try:
            await unless_gone(waiter, gone)
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Hand the lock to the next in line, or unlock it."""
        while self._line:
            following = self._line.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._is_locked = False


class PacedQueue:
    """One queue, paced by messages, by bytes and by the cost of parsing, as far as each is limited."""

    def __init__(
        self,
        clock: MonotonicClock,
        messages: TokenBucket,
        size: TokenBucket | None = None,
        values: TokenBucket | None = None,
        *,
        lock: FifoLock | None = None,
    ) -> None:
        self._clock = clock
        self._messages = messages
        self._bytes = size
        self._values = values
        self._lock = lock or FifoLock()

    def allows(self, size: int) -> bool:
        """Whether a message of ``size`` bytes may pass at once."""
        return not self._lock.is_locked and self._seconds_until(size) <= _ROUNDING_SECONDS

    def count(self, size: int) -> None:
        """Count a message of ``size`` bytes that passes."""
        now = self._clock.now()
        for bucket, amount in self._amounts(size):
            bucket.take(amount, now)

    def charge(self, messages: float) -> None:
        """Count this many messages more."""
        self._messages.take(messages, self._clock.now())

    @asynccontextmanager
    async def passing(self, size: int, gone: asyncio.Event | None) -> AsyncIterator[None]:
        """Wait until a message of ``size`` bytes may pass; no other passes within the block.

        Raises:
            ClientGone: The client disconnects first.
        """
        await self._lock.acquire(gone)
        try:
            while (seconds := self._seconds_until(size)) > _ROUNDING_SECONDS:
                await unless_gone(self._clock.sleep(seconds), gone)
            yield
        finally:
            self._lock.release()

    def _seconds_until(self, size: int) -> float:
        now = self._clock.now()
        return max(bucket.seconds_until(amount, now) for bucket, amount in self._amounts(size))

    def _amounts(self, size: int) -> Iterator[tuple[TokenBucket, float]]:
        """The tokens of a message. The cost of parsing is known afterwards, and delays the next message."""
        yield self._messages, 1
        if self._bytes is not None:
            yield self._bytes, size
        if self._values is not None:
            yield self._values, 0


class PacedQueues:
    """A queue for each client."""

    def __init__(self, clock: MonotonicClock, messages: TokenBuckets, size: TokenBuckets, values: TokenBuckets) -> None:
        self._clock = clock
        self._messages = messages
        self._bytes = size
        self._values = values
        self._locks: WeakValueDictionary[str, FifoLock] = WeakValueDictionary()

    def of(self, client: str) -> PacedQueue:
        """The queue of one client."""
        now = self._clock.now()
        return PacedQueue(
            self._clock,
            self._messages.of(client, now),
            self._bytes.of(client, now),
            self._values.of(client, now),
            lock=self._locks.setdefault(client, FifoLock()),
        )

    def charge(self, client: str, values: int) -> None:
        """Count the cost of parsing, in values of ``component.protocol.json_cost``."""
        now = self._clock.now()
        self._values.of(client, now).take(values, now)


async def unless_gone(awaited: Awaitable[object], gone: asyncio.Event | None) -> None:
    """Wait for ``awaited``.

    Raises:
        ClientGone: The client disconnects first.
    """
    if gone is None:
        await awaited
        return
    waiting, going = asyncio.ensure_future(awaited), asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait({waiting, going}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise ClientGone
        waiting.result()
    finally:
        waiting.cancel()
        going.cancel()
