"""Clients that send a head, a body or a message in drips: by a clock that the test owns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from component.admission import Admission, SocketLimits
from component.http_protocol import BODY_SECONDS, HEAD_SECONDS, LimitedHttp
from component.websocket_protocol import MESSAGE_SECONDS, LimitedWebSocket, Unfinished
from tests.security.test_bounded_input import frame


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time goes on only when it is told to."""

    now = 1000.0

    def time(self) -> float:
        """As the test has it."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Let so much time pass, and do what is due by then."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1)
            self.run_until_complete(asyncio.sleep(0))
        self.run_until_complete(asyncio.sleep(0))


class Wire(asyncio.Transport):
    """A connection whose other end is the test."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("10.0.0.1", 5) if name == "peername" else default

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """An app that reads what there is, and accepts sockets."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    for task in asyncio.all_tasks(made):
        task.cancel()
    made.run_until_complete(asyncio.sleep(0))
    made.close()


def connect(loop: Loop, limits: SocketLimits | None = None) -> tuple[LimitedHttp, Wire, Admission]:
    admission = Admission(limits or SocketLimits(), monotonic=loop.time)
    unfinished = Unfinished(admission.limits.message_bytes)

    def websocket(**given: Any) -> LimitedWebSocket:
        return LimitedWebSocket(**given, _loop=loop, admission=admission, unfinished=unfinished)

    config = Config(silent, ws="none", log_config=None)
    config.load()
    config.ws_protocol_class = websocket  # type: ignore[assignment] # called as the class would be
    protocol, wire = LimitedHttp(config, ServerState(), {}, loop, admission=admission), Wire()
    protocol.connection_made(wire)
    return protocol, wire, admission


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [((), HEAD_SECONDS), ((b"GET / HT",), HEAD_SECONDS), ((HEAD,), BODY_SECONDS), ((HEAD, b"x" * 160 * 1024), 40)],
    ids=["nothing", "a part of a head", "no body", "a part of a body"],
)
def test_a_client_that_sends_too_slowly_is_cut_off(loop: Loop, sent: tuple[bytes, ...], seconds: float) -> None:
    protocol, wire, _ = connect(loop)
    for part in sent:
        protocol.data_received(part)
    loop.forward(seconds - 1)
    assert wire.written == b""
    loop.forward(7)
    assert wire.closed
    assert wire.written.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_keeps_coming_is_read_however_long_it_takes(loop: Loop) -> None:
    protocol, wire, _ = connect(loop)
    protocol.data_received(HEAD)
    for _ in range(100):
        protocol.data_received(b"x" * 80_000)
        loop.forward(4)
    assert not wire.closed


def test_a_head_in_drips_is_no_body_that_keeps_coming(loop: Loop) -> None:
    protocol, wire, _ = connect(loop)
    for letter in b"GET / HTTP/1.1\r\nHost: x":
        protocol.data_received(bytes([letter]))
        loop.forward(1)
    assert wire.closed


SOCKET = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def test_a_message_in_drips_ends_its_socket_and_an_idle_socket_stays(loop: Loop) -> None:
    protocol, wire, _ = connect(loop)
    protocol.data_received(SOCKET)
    loop.run_until_complete(asyncio.sleep(0))
    assert b"101 Switching" in wire.written
    socket = wire.protocol
    assert isinstance(socket, LimitedWebSocket)
    socket.ping_interval = None
    socket.stop_keepalive()
    loop.forward(10 * MESSAGE_SECONDS)
    assert not wire.closed
    socket.data_received(frame(b"x" * 1000)[:500])
    loop.forward(MESSAGE_SECONDS - 1)
    assert not wire.closed
    loop.forward(10)
    assert wire.written.endswith(b"\x88\x14\x03\xf0that took too long")
    assert wire.closed


@pytest.mark.parametrize("end", ["connection_lost", "shutdown"])
def test_what_waits_for_a_socket_is_told_that_it_is_gone(loop: Loop, end: str) -> None:
    protocol, wire, _ = connect(loop)
    protocol.data_received(SOCKET)
    loop.run_until_complete(asyncio.sleep(0))
    socket = wire.protocol
    assert isinstance(socket, LimitedWebSocket)
    assert not socket.gone.is_set()
    if end == "shutdown":
        socket.shutdown()
    else:
        socket.connection_lost(None)
    assert socket.gone.is_set()


def test_connections_are_counted_until_they_are_gone_as_sockets_too(loop: Loop) -> None:
    limits = SocketLimits(sockets=100, per_address=1)
    made = [connect(loop, limits)]
    protocol, wire, admission = made[0]
    assert admission.counts["peer 10.0.0.1"] == 1
    protocol.data_received(SOCKET)
    loop.run_until_complete(asyncio.sleep(0))
    assert admission.counts["peer 10.0.0.1"] == 1
    assert isinstance(wire.protocol, LimitedWebSocket)
    wire.protocol.connection_lost(None)
    assert admission.counts["peer 10.0.0.1"] == 0


def test_beyond_the_limit_a_connection_is_answered_in_words(loop: Loop) -> None:
    admission = Admission(SocketLimits(sockets=1, per_address=500), monotonic=loop.time)
    config = Config(silent, ws="none", log_config=None)
    config.load()
    state, wires = ServerState(), []
    for _ in range(1 + 128 + 32 + 1):
        wires.append(Wire())
        LimitedHttp(config, state, {}, loop, admission=admission).connection_made(wires[-1])
    assert not wires[129].closed, "it gets its answer when it asks for something"
    assert wires[-1].closed
    assert wires[-1].written.startswith(b"HTTP/1.1 503 ")
    assert b"All places are taken" in wires[-1].written
