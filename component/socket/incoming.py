"""The messages that Streamlit receives from one socket: those that the middleware injects, and the browser's."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from starlette.types import Message, Receive

from component.limits.paced_socket import awaited
from component.protocol.back_message import BackMessage


class Incoming:
    """What comes from one browser, and what the middleware sends in its place."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._injected: deque[Message | BackMessage] = deque()
        self._wake_event = asyncio.Event()
        self._receiving: asyncio.Task[Message] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a message has arrived or was injected that Streamlit has not received yet."""
        return (self._receiving is not None and self._receiving.done()) or bool(self._injected)

    def inject(self, message: Message | BackMessage) -> None:
        """Send Streamlit a message after those that were injected before."""
        self._injected.append(message)
        self._wake_event.set()

    def inject_first(self, messages: Iterable[Message]) -> None:
        """Send Streamlit these messages, in this order, before all that were injected; it is about to ask for one."""
        self._injected.extendleft(reversed([*messages]))

    def drop_injected(self) -> None:
        """Drop what was injected and not received yet."""
        self._injected.clear()

    def next_injected(self) -> Message | BackMessage | None:
        """The next injected message; None when there is none."""
        return self._injected.popleft() if self._injected else None

    async def next_from_browser(self) -> Message | None:
        """Wait for the next message of the browser; None when a message was injected first."""
        if self._receiving is None:
            self._receiving = asyncio.ensure_future(awaited(self._receive))
            self._receiving.add_done_callback(self._wake)
        if not self._receiving.done():
            self._wake_event.clear()
            await self._wake_event.wait()
            return None
        received, self._receiving = self._receiving, None
        return received.result()

    def close(self) -> None:
        """Receive no more."""
        if self._receiving is not None:
            self._receiving.cancel()

    def _wake(self, _: object) -> None:
        self._wake_event.set()


def to_streamlit(data: bytes) -> Message:
    """An encoded message as Streamlit receives it (ASGI)."""
    return {"type": "websocket.receive", "bytes": data}
