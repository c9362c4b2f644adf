"""How fast the messages of a socket are taken: by message and by byte, per person (or anonymous address), and in all.

A message that comes too soon waits, nothing further is read from its socket meanwhile, and TCP makes its sender wait.
Nothing is dropped but what a client that is gone left waiting, and what its browser repeats by itself
(``component.paced_socket``). So the work that a client can cause is bounded, whatever it sends.

Messages of one client are taken one after the other, in the order in which they came. An anonymous message waits for
the pace of its own address first, then for the pace of all anonymous clients. So what stands before an address is at
most one message of each other address, however much these send. Short messages, as browsers send them, have lanes of
their own, and never wait for long ones.

A Streamlit process draws about 80 small pages a second, one after the other (1.67, one core). The bursts are small for
that reason: all other tabs wait for what comes at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakValueDictionary

from component import wire
from component.admission import SocketLimits
from component.budgets import Bucket, Buckets

BURST_SECONDS: Final = 0.25
"""A person who was quiet may send what this long allows at once, and so may all anonymous clients together."""
ADDRESS_BURST_SECONDS: Final = 10.0
"""An anonymous address may be ahead of its own pace by so much: many people may share one."""
ANONYMOUS_SHARE: Final = 0.25
"""Of what a signed-in person may send each second, in bytes, an anonymous address may send this."""
ANONYMOUS_IN_ALL: Final = 4
"""In each lane, all anonymous clients together may send as many bytes as this many of their addresses."""
LONG_SHARE: Final = 0.25
"""Of the messages of all anonymous clients together, so many may be long ones, beside the short ones."""
COSTLIEST_SECONDS: Final = 1.0
"""How long a client's next message waits after one that held as much JSON as it may (``component.json_cost``)."""


class ClientGone(Exception):
    """The client went away while its message waited."""


class Turn:
    """Held by one message at a time; the others wait for it in order."""

    def __init__(self) -> None:
        self._is_held = False
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def is_held(self) -> bool:
        """Whether one more message would have to wait for it."""
        return self._is_held

    async def take(self, gone: asyncio.Event | None) -> None:
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
                self.give()
            raise

    def give(self) -> None:
        """Hand it to the next in line, who holds it from then on."""
        while self._line:
            following = self._line.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._is_held = False


class Pace:
    """The pace of one client, or of all of a kind: by message and by byte; of one client also by the JSON in it."""

    def __init__(self, messages: Bucket, size: Bucket, values: Bucket | None = None) -> None:
        self._messages = messages
        self._bytes = size
        self._values = values

    def allows(self, size: int, now: float) -> bool:
        """Whether a message of ``size`` bytes need not wait."""
        is_paid = self._values is None or self._values.holds(0, now)
        return is_paid and self._messages.holds(1, now) and self._bytes.holds(size, now)

    def take(self, size: int, now: float) -> float:
        """Count a message of ``size`` bytes; returns the seconds that it must wait."""
        unpaid = self._values.take(0, now) if self._values is not None else 0.0
        return max(unpaid, self._messages.take(1, now), self._bytes.take(size, now))

    def give_back(self, size: int, now: float) -> None:
        """A message that was counted goes no further."""
        self._messages.give_back(1, now)
        self._bytes.give_back(size, now)


class Paces:
    """A pace for each client, and the turn of its messages."""

    def __init__(self, messages: Buckets, size: Buckets, values: Buckets) -> None:
        self._messages = messages
        self._bytes = size
        self._values = values
        self._turns: WeakValueDictionary[str, Turn] = WeakValueDictionary()

    def of(self, client: str, now: float) -> Pace:
        """The pace of one client."""
        return Pace(self._messages.of(client, now), self._bytes.of(client, now), self._values.of(client, now))

    def charge(self, client: str, values: int, now: float) -> None:
        """Count JSON that cost so much to read; nobody but the client waits for that."""
        self._values.of(client, now).take(values, now)

    def turn(self, client: str) -> Turn:
        """The message that holds it waits for its pace; the other messages of the client wait behind it."""
        return self._turns.setdefault(client, Turn())

    def is_waiting(self, client: str) -> bool:
        """Whether a message of the client waits."""
        turn = self._turns.get(client)
        return turn is not None and turn.is_held


