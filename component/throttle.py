"""How fast the messages of a socket are taken: by message and by byte, per person (or anonymous address), and in all.

A message that comes too soon waits, nothing further is read from its socket meanwhile, and TCP makes its sender wait.
Nothing is dropped but what a client that is gone left waiting, and what its browser repeats by itself
(``component.paced_socket``). So the work that a client can cause is bounded, whatever it sends.

Messages of one client are taken one after the other, in the order in which they came. An anonymous message waits for
the pace of its own address first, then for the pace of all anonymous clients. So what stands before an address is at
most one message of each other address, however much these send. Short ones, as browsers send them, have a lane of
their own, and never wait for long ones.

A Streamlit process draws about 80 small pages a second, one after the other (1.67, one core), and all other tabs wait
for what comes at once. For that reason no two messages of a person come at once, nor of all anonymous clients, and
people who send much for long share a pace as well. Nobody else waits for them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final
from weakref import WeakValueDictionary

from component import wire
from component.admission import SocketLimits
from component.budgets import Bucket, Buckets

BURST_SECONDS: Final = 0.25
"""So much ahead of its pace by byte, and by what reading them cost, may a client be; by byte always by one message."""
PAGE_VALUES: Final = 100_000
"""Reading a message that costs so much (``component.json_cost``) takes about as long as drawing a small page."""
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
BUSY_IN_ALL: Final = 4
"""All busy people together may send as many messages as this many people."""
MAY_DROP_PER_SECOND: Final = 200.0
MAY_DROP_AT_ONCE: Final = 400.0
"""How many messages of one person, and of all anonymous clients together, may be dropped without having been counted.
Reading them is work too."""
COSTLIEST_SECONDS: Final = 2.0
"""How long a client's next message waits after one that cost as much to read as it may (``component.json_cost``)."""


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
    """The pace of one client, or of many: by message, by byte, and by the JSON in them, as far as each is limited."""

    def __init__(self, messages: Bucket, size: Bucket | None = None, values: Bucket | None = None) -> None:
        self._messages = messages
        self._bytes = size
        self._values = values

    def allows(self, size: int, now: float) -> bool:
        """Whether a message of ``size`` bytes need not wait."""
        return all(bucket.holds(amount, now) for bucket, amount in self._amounts(size))

    def take(self, size: int, now: float) -> float:
        """Count a message of ``size`` bytes; returns the seconds that it must wait."""
        return max(bucket.take(amount, now) for bucket, amount in self._amounts(size))

    def give_back(self, size: int, now: float) -> None:
        """A message that was counted goes no further."""
        for bucket, amount in self._amounts(size):
            bucket.give_back(amount, now)

    def charge(self, messages: float, now: float) -> None:
        """Count as many messages more."""
        self._messages.take(messages, now)

    def _amounts(self, size: int) -> Iterator[tuple[Bucket, float]]:
        """What a message takes. JSON is counted once it was read; the next message waits for that."""
        yield self._messages, 1
        if self._bytes is not None:
            yield self._bytes, size
        if self._values is not None:
            yield self._values, 0


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
        """Count that reading cost so many values (``component.json_cost``)."""
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
        in_all: Pace,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        *,
        lasting: Buckets | None = None,
        charges_all: bool = True,
    ) -> None:
        """A lane of which each client has one of ``paces``.

        Args:
            paces: Of single clients.
            in_all: Of all of them.
            monotonic: The clock.
            sleep: Waits by it.
            lasting: How much each may send until ``in_all`` counts for it too; None where it always does.
            charges_all: Whether what reading a message cost counts for ``in_all``, as up to four messages.
        """
        self._charges_all = charges_all
        self._paces = paces
        self._in_all = in_all
        self._lasting = lasting
        self._monotonic = monotonic
        self._sleep = sleep

    def try_pass(self, client: str, size: int) -> bool:
        """Count a message of ``size`` bytes if it need not wait; returns whether it goes on."""
        now = self._monotonic()
        paces = self._paces_of(client, now)
        if self._paces.is_waiting(client) or not all(pace.allows(size, now) for pace in paces):
            return False
        for pace in paces:
            pace.take(size, now)
        self._note(client)
        return True

    async def wait(self, client: str, size: int, gone: asyncio.Event | None) -> None:
        """Wait until a message of ``size`` bytes may go on, and count it.

        Raises ``ClientGone``, and then has counted nothing.
        """
        turn = self._paces.turn(client)
        await turn.take(gone)
        try:
            await self._wait(self._paces_of(client, self._monotonic()), size, gone)
            self._note(client)
        finally:
            turn.give()

    def charge(self, client: str, values: int) -> None:
        """Count that reading a message of the client cost so much (``component.json_cost``)."""
        now = self._monotonic()
        self._paces.charge(client, values, now)
        if self._charges_all and self._is_busy(client, now):
            self._in_all.charge(min(values, wire.MAX_VALUES) / PAGE_VALUES, now)

    def _paces_of(self, client: str, now: float) -> list[Pace]:
        own = self._paces.of(client, now)
        return [own, self._in_all] if self._is_busy(client, now) else [own]

    def _is_busy(self, client: str, now: float) -> bool:
        return self._lasting is None or not self._lasting.of(client, now).holds(0, now)

    def _note(self, client: str) -> None:
        if self._lasting is not None:
            now = self._monotonic()
            self._lasting.of(client, now).take(1, now)

    async def _wait(self, paces: Sequence[Pace], size: int, gone: asyncio.Event | None) -> None:
        """Wait for one pace after the other."""
        counted: list[Pace] = []
        try:
            for pace in paces:
                counted.append(pace)
                seconds = pace.take(size, self._monotonic())
                if seconds > 0:
                    await unless_gone(self._sleep(seconds), gone)
        except (ClientGone, asyncio.CancelledError):
            for pace in counted:
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
        now = monotonic()
        messages, size = limits.messages_per_second, limits.bytes_per_second
        lasting = LASTING_SECONDS * messages
        self._of_people = Lane(
            Paces(
                Buckets(messages, 1),
                Buckets(size, max(size * BURST_SECONDS, limits.message_bytes)),
                _values(limits),
            ),
            Pace(Bucket.full(messages * BUSY_IN_ALL, 1, now)),
            monotonic,
            sleep,
            lasting=Buckets(messages * LASTING_SHARE, lasting, most_debt=lasting),
        )
        in_all, values = limits.anonymous_messages_per_second, _values(limits)
        self._short = _anonymous(limits, in_all, values, monotonic, sleep, charges_all=True)
        self._long = _anonymous(limits, in_all * LONG_SHARE, values, monotonic, sleep, charges_all=False)
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


def _anonymous(
    limits: SocketLimits,
    in_all: float,
    values: Buckets,
    monotonic: Callable[[], float],
    sleep: Callable[[float], Awaitable[object]],
    *,
    charges_all: bool,
) -> Lane:
    """A lane of anonymous clients, which may send ``in_all`` messages a second together."""
    messages, size = limits.messages_per_second, limits.bytes_per_second * ANONYMOUS_SHARE
    at_once = max(size * BURST_SECONDS, limits.anonymous_message_bytes)
    now = monotonic()
    return Lane(
        Paces(
            Buckets(messages, messages * ADDRESS_BURST_SECONDS),
            Buckets(size, max(size * ADDRESS_BURST_SECONDS, limits.anonymous_message_bytes)),
            values,
        ),
        Pace(
            Bucket.full(in_all, 1, now),
            Bucket.full(size * ANONYMOUS_IN_ALL, at_once * ANONYMOUS_IN_ALL, now),
        ),
        monotonic,
        sleep,
        charges_all=charges_all,
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
