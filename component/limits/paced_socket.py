"""The messages of one socket, at the pace of its client (``component.limits.throttle``).

Requests that a browser repeats by itself are merged while they wait: of the runs of a fragment with a timer, or of a
page whose session is gone, one waits for each socket, and further ones are dropped, as Streamlit merges pending runs.
Otherwise a timer that exceeds the pace would lag more and more, and a browser that reconnects would use up the pace of
all tabs of its person.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from starlette.types import Message, Receive

from app.core.client_addresses import network_of
from component.limits.paced_queue import ClientGone
from component.limits.throttle import Throttle, TrafficClass
from component.protocol import back_message

REPEATS_SECONDS: Final = 10.0
"""A requested rerun (``forward_message.request_rerun``) within this time after another one is a repetition."""
MAX_AHEAD: Final = 16
MAX_AHEAD_BYTES: Final = 64 * 1024
"""How many runs of different fragments are read ahead, and their size together."""
_IPV6_BITS: Final = 48
_ABNORMAL_CLOSURE: Final = 1006


class PacedSocket:
    """One socket; its tab calls ``receive`` and ``charge``. Lives on the event loop."""

    def __init__(
        self,
        throttle: Throttle,
        receive: Receive,
        *,
        person: str,
        address: str,
        gone: asyncio.Event | None = None,
    ) -> None:
        """Pace ``receive``.

        Args:
            throttle: The paces of this process.
            receive: ASGI.
            person: The person of the socket; "" for an anonymous one.
            address: The address of the client. Anonymous clients of one IPv6 /48 share a pace.
            gone: Set once the connection is lost; waiting messages are dropped. None where it is unknown.
        """
        self._throttle = throttle
        self._receive = receive
        self._person = person
        self._client = person or network_of(address, ipv6_bits=_IPV6_BITS)
        self._gone = gone
        self._traffic_class: TrafficClass | None = None  # of the last message
        self._reading: asyncio.Future[Message] | None = None  # while a message waits
        self._ahead: deque[Message] = deque()  # what was read meanwhile
        self._requested_rerun_at = float("-inf")

    async def receive(self) -> Message:
        """The next message, once it may pass."""
        while True:
            message = await self._next()
            if message["type"] != "websocket.receive":
                return message
            data = _data(message)
            is_requested_rerun = back_message.is_requested_rerun(data)
            if is_requested_rerun and self._is_repeated():
                continue
            self._traffic_class = self._throttle.traffic_class(anonymous=not self._person, size=len(data))
            if not self._traffic_class.try_pass(self._client, len(data)):
                try:
                    await self._wait(self._traffic_class, data)
                except ClientGone:
                    return {"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE}
            if is_requested_rerun:
                self._requested_rerun_at = self._throttle.monotonic()
            return message

    def charge(self, values: int) -> None:
        """Count the cost of parsing the last message, which delays the client's next one."""
        if values and self._traffic_class is not None:
            self._traffic_class.charge(self._client, values)

    def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()

    async def _next(self) -> Message:
        if self._ahead:
            return self._ahead.popleft()
        reading, self._reading = self._reading, None
        return await (reading if reading is not None else self._receive())

    async def _wait(self, traffic_class: TrafficClass, data: bytes) -> None:
        """Wait for the pace, and merge repetitions of the message meanwhile. Raises ``ClientGone``."""
        waiting = asyncio.ensure_future(traffic_class.wait(self._client, len(data), self._gone))
        try:
            if fragment := back_message.repeated_fragment(data):
                await self._read_ahead(fragment, waiting)
            await waiting
        finally:
            waiting.cancel()

    async def _read_ahead(self, fragment: str, waiting: asyncio.Future[None]) -> None:
        """Until ``waiting`` is done, read on while the browser repeats requests by itself; each fragment waits once."""
        fragments = [fragment, *(back_message.repeated_fragment(_data(message)) for message in self._ahead)]
        while all(fragments) and not waiting.done() and self._has_room():
            if self._reading is None:
                self._reading = asyncio.ensure_future(awaited(self._receive))
            futures: set[asyncio.Future[Any]] = {waiting, self._reading}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if self._reading.done():
                following, self._reading = self._reading.result(), None
                fragment = back_message.repeated_fragment(_data(following))
                if not (fragment in fragments and self._throttle.may_drop(self._person)):
                    self._ahead.append(following)
                    fragments.append(fragment)

    def _has_room(self) -> bool:
        return len(self._ahead) < MAX_AHEAD and sum(len(_data(message)) for message in self._ahead) < MAX_AHEAD_BYTES

    def _is_repeated(self) -> bool:
        since = self._throttle.monotonic() - self._requested_rerun_at
        return since < REPEATS_SECONDS and self._throttle.may_drop(self._person)


def _data(message: Message) -> bytes:
    return message.get("bytes") or (message.get("text") or "").encode()


async def awaited(receive: Receive) -> Message:
    """A coroutine for ``receive``, which may return any awaitable."""
    return await receive()
