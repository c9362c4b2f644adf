"""How fast the messages of a socket are taken: by message and by byte, per person (or anonymous address), and in all.

A message that comes too soon waits, nothing further is read from its socket meanwhile, and TCP makes its sender wait.
Nothing is dropped but what a client that is gone left waiting, and what its browser repeats by itself
(``component.paced_socket``). So the work that a client can cause is bounded, whatever it sends.

Messages of one client are taken one after the other, in the order in which they came. An anonymous message waits in
the line of its own address first, then in that of all anonymous clients. So what stands before an address is at most
one message of each other address, however much these send. Short ones, as browsers send them, have a lane of their own.

A Streamlit process draws about 80 small pages a second, one after the other (1.67, one core), and all other tabs wait
for what comes at once. For that reason no two messages of a person come at once. People who send much for long are
busy: their messages come one after the other, and one after the other with those of anonymous clients. Nobody else
waits for them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from component import wire
from component.admission import SocketLimits
from component.budgets import Bucket, Buckets

BURST_SECONDS: Final = 0.25
"""So much ahead of its pace by byte, and by what reading them cost, may a client be; by byte always by one message."""
PAGE_VALUES: Final = 100_000
"""A message that costs so much to read (``component.json_cost``) counts as one more, for those that wait behind it."""
ADDRESS_BURST_SECONDS: Final = 10.0
"""An anonymous address may be ahead of its own pace by so much: many people may share one."""
ANONYMOUS_SHARE: Final = 0.25
"""Of what a signed-in person may send each second, in bytes, an anonymous address may send this."""
ANONYMOUS_IN_ALL: Final = 4
"""In each lane, all anonymous clients together may send as many bytes as this many of their addresses."""
LONG_SHARE: Final = 0.1
"""Beside the short ones, all anonymous clients together may send so many of them in long messages."""
LASTING_SHARE: Final = 0.2
"""Who sends more of what a person may send each second than this, for long, is busy."""
LASTING_SECONDS: Final = 4.0
"""So many seconds' worth of messages are not yet for long. Who sent as many more at most is forgiven after a pause."""
SOON_SECONDS: Final = 1e-6
"""Waiting for less is not worth it, nor is what rounding leaves."""
BUSY_IN_ALL: Final = 4
"""All busy people together may send as many messages as this many people, and all anonymous clients with them."""
MAY_DROP_PER_SECOND: Final = 200.0
MAY_DROP_AT_ONCE: Final = 400.0
"""How many messages of one person, and of all anonymous clients together, may be dropped without having been counted.
Reading them is work too."""
COSTLIEST_SECONDS: Final = 2.0
"""How long a client's next message waits after one that cost as much to read as it may (``component.json_cost``)."""


class ClientGone(Exception):
    """The client went away while its message waited."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is, in seconds, and how to wait."""

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]


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


class Line:
    """A pace, by message, by byte, and by what reading them cost, as far as each is limited; one message waits for it.

    The others wait behind it. A message is counted when it goes on: one that waited long for its bytes must not leave
    behind what the messages after it may then spend at once.
    """

    def __init__(
        self,
        clock: Clock,
        messages: Bucket,
        size: Bucket | None = None,
        values: Bucket | None = None,
        *,
        turn: Turn | None = None,
    ) -> None:
        self._clock = clock
        self._messages = messages
        self._bytes = size
        self._values = values
        self._turn = turn or Turn()

    def allows(self, size: int) -> bool:
        """Whether a message of ``size`` bytes need not wait."""
        return not self._turn.is_held and self._seconds_until(size) <= SOON_SECONDS

    def count(self, size: int) -> None:
        """A message of ``size`` bytes goes on."""
        now = self._clock.now()
        for bucket, amount in self._amounts(size):
            bucket.take(amount, now)

    def charge(self, messages: float) -> None:
        """Count as many messages more."""
        self._messages.take(messages, self._clock.now())

    @asynccontextmanager
    async def waited(self, size: int, gone: asyncio.Event | None) -> AsyncIterator[None]:
        """Wait until a message of ``size`` bytes may go on; no other does within the block. Raises ``ClientGone``."""
        await self._turn.take(gone)
        try:
            while (seconds := self._seconds_until(size)) > SOON_SECONDS:
                await unless_gone(self._clock.sleep(seconds), gone)
            yield
        finally:
            self._turn.give()

    def _seconds_until(self, size: int) -> float:
        now = self._clock.now()
        return max(bucket.seconds_until(amount, now) for bucket, amount in self._amounts(size))

    def _amounts(self, size: int) -> Iterator[tuple[Bucket, float]]:
        """What a message takes. What reading it costs is known once it was read; the next message waits for that."""
        yield self._messages, 1
        if self._bytes is not None:
            yield self._bytes, size
        if self._values is not None:
            yield self._values, 0


class Lines:
    """A line for each client."""

    def __init__(self, clock: Clock, messages: Buckets, size: Buckets, values: Buckets) -> None:
        self._clock = clock
        self._messages = messages
        self._bytes = size
        self._values = values
        self._turns: WeakValueDictionary[str, Turn] = WeakValueDictionary()

    def of(self, client: str) -> Line:
        """The line of one client."""
        now = self._clock.now()
        return Line(
            self._clock,
            self._messages.of(client, now),
            self._bytes.of(client, now),
            self._values.of(client, now),
            turn=self._turns.setdefault(client, Turn()),
        )

    def charge(self, client: str, values: int) -> None:
        """Count that reading cost so many values (``component.json_cost``)."""
        now = self._clock.now()
        self._values.of(client, now).take(values, now)


