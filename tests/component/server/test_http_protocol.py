"""Clients that send a head, a body or a message too slowly; on a fake clock."""

from __future__ import annotations

import asyncio
import re
import socket as sockets
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from component.limits.admission import Admission, SocketLimits
from component.server.http_protocol import BODY_SECONDS, DISCARD_BYTES, HEAD_SECONDS, LimitedHttp
from component.server.websocket_protocol import MESSAGE_SECONDS, LimitedWebSocket
from tests.component.server.protocol_harness import SOCKET, FakeTransport, Loop, connect, quiet_app, settle
from tests.nginx import SHIPPED
from tests.security.raw_http import frame


@pytest.mark.parametrize("family", [sockets.AF_INET, sockets.AF_INET6, sockets.AF_UNIX])
def test_small_segments_are_sent_at_once(loop: Loop, family: sockets.AddressFamily) -> None:
    """Streamlit's listening socket names no protocol, and then asyncio leaves Nagle's algorithm on."""
    config = Config(quiet_app, log_config=None)
    config.load()
    with sockets.socket(family, sockets.SOCK_STREAM) as accepted:
        protocol = LimitedHttp(config, ServerState(), {}, loop, admission=Admission(SocketLimits()))
        protocol.connection_made(FakeTransport(accepted))
        if family != sockets.AF_UNIX:
            assert accepted.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY)


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [((), HEAD_SECONDS), ((b"GET / HT",), HEAD_SECONDS), ((HEAD,), BODY_SECONDS), ((HEAD, b"x" * 160 * 1024), 40)],
    ids=["nothing", "a part of a head", "no body", "a part of a body"],
)
def test_a_client_that_sends_too_slowly_is_disconnected(loop: Loop, sent: tuple[bytes, ...], seconds: float) -> None:
    protocol, transport, _ = connect(loop)
    for part in sent:
        protocol.data_received(part)
    loop.forward(seconds - 1)
    assert transport.written == b""
    loop.forward(7)
    assert transport.closed
    assert transport.written.startswith(b"HTTP/1.1 408 ")


def test_a_steady_body_is_read_however_long_it_takes(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(HEAD)
    for _ in range(100):
        protocol.data_received(b"x" * 80_000)
        loop.forward(4)
    assert not transport.closed


def test_a_slow_head_is_not_a_steady_body(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    for letter in b"GET / HTTP/1.1\r\nHost: x":
        protocol.data_received(bytes([letter]))
        loop.forward(1)
    assert transport.closed


class SlowResponse:
    """An app that responds when the test allows it."""

    def __init__(self) -> None:
        self.may_respond = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        await self.may_respond.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_client_that_waits_for_its_response_has_no_deadline_until_the_next_request(loop: Loop) -> None:
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    app = SlowResponse()
    protocol, transport, _ = connect(loop, app=app)
    protocol.timeout_keep_alive = 10**6
    protocol.data_received(GET)
    loop.forward(10 * HEAD_SECONDS)
    protocol.data_received(GET)  # pipelined
    loop.forward(10 * HEAD_SECONDS)
    assert (transport.written, errors) == (b"", [])
    app.may_respond.set()
    settle(loop)
    assert transport.written.count(b"HTTP/1.1 200 ") == 2
    loop.forward(HEAD_SECONDS - 1)
    assert not transport.closed
    loop.forward(7)
    assert b"HTTP/1.1 408 " in transport.written


def test_nothing_is_written_to_a_connection_that_closes(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(HEAD)
    transport.close()
    loop.forward(BODY_SECONDS + 10)
    assert transport.written == b""


@pytest.mark.parametrize("sent", [b"GET / HT", HEAD, GET], ids=["a part of a head", "a head", "all"])
def test_a_lost_connection_is_counted_no_longer_and_has_no_deadline(loop: Loop, sent: bytes) -> None:
    protocol, transport, admission = connect(loop, app=SlowResponse())
    protocol.data_received(sent)
    loop.forward(6)  # the deadline is checked meanwhile
    assert admission.counts["peer 10.0.0.1"] == 1
    protocol.connection_lost(ConnectionResetError())
    assert admission.counts["peer 10.0.0.1"] == 0
    loop.forward(BODY_SECONDS + 10)
    assert (transport.written, transport.closed) == (b"", False)


def test_a_slow_message_ends_its_socket_and_an_idle_socket_stays_open(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(SOCKET)
    loop.run_until_complete(asyncio.sleep(0))
    assert b"101 Switching" in transport.written
    socket = transport.protocol
    assert isinstance(socket, LimitedWebSocket)
    socket.ping_interval = None
    socket.stop_keepalive()
    loop.forward(10 * MESSAGE_SECONDS)
    assert not transport.closed
    socket.data_received(frame(b"x" * 1000)[:500])
    loop.forward(MESSAGE_SECONDS - 1)
    assert not transport.closed
    loop.forward(10)
    assert transport.written.endswith(b"\x88\x1b\x03\xf0the message took too long")
    assert transport.closed


def test_connections_are_counted_until_they_are_gone_as_sockets_too(loop: Loop) -> None:
    limits = SocketLimits(sockets=100, per_address=1)
    connected = [connect(loop, limits)]
    protocol, transport, admission = connected[0]
    assert admission.counts["peer 10.0.0.1"] == 1
    protocol.data_received(SOCKET)
    loop.run_until_complete(asyncio.sleep(0))
    assert admission.counts["peer 10.0.0.1"] == 1
    assert isinstance(transport.protocol, LimitedWebSocket)
    transport.protocol.connection_lost(None)
    assert admission.counts["peer 10.0.0.1"] == 0


def test_beyond_the_limit_a_connection_gets_an_error_response(loop: Loop) -> None:
    admission = Admission(SocketLimits(sockets=1, per_address=500), monotonic=loop.time)
    config = Config(quiet_app, ws="none", log_config=None)
    config.load()
    state, wires = ServerState(), []
    for _ in range(1 + 128 + 32 + 1):
        wires.append(FakeTransport())
        LimitedHttp(config, state, {}, loop, admission=admission).connection_made(wires[-1])
    assert not wires[129].closed, "it gets its answer when it asks for something"
    assert wires[-1].closed
    assert wires[-1].written.startswith(b"HTTP/1.1 503 ")
    assert b"Too many connections are open" in wires[-1].written


def test_a_refused_upload_is_read_whatever_length_the_shipped_proxy_lets_through() -> None:
    lengths = re.findall(r"client_max_body_size (\d+)m;", SHIPPED.read_text(encoding="utf-8"))
    assert max(map(int, lengths)) * 1024 * 1024 < DISCARD_BYTES
