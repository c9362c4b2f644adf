"""The messages of one socket, no faster than its client may send (``component.throttle``).

What a browser asks for by itself, again and again, waits once: a run of a fragment with a timer, or of a page whose
session is gone. While such a message waits, further ones like it are dropped, as Streamlit joins runs that wait for the
one under way. Otherwise a timer that asks for more than the pace allows would lag without end, and a browser that
reconnects would use up the pace of all tabs of its person.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.types import Message, Receive

from component import wire
from component.budgets import Bucket
from component.throttle import ClientGone, Lane, Throttle

REPEATS_SECONDS: Final = 2.0
"""So soon after a browser's answer to ``wire.ask_for_run`` went on, another one is one of its repetitions."""
DROPPED_PER_SECOND: Final = 10.0
DROPPED_AT_ONCE: Final = 40.0
"""How many messages are dropped without being counted. Reading them is work too."""
_ABNORMAL_CLOSURE: Final = 1006


class PacedSocket:
    """``receive`` and ``charge`` are for the socket's tab. Lives on the event loop."""

    def __init__(
        self,
        throttle: Throttle,
        receive: Receive,
        *,
        person: str,
        address: str,
        gone: asyncio.Event | None = None,
    ) -> None:
        """Read from ``receive``, which is ASGI's.

        Args:
            throttle: The paces of this process.
            receive: Where the messages come from.
            person: Whose socket it is; "" for an anonymous one.
            address: The client's network (``app.core.addresses.network_of``).
            gone: Set once the connection is lost; what waits then goes no further. None where nothing tells.
        """
        self._throttle = throttle
        self._receive = receive
        self._is_anonymous = not person
        self._client = person or address
        self._gone = gone
        self._lane: Lane | None = None  # of the last message
        self._ahead: asyncio.Future[Message] | None = None  # what is read while a message waits
        self._dropped = Bucket.full(DROPPED_PER_SECOND, DROPPED_AT_ONCE, throttle.monotonic())
        self._caught_up_at = float("-inf")

    async def receive(self) -> Message:
        """The next message, once it may go on."""
        while True:
            message = await self._next()
            if message["type"] != "websocket.receive":
                return message
            data = message.get("bytes") or (message.get("text") or "").encode()
            is_catch_up = wire.is_catch_up(data)
            if is_catch_up and self._is_repeated():
                continue
            self._lane = self._throttle.lane(anonymous=self._is_anonymous, size=len(data))
            if not self._lane.try_pass(self._client, len(data)):
                try:
                    await self._wait(self._lane, data)
                except ClientGone:
                    return {"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE}
            if is_catch_up:
                self._caught_up_at = self._throttle.monotonic()
            return message

    def charge(self, values: int) -> None:
        """Count JSON of the last message that cost so much to read: the client's next message waits for it."""
        if values and self._lane is not None:
            self._lane.charge(self._client, values)

    def close(self) -> None:
        """Read no more."""
        if self._ahead is not None:
            self._ahead.cancel()

    async def _next(self) -> Message:
        ahead, self._ahead = self._ahead, None
        return await (ahead if ahead is not None else self._receive())

    async def _wait(self, lane: Lane, data: bytes) -> None:
        """Wait for the pace, and drop what repeats the message meanwhile. Raises ``ClientGone``."""
        waiting = asyncio.ensure_future(lane.wait(self._client, len(data), self._gone))
        try:
            if fragment := wire.timed_fragment(data):
                await self._drop_repetitions(fragment, waiting)
            await waiting
        finally:
            waiting.cancel()

    async def _drop_repetitions(self, fragment: str, waiting: asyncio.Future[None]) -> None:
        """Read on until ``waiting`` is over, or something else comes than another request for this fragment's run."""
        while not waiting.done():
            if self._ahead is None:
                self._ahead = asyncio.ensure_future(_awaited(self._receive))
            either: set[asyncio.Future[Any]] = {waiting, self._ahead}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._ahead.done():
                following = self._ahead.result().get("bytes") or b""
                if wire.timed_fragment(following) != fragment or not self._may_drop():
                    return
                self._ahead = None

    def _is_repeated(self) -> bool:
        return self._throttle.monotonic() - self._caught_up_at < REPEATS_SECONDS and self._may_drop()

    def _may_drop(self) -> bool:
        return self._dropped.try_take(1, self._throttle.monotonic())


async def _awaited(receive: Receive) -> Message:
    """A task takes a coroutine; what a server gives may be any awaitable."""
    return await receive()
