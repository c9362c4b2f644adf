"""The way from a tab to its browser: one message after the other, and silent once the tab is over.

Nothing waits here for a browser that does not read: words of ours go in tasks of their own, for two seconds at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.types import Message, Send

GOODBYE_SECONDS: Final = 2.0


class Outgoing:
    """What goes to one browser."""

    def __init__(self, send: Send, accepted: Send | None) -> None:
        """``accepted``: what sends once the socket is accepted, where ``send`` does more only up to then."""
        self.is_accepted = self.is_over = False
        self.goodbye: asyncio.Task[None] | None = None
        """The last word, on its way."""
        self._send = send
        self._send_accepted = accepted if accepted is not None else send
        self._sending = asyncio.Lock()
        self._telling: asyncio.Task[None] | None = None

    def is_live(self) -> bool:
        """Whether messages go to the browser."""
        return self.is_accepted and not self.is_over

    async def send(self, message: Message, *, unless: Callable[[], bool]) -> None:
        """Pass on a message of Streamlit's; not where ``unless`` says so when its turn has come."""
        async with self._sending:
            if not self.is_over and not unless():
                await self._send(message)
        if not self.is_accepted and message["type"] == "websocket.accept":
            self.is_accepted, self._send = True, self._send_accepted

    def tell(self, word: bytes) -> None:
        """Send something of ours; who does not read it holds up nobody."""
        self._telling = asyncio.ensure_future(self._say_one(word, self._telling))

    def leave(self, last_word: bytes | None, code: int, *, after_seconds: float) -> None:
        """Send nothing more but a last word, if the browser listens, and close."""
        self.is_over = True
        self.goodbye = asyncio.ensure_future(self._say(last_word, code, after_seconds))

    async def close(self) -> None:
        """The socket is gone; a last word may still be on its way, and is waited for."""
        self.is_over = True
        if self._telling is not None:
            self._telling.cancel()
        if self.goodbye is not None:
            await self.goodbye

    async def _say_one(self, word: bytes, before: asyncio.Task[None] | None) -> None:
        with suppress(Exception):  # as in `_say`
            async with asyncio.timeout(GOODBYE_SECONDS):
                if before is not None:
                    await before
                async with self._sending:
                    if not self.is_over:
                        await self._send({"type": "websocket.send", "bytes": word})

    async def _say(self, last_word: bytes | None, code: int, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        with suppress(Exception):  # the browser may be gone, or read no more: then nobody is there to be told
            async with asyncio.timeout(GOODBYE_SECONDS), self._sending:
                if last_word is not None:
                    await self._send({"type": "websocket.send", "bytes": last_word})
                await self._send({"type": "websocket.close", "code": code})
