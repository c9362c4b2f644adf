"""The app's sockets, with limits that come before the work: uvicorn's protocol, bounded while a message is unfinished.

Counted is what arrives, in the frames and fragments of a message, until the app has handed the whole message on, per
client and in all; and frames that cost work but carry nothing (pings, pongs, empty fragments). The guard says how much
a socket may send once it knows whose it is (``allow``). Source: RFC 6455 §5.4, §5.5, §10.4; written for uvicorn 0.54
and websockets 17.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request

from component.limits.admission import Admission
from component.limits.buffered_messages import FREE_BYTES, BufferedMessages
from component.limits.receive_deadline import ReceiveDeadline
from component.limits.token_bucket import TokenBucket

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent

READ_BYTES: Final = 8 * 1024
"""How much of one socket is looked at in one turn of the event loop: about a thousand of the smallest frames."""
MAX_FRAGMENTS: Final = 1024
"""Browsers send a large message in some dozens at most."""
FRAGMENT_BYTES: Final = 128
"""What a fragment weighs beside what it carries."""
MESSAGE_SECONDS: Final = 30.0
CONTROL_FRAMES_PER_SECOND: Final = 5.0
CONTROL_FRAMES_BURST: Final = 50.0
LINGER_SECONDS: Final = 2.0
DISCARD_BYTES: Final = 8 * 1024 * 1024
"""What a socket that was closed may go on sending before it is cut off."""
SOCKET_READER: Final = "gatehouse.reading"
"""Where, in a socket's ``scope["extensions"]``, the guard finds what it steers: a ``SocketReader``."""

_CHECK_SECONDS: Final = 5.0
_POLICY_VIOLATION: Final = 1008
_TOO_BIG: Final = 1009
_TRY_AGAIN_LATER: Final = 1013


