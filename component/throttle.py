"""How fast the messages of a socket are taken: by message and by byte, per person (or anonymous address), and in all.

Nothing is thrown away. A message that comes too soon waits, nothing further is read from its socket meanwhile, and TCP
makes its sender wait. So the work that a client can cause is bounded, whatever it sends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import Message, Receive

from component.admission import SocketLimits
from component.budgets import Bucket, Buckets

BURST_SECONDS: Final = 10.0
"""A client that was quiet may send what this long allows at once."""
ANONYMOUS_SHARE: Final = 0.25
"""Of what a signed-in person may send each second, in bytes, an anonymous address may send this."""
ANONYMOUS_IN_ALL: Final = 4
"""All anonymous clients together may send as much as this many of their addresses."""


class Throttle:
    """The budgets of this process. Lives on the event loop."""

    def __init__(
        self,
        limits: SocketLimits,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        messages, size = limits.messages_per_second, limits.bytes_per_second
        less = size * ANONYMOUS_SHARE
        self._monotonic = monotonic
        self._sleep = sleep
        self._messages = Buckets(messages, messages * BURST_SECONDS)
        self._bytes = Buckets(size, max(size * BURST_SECONDS, 2.0 * limits.message_bytes))
        self._anonymous_bytes = Buckets(less, max(less * BURST_SECONDS, 2.0 * limits.anonymous_message_bytes))
        now, many = monotonic(), ANONYMOUS_IN_ALL
        self._all_messages = Bucket.full(messages * many, messages * BURST_SECONDS * many, now)
        self._all_bytes = Bucket.full(less * many, less * BURST_SECONDS * many, now)

    def wait_seconds(self, size: int, *, person: str, address: str) -> float:
        """Count a message of ``size`` bytes; returns how long it must wait. ``person``: "" for an anonymous one."""
        now = self._monotonic()
        if person:
            return max(
                self._messages.of(f"person {person}", now).take(1, now),
                self._bytes.of(f"person {person}", now).take(size, now),
            )
        return max(
            self._messages.of(f"address {address}", now).take(1, now),
            self._anonymous_bytes.of(address, now).take(size, now),
            self._all_messages.take(1, now),
            self._all_bytes.take(size, now),
        )

    def of(self, receive: Receive, *, person: str, address: str) -> Receive:
        """``receive`` of a socket, no faster than its client may send."""

        async def throttled() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                size = len(message.get("bytes") or message.get("text") or b"")
                seconds = self.wait_seconds(size, person=person, address=address)
                if seconds > 0:
                    await self._sleep(seconds)
            return message

        return throttled
