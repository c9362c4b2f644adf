"""The sockets of the app's server: uvicorn's protocol with limits on unfinished messages.

The frames and fragments of a message count from their arrival until the app has handed the message on, per client and
in all; so do frames that cost work without a payload (pings, pongs, empty fragments). The middleware sets the limits of
a socket once its session is known (``allow``). Source: RFC 6455 §5.4, §5.5, §10.4; written for uvicorn 0.54 and
websockets 17.
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
"""How much of one socket is read in one iteration of the event loop: about a thousand of the smallest frames."""
MAX_FRAGMENTS: Final = 1024
"""Browsers send a large message in a few dozen fragments."""
FRAGMENT_BYTES: Final = 128
"""What a fragment counts in addition to its payload."""
MESSAGE_SECONDS: Final = 30.0
CONTROL_FRAMES_PER_SECOND: Final = 5.0
CONTROL_FRAMES_BURST: Final = 50.0
LINGER_SECONDS: Final = 2.0
DISCARD_BYTES: Final = 8 * 1024 * 1024
"""How much a closed socket may still send before its connection is aborted."""
SOCKET_READER: Final = "gatehouse.reading"
"""The key of the ``SocketReader`` in a socket's ``scope["extensions"]``."""

_CHECK_SECONDS: Final = 5.0
_POLICY_VIOLATION: Final = 1008
_TOO_BIG: Final = 1009
_TRY_AGAIN_LATER: Final = 1013
_BAD_HANDSHAKE: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class LimitedWebSocket(WebSocketsSansIOProtocol, asyncio.BufferedProtocol):
    """One socket."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        admission: Admission,
        buffered: BufferedMessages,
    ) -> None:
        """``admission``: counts its connection. ``buffered``: the messages that all sockets of this process buffer."""
        super().__init__(config, server_state, app_state, _loop)
        self._admission = admission
        self._buffered = buffered
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._max_bytes = admission.limits.anonymous_message_bytes
        self.conn.max_message_size = self._max_bytes
        self.gone = asyncio.Event()
        self._peer = self._client = ""
        self._unfinished = 0
        """The size of the unfinished message."""
        self._queued: deque[int] = deque()
        """The size of each complete message that waits for the app."""
        self._processed = 0
        """The size of the message that the app has, and processes until it asks for the next."""
        self._failed = False
        self._discarded = 0
        self._deadline: ReceiveDeadline | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._control = TokenBucket.full(CONTROL_FRAMES_PER_SECOND, CONTROL_FRAMES_BURST, self.loop.time())

    # What the middleware calls

    def allow(self, *, max_bytes: int, client: str) -> None:
        """See ``component.limits.admission.SocketReader``."""
        complete = self._processed + sum(self._queued)
        self._count(0)
        self._buffered.change(self._client, -complete)
        self._max_bytes, self._client = max_bytes, client
        self._buffered.change(self._client, complete)
        self.conn.max_message_size = max_bytes

    # What asyncio calls

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """The buffer of the next piece (``asyncio.BufferedProtocol``)."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Receive a piece (``asyncio.BufferedProtocol``)."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As uvicorn. The connection was counted while it was one of plain HTTP."""
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        self._client = f"address {self._peer}"

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn; its buffered messages no longer count, and those that wait for their pace are dropped."""
        self.gone.set()
        self._release_unfinished()
        self._admission.disconnect(self._peer)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """As uvicorn, when the process ends; it does not wait for a paced message."""
        self.gone.set()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        """As uvicorn, unless the socket has failed; counts the unfinished message."""
        if self._failed:
            self._discarded += len(data)
            if self._discarded > DISCARD_BYTES:
                self.transport.abort()
            return
        super().data_received(data)
        if self.handshake_initiated:
            self._count_unfinished(len(data))
        else:
            self._refuse_handshake()

    # What uvicorn calls

    def handle_connect(self, event: Request) -> None:
        """As uvicorn; gives the middleware control of the limits."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # there is none where the handshake itself is refused
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[SOCKET_READER] = self

    def handle_cont(self, event: Frame) -> None:
        """As uvicorn, within the limit of fragments."""
        super().handle_cont(event)
        if len(self.frames) > MAX_FRAGMENTS:
            self._fail(_TOO_BIG, "too many fragments")

    def send_receive_event_to_app(self) -> None:
        """As uvicorn; a complete message counts until the app asks for the one after it."""
        size = sum(map(len, self.frames))
        super().send_receive_event_to_app()
        if not self.close_sent:
            self._queued.append(size)
            self._buffered.change(self._client, size)

    async def receive(self) -> ASGIReceiveEvent:
        """As uvicorn; the app has processed the message before."""
        self._release_processed()
        message = await super().receive()
        if message["type"] == "websocket.receive":
            self._processed = self._queued.popleft()
        return message

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """As uvicorn; messages that the app did not receive are dropped."""
        super().on_task_complete(task)
        self._release_processed()
        self._buffered.change(self._client, -sum(self._queued))
        self._queued.clear()
        self.queue = asyncio.Queue()

    def handle_ping(self) -> None:
        """As uvicorn, within the limit of control frames."""
        super().handle_ping()
        self._count_control()

    def handle_pong(self, event: Frame) -> None:
        """As uvicorn, within the limit of control frames; solicited or not."""
        super().handle_pong(event)
        self._count_control()

    def handle_parser_exception(self) -> None:
        """The message is invalid or too long: close, and give the client time to read that while it still sends."""
        close = self.conn.close_sent
        self._failed = True
        self._release_unfinished()
        self.frames = []
        self.queue.put_nowait(
            {
                "type": "websocket.disconnect",
                "code": close.code if close is not None else _POLICY_VIOLATION,
                "reason": close.reason if close is not None else "",
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

    def _refuse_handshake(self) -> None:
        """``websockets`` did not accept a head that ``h11`` did, such as one with a longer line, and writes nothing."""
        self._failed = True
        self.transport.write(_BAD_HANDSHAKE)
        self.transport.close()

    def _count_unfinished(self, received: int) -> None:
        if self._failed:
            return
        size = len(self.conn.reader.buffer) + (self.conn.current_size or 0) + FRAGMENT_BYTES * len(self.frames)
        if size == 0:
            self._release_unfinished()
            return
        if self._deadline is None:
            self._deadline = ReceiveDeadline(self.loop.time(), MESSAGE_SECONDS)
            self._timer = self.loop.call_later(_CHECK_SECONDS, self._check_deadline, self._deadline)
        self._deadline.received += received
        self._count(size)
        if size > FREE_BYTES and self._buffered.is_too_much(self._client, self._max_bytes):
            self._fail(_TRY_AGAIN_LATER, "too many unfinished messages")

    def _count(self, size: int) -> None:
        if size != self._unfinished:
            self._buffered.change(self._client, size - self._unfinished)
            self._unfinished = size

    def _release_processed(self) -> None:
        self._buffered.change(self._client, -self._processed)
        self._processed = 0

    def _check_deadline(self, deadline: ReceiveDeadline) -> None:
        """Runs only for an unfinished message: the end of the message, or of the socket, cancels the timer."""
        self._timer = None
        if self.read_paused:
            deadline.since += _CHECK_SECONDS  # the server does not read
        if deadline.has_passed(self.loop.time()):
            self._fail(_POLICY_VIOLATION, "the message took too long")
        else:
            self._timer = self.loop.call_later(_CHECK_SECONDS, self._check_deadline, deadline)

    def _release_unfinished(self) -> None:
        self._count(0)
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fail(self, code: int, reason: str) -> None:
        """Close the socket: what it sent is dropped, and no more is read."""
        if self._failed or self.transport.is_closing():
            return
        self.conn.fail(code, reason)
        self.handle_parser_exception()