class Lane:
    """Clients whose messages are alike: each waits in a line of its own, then in one of all of them, then in others."""

    def __init__(self, clock: Clock, own: Lines, *in_all: Line, lasting: Buckets | None = None) -> None:
        """A lane of which each client has one of ``own``.

        Args:
            clock: The clock.
            own: Of single clients.
            in_all: Of all of them together, one after the other. What reading cost counts for the last one.
            lasting: How much each may send until ``in_all`` counts for it too; None where it always does.
        """
        self._clock = clock
        self._own = own
        self._in_all = in_all
        self._lasting = lasting

    def try_pass(self, client: str, size: int) -> bool:
        """Count a message of ``size`` bytes if it need not wait; returns whether it goes on."""
        lines = self._lines(client)
        if not all(line.allows(size) for line in lines):
            return False
        self._count(client, lines, size)
        return True

    async def wait(self, client: str, size: int, gone: asyncio.Event | None) -> None:
        """Wait until a message of ``size`` bytes may go on, and count it.

        Raises ``ClientGone``, and then has counted nothing.
        """
        async with AsyncExitStack() as held:
            lines = self._lines(client)
            for line in lines:
                await held.enter_async_context(line.waited(size, gone))
            self._count(client, lines, size)

    def charge(self, client: str, values: int) -> None:
        """Count that reading a message of the client cost so much (``component.json_cost``)."""
        self._own.charge(client, values)
        pages = min(values, wire.MAX_VALUES) / PAGE_VALUES
        if self._is_busy(client):
            self._in_all[-1].charge(pages)
        self._note(client, pages)

    def _lines(self, client: str) -> list[Line]:
        own = self._own.of(client)
        return [own, *self._in_all] if self._is_busy(client) else [own]

    def _count(self, client: str, lines: Sequence[Line], size: int) -> None:
        for line in lines:
            line.count(size)
        self._note(client, 1)

    def _is_busy(self, client: str) -> bool:
        now = self._clock.now()
        return self._lasting is None or not self._lasting.of(client, now).holds(0, now)

    def _note(self, client: str, messages: float) -> None:
        if self._lasting is not None:
            now = self._clock.now()
            self._lasting.of(client, now).take(messages, now)


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
        clock = Clock(monotonic, sleep)
        messages, size = limits.messages_per_second, limits.bytes_per_second
        lasting = LASTING_SECONDS * messages
        busy, in_all = messages * BUSY_IN_ALL, limits.anonymous_messages_per_second
        crowd = Line(clock, Bucket.full(max(busy, in_all), 1, clock.now()))
        self._of_people = Lane(
            clock,
            Lines(
                clock,
                Buckets(messages, 1),
                Buckets(size, max(size * BURST_SECONDS, limits.message_bytes)),
                _values(limits),
            ),
            Line(clock, Bucket.full(busy, 1, clock.now())),
            crowd,
            lasting=Buckets(messages * LASTING_SHARE, lasting, most_debt=lasting),
        )
        values = _values(limits)
        self._short = _anonymous(clock, limits, in_all, values, crowd)
        self._long = _anonymous(clock, limits, in_all * LONG_SHARE, values, crowd)
        self._may_drop = Buckets(MAY_DROP_PER_SECOND, MAY_DROP_AT_ONCE)

    def lane(self, *, anonymous: bool, size: int) -> Lane:
        """Where messages of ``size`` bytes of such clients wait."""
        if not anonymous:
            return self._of_people
        return self._short if size <= wire.SHORT_BYTES else self._long

    def may_drop(self, person: str) -> bool:
        """Whether one more message of a person may be dropped; "" for all who are anonymous. Counts it."""
        now = self.monotonic()
        return self._may_drop.of(person, now).try_take(1, now)


def _values(limits: SocketLimits) -> Buckets:
    rate = max(limits.message_values, wire.MAX_VALUES) / COSTLIEST_SECONDS
    return Buckets(rate, rate * BURST_SECONDS)


def _anonymous(clock: Clock, limits: SocketLimits, in_all: float, values: Buckets, crowd: Line) -> Lane:
    """A lane of anonymous clients, which may send ``in_all`` messages a second together."""
    messages, size = limits.messages_per_second, limits.bytes_per_second * ANONYMOUS_SHARE
    at_once = max(size * BURST_SECONDS, limits.anonymous_message_bytes)
    now = clock.now()
    return Lane(
        clock,
        Lines(
            clock,
            Buckets(messages, messages * ADDRESS_BURST_SECONDS),
            Buckets(size, max(size * ADDRESS_BURST_SECONDS, limits.anonymous_message_bytes)),
            values,
        ),
        Line(
            clock,
            Bucket.full(in_all, 1, now),
            Bucket.full(size * ANONYMOUS_IN_ALL, at_once * ANONYMOUS_IN_ALL, now),
        ),
        crowd,
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
