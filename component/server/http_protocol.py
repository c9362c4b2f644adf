"""HTTP/1.1 of the app's server: uvicorn's protocol with limits, and a stricter ``h11``.

Refused before the app runs: a body of undeclared length, ``Content-Length`` with ``Transfer-Encoding`` (RFC 9112 §6.3),
too many or too long headers, and clients that send a head or a body too slowly. A connection is read in small pieces,
so that none blocks the event loop. Sources: RFC 9110, RFC 9112; written for uvicorn 0.54 and h11 0.16.
"""

from __future__ import annotations

import asyncio
import re
import socket
from http import HTTPStatus
from typing import Any, Final

import h11
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from component.limits.admission import Admission
from component.limits.receive_deadline import ReceiveDeadline

READ_BYTES: Final = 16 * 1024
"""How much of one connection is read in one iteration of the event loop."""
MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 100
MAX_TARGET_BYTES: Final = 20 * 1024
"""A callback's query may have 16 KiB."""
HEAD_SECONDS: Final = 15.0
BODY_SECONDS: Final = 30.0
DISCARD_BYTES: Final = 24 * 1024 * 1024
"""How much of a body is still read after the response, so that the client receives the response.

It is more than the longest upload that ``deploy/nginx.conf`` lets through. A proxy that sends an upload to a process
without its tab has to receive the 404 to try the next process; a closed connection would count as a failed process.
"""
_CHECK_SECONDS: Final = 5.0
_HARD_EXTRA: Final = 32
"""Connections beyond the limit that still get an error response at their first request; others get it at once."""
_HEAD_ENDS: Final = re.compile(rb"\n\r?\n")
TOO_MANY_CONNECTIONS: Final = "Too many connections are open. Try again in a moment.\n"


class StrictConnection(h11.Connection):
    """``h11`` that refuses requests which two servers could parse differently, or whose head is costly."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD_BYTES)
        self.refusal: tuple[int, str] | None = None
        self._lines = self._bytes = 0
        self._before = b""

    def receive_data(self, data: bytes) -> None:
        """As ``h11``; counts the lines of a head as they arrive, before they are parsed."""
        if data and self.their_state is h11.IDLE:
            window = self._before + data
            end = _HEAD_ENDS.search(window)
            stop = end.end() if end is not None else len(window)
            self._lines += window.count(b"\n", len(self._before), stop)
            self._bytes += max(0, stop - len(self._before))
            self._before = b"" if end is not None else window[-2:]
        super().receive_data(data)

    def next_event(self) -> Any:
        """As ``h11``; the reason of a refusal is in ``refusal``.

        Raises:
            RemoteProtocolError: The request is refused.
        """
        if self.their_state is h11.IDLE and (self._lines > MAX_HEADERS + 2 or self._bytes > MAX_HEAD_BYTES):
            self._refuse(431, "The headers are too many or too long.")
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._lines, self._bytes, self._before = 0, 0, b""
            self._check(event)
        return event

    def _check(self, request: h11.Request) -> None:
        names = [name for name, _ in request.headers]
        if b"transfer-encoding" in names:
            if b"content-length" in names:
                self._refuse(400, "Content-Length and Transfer-Encoding exclude each other.")
            self._refuse(411, "Content-Length is required.")
        if len(names) > MAX_HEADERS:
            self._refuse(431, "The headers are too many or too long.")
        if len(request.target) > MAX_TARGET_BYTES:
            self._refuse(414, "The address is too long.")

    def _refuse(self, status: int, text: str) -> None:
        self.refusal = (status, text)
        raise h11.RemoteProtocolError(text, error_status_hint=status)


class LimitedHttp(H11Protocol, asyncio.BufferedProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        admission: Admission,
    ) -> None:
        """``admission``: counts the connection."""
        super().__init__(config, server_state, app_state, _loop)
        self.conn: StrictConnection = StrictConnection()
        self._admission = admission
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._peer = ""
        self._is_upgraded = False
        self._state: object = None
        self._deadline: ReceiveDeadline | None = None
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """The buffer of the next piece (``asyncio.BufferedProtocol``)."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Receive a piece (``asyncio.BufferedProtocol``)."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Count the connection; beyond the limit it gets an error response, far beyond it at once."""
        super().connection_made(transport)
        _set_no_delay(transport)
        self._peer = self.client[0] if self.client else ""
        if not self._admission.connect(self._peer, len(self.connections)):
            self.app = _respond_too_many
            if len(self.connections) > self._admission.limits.connections + _HARD_EXTRA:
                self._respond(503, TOO_MANY_CONNECTIONS)
                return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn."""
        self._unwatch()
        self._admission.disconnect(self._peer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn, unless the connection is closing."""
        if self.transport.is_closing():
            return
        if self._deadline is not None:
            self._deadline.received += len(data)
        super().data_received(data)
        self._watch()

    # What uvicorn calls

    def send_400_response(self, msg: str) -> None:
        """Respond to a request that could not be parsed or is refused, and close."""
        status, text = self.conn.refusal or (400, msg)
        self._respond(status, f"{text}\n")

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection to the protocol of sockets, which stops counting it."""
        self._unwatch()
        self._is_upgraded = True
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """As uvicorn; of a body that continues after the response little more is read."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._watch()

    # Deadlines

    def _watch(self) -> None:
        """Start the deadline of what the client must send next: a head, a body, or nothing."""
        if self._is_upgraded:
            return
        state = self.conn.their_state
        cycle: RequestResponseCycle | None = self.cycle
        is_answered = state is h11.SEND_BODY and cycle is not None and cycle.response_complete
        if (state, is_answered) != self._state:
            self._state = (state, is_answered)
            seconds = {h11.IDLE: HEAD_SECONDS, h11.SEND_BODY: BODY_SECONDS}.get(state)
            self._deadline = ReceiveDeadline(self.loop.time(), seconds) if seconds is not None else None
        if is_answered and self._deadline is not None and self._deadline.received > DISCARD_BYTES:
            self.transport.abort()
        elif self._deadline is not None and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(_CHECK_SECONDS, self._check_deadline)

    def _check_deadline(self) -> None:
        self._timer = None
        if self.transport.is_closing() or self._deadline is None:
            return
        cycle: RequestResponseCycle | None = self.cycle
        if not self._deadline.has_passed(self.loop.time()):
            self._timer = self.loop.call_later(_CHECK_SECONDS, self._check_deadline)
        elif cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.abort()
        else:
            self._respond(408, "The request took too long.\n")

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _respond(self, status: int, text: str) -> None:
        """Respond without the app, and close."""
        phrase = HTTPStatus(status).phrase
        head = (
            f"HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
            f"{'Retry-After: 5' + chr(13) + chr(10) if status == HTTPStatus.SERVICE_UNAVAILABLE else ''}\r\n"
        )
        self.transport.write(f"{head}{text}".encode("ascii"))
        self.transport.close()


def _set_no_delay(transport: asyncio.BaseTransport) -> None:
    """Disable Nagle's algorithm, as asyncio does for sockets with a named protocol (Streamlit 1.67 names none).

    A client with delayed acknowledgements would wait 40 ms for the second half of each rerun.
    """
    accepted = transport.get_extra_info("socket")
    if accepted is not None and accepted.family in {socket.AF_INET, socket.AF_INET6}:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _respond_too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of a connection beyond the limit; sockets have limits of their own."""
    headers = {"Retry-After": "5", "Connection": "close", "Cache-Control": "no-store"}
    await PlainTextResponse(TOO_MANY_CONNECTIONS, 503, headers)(scope, receive, send)
