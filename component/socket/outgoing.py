"""The messages that one browser receives: in order, and none once the connection is closed.

Nothing here waits for a browser that does not read: the middleware's own messages go out in tasks of their own, for two
seconds at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from typing import Final

from starlette.types import Message, Send

CLOSE_TIMEOUT_SECONDS: Final = 2.0


class ConnectionState(Enum):
    """The state of a connection to a browser."""

    CONNECTING = "connecting"  # the handshake is not answered yet
    OPEN = "open"
    CLOSED = "closed"  # for Streamlit at once; a last message to the browser may be on its way


class Outgoing:
    """What one browser receives."""

    def __init__(
        self, send: Send, send_accepted: Send | None, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """``send_accepted``: replaces ``send`` once the socket is accepted, which only matters up to then."""
        self.state = ConnectionState.CONNECTING
        self.goodbye: asyncio.Task[None] | None = None
        """The last message, on its way."""
        self._send = send
        self._send_accepted = send_accepted if send_accepted is not None else send
        self._sleep = sleep
        self._lock = asyncio.Lock()
        self._pushing: asyncio.Task[None] | None = None

    def is_open(self) -> bool:
        """Whether messages go to the browser."""
        return self.state is ConnectionState.OPEN

    @property
    def is_closed(self) -> bool:
        """Whether no more messages go to the browser, but the last one."""
        return self.state is ConnectionState.CLOSED

    async def send(self, message: Message, *, unless: Callable[[], bool]) -> None:
        """Pass on a message of Streamlit's, unless ``unless`` returns true when its turn has come."""
        async with self._lock:
            if not self.is_closed and not unless():
                await self._send(message)
        if self.state is ConnectionState.CONNECTING and message["type"] == "websocket.accept":
            self.state, self._send = ConnectionState.OPEN, self._send_accepted

    def push(self, data: bytes) -> None:
        """Send a message of the middleware's own without waiting for the browser to read it."""
        self._pushing = asyncio.ensure_future(self._send_own(data, self._pushing))

    def close_with(self, last_message: bytes | None, code: int, *, after_seconds: float) -> None:
        """Send nothing but a last message, if the browser reads it, and close."""
        self.state = ConnectionState.CLOSED
        self.goodbye = asyncio.ensure_future(self._send_last(last_message, code, after_seconds))

    async def close(self) -> None:
        """The socket is gone; wait for a last message that is on its way."""
        self.state = ConnectionState.CLOSED
        if self._pushing is not None:
            self._pushing.cancel()
        if self.goodbye is not None:
            await self.goodbye

    async def _send_own(self, data: bytes, before: asyncio.Task[None] | None) -> None:
        with suppress(Exception):  # as in `_send_last`
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                if before is not None:
                    await before
                async with self._lock:
                    if not self.is_closed:
                        await self._send({"type": "websocket.send", "bytes": data})

    async def _send_last(self, last_message: bytes | None, code: int, after_seconds: float) -> None:
        await self._sleep(after_seconds)
        with suppress(Exception):  # the browser may be gone, or read no more
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS), self._lock:
                if last_message is not None:
                    await self._send({"type": "websocket.send", "bytes": last_message})
                await self._send({"type": "websocket.close", "code": code})
