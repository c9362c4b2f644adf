"""How fast the messages of a socket are taken: by message and by byte, per person (or anonymous address), and in all.

A message that comes too soon waits, nothing further is read from its socket meanwhile, and TCP makes its sender wait.
Nothing is dropped but what a client that is gone left waiting. So the work that a client can cause is bounded, whatever
it sends.

Anonymous messages wait twice: first for the pace of their own address, then, one message of an address at a time, for
the pace of all anonymous clients. So what stands before an address is at most one message of each other address,
however much these send. Short messages, as browsers send them, have lanes of their own, and never wait for long ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakValueDictionary

from starlette.types import Message, Receive

from component import wire
from component.admission import SocketLimits
from component.budgets import Bucket, Buckets

BURST_SECONDS: Final = 10.0
"""A client that was quiet may send what this long allows at once."""
ANONYMOUS_SHARE: Final = 0.25
"""Of what a signed-in person may send each second, in bytes, an anonymous address may send this."""
ANONYMOUS_IN_ALL: Final = 4
"""In each lane, all anonymous clients together may send as much as this many of their addresses."""
_ABNORMAL_CLOSURE: Final = 1006


class _Gone(Exception):
    """The client went away while its message waited."""


class Pace:
    """The pace of one client, or of all of a kind: by message and by byte."""

    def __init__(self, messages: Bucket, size: Bucket) -> None:
        self._messages = messages
        self._bytes = size

    def take(self, size: int, now: float) -> float:
        """Count a message of ``size`` bytes; returns the seconds that it must wait."""
        return max(self._messages.take(1, now), self._bytes.take(size, now))

    def give_back(self, size: int, now: float) -> None:
        """A message that was counted goes no further."""
        self._messages.give_back(1, now)
        self._bytes.give_back(size, now)


class AnonymousLane:
    """The paces of anonymous messages that are alike in length: of each address, and of all addresses together."""

    def __init__(self, limits: SocketLimits, now: float) -> None:
        messages, size = limits.messages_per_second, limits.bytes_per_second * ANONYMOUS_SHARE
        burst = max(size * BURST_SECONDS, 2.0 * limits.anonymous_message_bytes)
        self._messages = Buckets(messages, messages * BURST_SECONDS)
        self._bytes = Buckets(size, burst)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.in_all = Pace(
            Bucket.full(messages * ANONYMOUS_IN_ALL, messages * BURST_SECONDS * ANONYMOUS_IN_ALL, now),
            Bucket.full(size * ANONYMOUS_IN_ALL, burst * ANONYMOUS_IN_ALL, now),
        )

    def of(self, address: str, now: float) -> Pace:
        """The pace of one address."""
        return Pace(self._messages.of(address, now), self._bytes.of(address, now))

    def turn(self, address: str) -> asyncio.Lock:
        """The message that holds it waits for the pace of all; the other messages of the address wait behind it."""
        return self._turns.setdefault(address, asyncio.Lock())


class Throttle:
    """The paces of this process. Lives on the event loop."""

    def __init__(
        self,
        limits: SocketLimits,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        messages, size = limits.messages_per_second, limits.bytes_per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._messages = Buckets(messages, messages * BURST_SECONDS)
        self._bytes = Buckets(size, max(size * BURST_SECONDS, 2.0 * limits.message_bytes))
        self._short = AnonymousLane(limits, monotonic())
        self._long = AnonymousLane(limits, monotonic())

    def of(self, receive: Receive, *, person: str, address: str, gone: asyncio.Event | None = None) -> Receive:
        """``receive`` of a socket, no faster than its client may send.

        Args:
            receive: ASGI's.
            person: Whose socket it is; "" for an anonymous one.
            address: The client's network (``app.core.addresses.network_of``).
            gone: Set once the connection is lost; what waits then goes no further. None where nothing tells.
        """

        async def throttled() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            size = len(message.get("bytes") or message.get("text") or b"")
            try:
                if person:
                    await self._wait(self._of_person(person), size, gone)
                else:
                    await self._wait_anonymously(address, size, gone)
            except _Gone:
                return {"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE}
            return message

        return throttled

    def _of_person(self, person: str) -> Pace:
        now = self._monotonic()
        return Pace(self._messages.of(person, now), self._bytes.of(person, now))

    async def _wait_anonymously(self, address: str, size: int, gone: asyncio.Event | None) -> None:
        lane = self._short if size <= wire.SHORT_BYTES else self._long
        await self._wait(lane.of(address, self._monotonic()), size, gone)
        turn = lane.turn(address)
        await _acquire(turn, gone)
        try:
            await self._wait(lane.in_all, size, gone)
        finally:
            turn.release()

    async def _wait(self, pace: Pace, size: int, gone: asyncio.Event | None) -> None:
        """Wait for a pace. Raises ``_Gone``, and then has taken nothing from it."""
        seconds = pace.take(size, self._monotonic())
        if seconds <= 0:
            return
        try:
            await _unless_gone(self._sleep(seconds), gone)
        except (_Gone, asyncio.CancelledError):
            pace.give_back(size, self._monotonic())
            raise


async def _acquire(turn: asyncio.Lock, gone: asyncio.Event | None) -> None:
    """Wait for a turn. Raises ``_Gone``, and then does not have it."""
    if not turn.locked():
        await turn.acquire()  # at once
        return
    acquiring = asyncio.ensure_future(turn.acquire())
    try:
        await _unless_gone(acquiring, gone)
    except BaseException:
        if acquiring.done() and not acquiring.cancelled():
            turn.release()
        raise


async def _unless_gone(awaited: Awaitable[object], gone: asyncio.Event | None) -> None:
    """Wait for ``awaited``. Raises ``_Gone`` when the client goes first."""
    if gone is None:
        await awaited
        return
    waiting, going = asyncio.ensure_future(awaited), asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait({waiting, going}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise _Gone
        waiting.result()
    finally:
        waiting.cancel()
        going.cancel()
