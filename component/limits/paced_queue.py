"""Messages of sockets that wait for a pace, one behind the other.

A token bucket (``token_bucket``) says how long a message waits; a lock in order of arrival has the others wait
behind it. A message is counted when it goes on and not when it begins to wait: one that waited long for its bytes must
not leave behind what the messages after it may then spend at once, and what is due while the event loop is held must
not come at once afterwards.
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
"""What rounding may leave of a wait; shorter ones are none."""


class ClientGone(Exception):
    """The client went away while its message waited."""


@dataclass(frozen=True, slots=True)
class MonotonicClock:
    """What time it is, in seconds, and how to wait."""

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]


class FifoLock:
    """Held by one message at a time; the others get it in the order in which they came.

    ``asyncio.Lock`` looks free while it changes hands: a message that just came would pass the one next in line.
    """

    def __init__(self) -> None:
        self._is_held = False
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def is_held(self) -> bool:
        """Whether one more message would have to wait for it."""
        return self._is_held

    async def acquire(self, gone: asyncio.Event | None) -> None:
        """Wait for it. Raises ``ClientGone``, and then does not hold it."""
        if not self._is_held:
            self._is_held = True
            return
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            await unless_gone(place, gone)
        except BaseException:
            if place.done() and not place.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Hand it to the next in line, who holds it from then on."""
        while self._line:
            following = self._line.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._is_held = False


class PacedQueue:
    """Messages that wait for one pace: by message, by byte and by what reading cost, as far as each is limited."""

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
        """Whether a message of ``size`` bytes need not wait."""
        return not self._lock.is_held and self._seconds_until(size) <= _ROUNDING_SECONDS

    def count(self, size: int) -> None:
        """A message of ``size`` bytes goes on."""
        now = self._clock.now()
        for bucket, amount in self._amounts(size):
            bucket.take(amount, now)

    def charge(self, messages: float) -> None:
        """Count as many messages more."""
        self._messages.take(messages, self._clock.now())

    @asynccontextmanager
    async def passing(self, size: int, gone: asyncio.Event | None) -> AsyncIterator[None]:
        """Wait until a message of ``size`` bytes may go on; no other does within the block. Raises ``ClientGone``."""
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
        """What a message takes. What reading it costs is known once it was read; the next message waits for that."""
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
        """Count that reading cost so many values (``component.protocol.json_cost``)."""
        now = self._clock.now()
        self._values.of(client, now).take(values, now)


async def unless_gone(awaited: Awaitable[object], gone: asyncio.Event | None) -> None:
    """Wait for ``awaited``. Raises ``ClientGone`` when the client goes first."""
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