class Lane:
    """Clients whose messages are alike: each with a pace of its own, and all of them together with another."""

    def __init__(
        self,
        paces: Paces,
        in_all: Pace | None,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        """``in_all``: None where there is no pace of all of them."""
        self._paces = paces
        self._in_all = in_all
        self._monotonic = monotonic
        self._sleep = sleep

    def try_pass(self, client: str, size: int) -> bool:
        """Count a message of ``size`` bytes if it need not wait; returns whether it goes on."""
        now = self._monotonic()
        paces = [self._paces.of(client, now), *([self._in_all] if self._in_all is not None else [])]
        if self._paces.is_waiting(client) or not all(pace.allows(size, now) for pace in paces):
            return False
        for pace in paces:
            pace.take(size, now)
        return True

    async def wait(self, client: str, size: int, gone: asyncio.Event | None) -> None:
        """Wait until a message of ``size`` bytes may go on, and count it.

        Raises ``ClientGone``, and then has counted nothing.
        """
        turn = self._paces.turn(client)
        await turn.take(gone)
        try:
            pace = self._paces.of(client, self._monotonic())
            await self._wait(pace, size, gone)
            if self._in_all is not None:
                try:
                    await self._wait(self._in_all, size, gone)
                except (ClientGone, asyncio.CancelledError):
                    pace.give_back(size, self._monotonic())
                    raise
        finally:
            turn.give()

    def charge(self, client: str, values: int) -> None:
        """Count JSON in a message of the client that cost so much to read (``component.json_cost``)."""
        self._paces.charge(client, values, self._monotonic())

    async def _wait(self, pace: Pace, size: int, gone: asyncio.Event | None) -> None:
        seconds = pace.take(size, self._monotonic())
        if seconds <= 0:
            return
        try:
            await unless_gone(self._sleep(seconds), gone)
        except (ClientGone, asyncio.CancelledError):
            pace.give_back(size, self._monotonic())
            raise


class Throttle:
    """The paces of this process. Lives on the event loop."""

    def __init__(
        self,
        limits: SocketLimits,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.monotonic = monotonic
        messages, size = limits.messages_per_second, limits.bytes_per_second
        self._of_people = Lane(
            Paces(
                Buckets(messages, _burst(messages)),
                Buckets(size, max(size * BURST_SECONDS, limits.message_bytes)),
                _values(limits),
            ),
            None,
            monotonic,
            sleep,
        )
        in_all = limits.anonymous_messages_per_second
        self._short = _anonymous(limits, in_all, monotonic, sleep)
        self._long = _anonymous(limits, in_all * LONG_SHARE, monotonic, sleep)

    def lane(self, *, anonymous: bool, size: int) -> Lane:
        """Where messages of ``size`` bytes of such clients wait."""
        if not anonymous:
            return self._of_people
        return self._short if size <= wire.SHORT_BYTES else self._long


def _burst(messages_per_second: float) -> float:
    return max(1.0, messages_per_second * BURST_SECONDS)


def _values(limits: SocketLimits) -> Buckets:
    rate = limits.message_values / COSTLIEST_SECONDS
    return Buckets(rate, rate * BURST_SECONDS)


def _anonymous(
    limits: SocketLimits, in_all: float, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[object]]
) -> Lane:
    """A lane of anonymous clients, which may send ``in_all`` messages a second together."""
    messages, size = limits.messages_per_second, limits.bytes_per_second * ANONYMOUS_SHARE
    at_once = max(size * BURST_SECONDS, limits.anonymous_message_bytes)
    now = monotonic()
    return Lane(
        Paces(
            Buckets(messages, messages * ADDRESS_BURST_SECONDS),
            Buckets(size, max(size * ADDRESS_BURST_SECONDS, limits.anonymous_message_bytes)),
            _values(limits),
        ),
        Pace(
            Bucket.full(in_all, _burst(in_all), now),
            Bucket.full(size * ANONYMOUS_IN_ALL, at_once * ANONYMOUS_IN_ALL, now),
        ),
        monotonic,
        sleep,
    )


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