class LimitedWebSocket(WebSocketsSansIOProtocol, asyncio.BufferedProtocol):
    """One socket. ``admission``: counts its connection; ``unfinished``: what the sockets of this process hold."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        admission: Admission,
        unfinished: BufferedMessages,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._admission = admission
        self._unfinished = unfinished
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._max_bytes = admission.limits.anonymous_message_bytes
        self.conn.max_message_size = self._max_bytes
        self.gone = asyncio.Event()
        self._peer = self._who = ""
        self._held = 0
        """Of the message that is not whole yet."""
        self._queued: deque[int] = deque()
        """How long each whole message is that waits for the app."""
        self._handed = 0
        """How long the message is that the app got, and is not done with until it asks for the next."""
        self._failed = False
        self._discarded = 0
        self._pace: ReceiveDeadline | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._control = TokenBucket.full(CONTROL_FRAMES_PER_SECOND, CONTROL_FRAMES_BURST, self.loop.time())

    # What the guard calls

    def allow(self, *, max_bytes: int, who: str) -> None:
        """See ``component.limits.admission.SocketReader``."""
        whole = self._handed + sum(self._queued)
        self._hold(0)
        self._unfinished.change(self._who, -whole)
        self._max_bytes, self._who = max_bytes, who
        self._unfinished.change(self._who, whole)
        self.conn.max_message_size = max_bytes

    # What asyncio calls

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next piece goes (``asyncio.BufferedProtocol``)."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """A piece has come (``asyncio.BufferedProtocol``)."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As uvicorn. The connection was counted when it was one of plain HTTP."""
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        self._who = f"address {self._peer}"

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn; what it held is held no more, and what waits for its pace goes no further."""
        self.gone.set()
        self._let_go()
        self._admission.disconnect(self._peer)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """As uvicorn, when the process ends; it does not wait for the pace of a client."""
        self.gone.set()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        """As uvicorn, unless the socket has failed; then what is not a whole message is counted."""
        if self._failed:
            self._discarded += len(data)
            if self._discarded > DISCARD_BYTES:
                self.transport.abort()
            return
        super().data_received(data)
        if self.handshake_initiated and self.conn.parser_exc is None:
            self._count_unfinished(len(data))
        else:
            self._let_go()

    # What uvicorn calls

    def handle_connect(self, event: Request) -> None:
        """As uvicorn; the guard gets to steer what is read."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # there is none where the handshake itself is refused
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[SOCKET_READER] = self

    def handle_cont(self, event: Frame) -> None:
        """A fragment: not any number of them."""
        super().handle_cont(event)
        if len(self.frames) > MAX_FRAGMENTS:
            self._fail(_TOO_BIG, "too many fragments")

    def send_receive_event_to_app(self) -> None:
        """A message is whole, and counts until the app asks for the one after it."""
        size = sum(map(len, self.frames))
        super().send_receive_event_to_app()
        if not self.close_sent:
            self._queued.append(size)
            self._unfinished.change(self._who, size)

    async def receive(self) -> ASGIReceiveEvent:
        """As uvicorn; the app is done with the message that it got before."""
        self._forget_handed()
        message = await super().receive()
        if message["type"] == "websocket.receive":
            self._handed = self._queued.popleft()
        return message

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """As uvicorn; what the app did not ask for is dropped."""
        super().on_task_complete(task)
        self._forget_handed()
        self._unfinished.change(self._who, -sum(self._queued))
        self._queued.clear()
        self.queue = asyncio.Queue()

    def handle_ping(self) -> None:
        """A ping is answered, as long as there are not too many."""
        super().handle_ping()
        self._count_control()

    def handle_pong(self, event: Frame) -> None:
        """The same for a pong, asked for or not."""
        super().handle_pong(event)
        self._count_control()

    def handle_parser_exception(self) -> None:
        """What came is no message, or too long: say so, and give the client time to read it while it still sends."""
        closed = self.conn.close_sent
        self._failed = True
        self._let_go()
        self.frames = []
        self.queue.put_nowait(
            {
                "type": "websocket.disconnect",
                "code": closed.code if closed is not None else _POLICY_VIOLATION,
                "reason": closed.reason if closed is not None else "",
            }
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    # Limits

    def _count_control(self) -> None:
        if not self._control.try_take(1, self.loop.time()):
            self._fail(_POLICY_VIOLATION, "too many control frames")

    def _count_unfinished(self, received: int) -> None:
        if self._failed:
            return
        size = len(self.conn.reader.buffer) + (self.conn.current_size or 0) + FRAGMENT_BYTES * len(self.frames)
        if size == 0:
            self._let_go()
            return
        if self._pace is None:
            self._pace = ReceiveDeadline(self.loop.time(), MESSAGE_SECONDS)
            self._timer = self.loop.call_later(_CHECK_SECONDS, self._check_pace)
        self._pace.received += received
        self._hold(size)
        if size > FREE_BYTES and self._unfinished.is_too_much(self._who, self._max_bytes):
            self._fail(_TRY_AGAIN_LATER, "too much is under way")

    def _hold(self, size: int) -> None:
        if size != self._held:
            self._unfinished.change(self._who, size - self._held)
            self._held = size

    def _forget_handed(self) -> None:
        self._unfinished.change(self._who, -self._handed)
        self._handed = 0

    def _check_pace(self) -> None:
        self._timer = None
        if self._pace is None or self._failed:
            return
        if self.read_paused:
            self._pace.since += _CHECK_SECONDS  # it is we who do not read
        if self._pace.is_too_slow(self.loop.time()):
            self._fail(_POLICY_VIOLATION, "that took too long")
        else:
            self._timer = self.loop.call_later(_CHECK_SECONDS, self._check_pace)

    def _let_go(self) -> None:
        self._hold(0)
        self._pace = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fail(self, code: int, reason: str) -> None:
        """End the socket: what it sent is dropped, and nothing more is read."""
        if self._failed or self.transport.is_closing():
            return
        self.conn.fail(code, reason)
        self.handle_parser_exception()
