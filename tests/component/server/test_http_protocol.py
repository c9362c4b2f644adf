"""Clients that send a head, a body or a message too slowly; on a fake clock."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import Iterator
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from component.limits.admission import Admission, SocketLimits
from component.limits.buffered_messages import BufferedMessages
from component.server.http_protocol import BODY_SECONDS, HEAD_SECONDS, LimitedHttp
from component.server.websocket_protocol import MESSAGE_SECONDS, READ_BYTES, SOCKET_READER, LimitedWebSocket
from tests.security.test_bounded_input import MB, frame


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time moves only when the test moves it."""

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


class FakeTransport(asyncio.Transport):
    """A connection whose other end is the test."""

    def __init__(self, accepted: sockets.socket | None = None) -> None:
        super().__init__()
        self.accepted = accepted
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("10.0.0.1", 5), "socket": self.accepted}.get(name, default)

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


async def quiet_app(scope: Any, receive: Any, send: Any) -> None:
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


def connect(
    loop: Loop, limits: SocketLimits | None = None, *, app: Any = quiet_app, buffered: BufferedMessages | None = None
) -> tuple[LimitedHttp, FakeTransport, Admission]:
    admission = Admission(limits or SocketLimits(), monotonic=loop.time)
    buffered = buffered or BufferedMessages(admission.limits.message_bytes)

    def websocket(**options: Any) -> LimitedWebSocket:
        return LimitedWebSocket(**options, _loop=loop, admission=admission, buffered=buffered)

    config = Config(app, ws="none", log_config=None)
    config.load()
    config.ws_protocol_class = websocket  # type: ignore[assignment] # called as the class would be
    protocol, transport = LimitedHttp(config, ServerState(), {}, loop, admission=admission), FakeTransport()
    protocol.connection_made(transport)
    return protocol, transport, admission


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


def test_a_body_that_keeps_coming_is_read_however_long_it_takes(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(HEAD)
    for _ in range(100):
        protocol.data_received(b"x" * 80_000)
        loop.forward(4)
    assert not transport.closed


def test_a_head_in_drips_is_no_body_that_keeps_coming(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    for letter in b"GET / HTTP/1.1\r\nHost: x":
        protocol.data_received(bytes([letter]))
        loop.forward(1)
    assert transport.closed


SOCKET = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def test_a_message_in_drips_ends_its_socket_and_an_idle_socket_stays(loop: Loop) -> None:
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


class Slow:
    """An app that receives its next message when the test has it continue."""

    def __init__(self) -> None:
        self.may_continue = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        await receive()
        scope["extensions"][SOCKET_READER].allow(max_bytes=4 * MB, client=f"person {scope['path']}")
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await self.may_continue.wait()
            self.may_continue.clear()


def slow_socket(loop: Loop, buffered: BufferedMessages, person: str = "ann") -> tuple[LimitedWebSocket, Slow]:
    app = Slow()
    protocol, transport, _ = connect(loop, app=app, buffered=buffered)
    protocol.data_received(SOCKET.replace(b"/", f"/{person}".encode(), 1))
    settle(loop)
    socket = transport.protocol
    assert isinstance(socket, LimitedWebSocket)
    return socket, app


def settle(loop: Loop) -> None:
    for _ in range(10):
        loop.run_until_complete(asyncio.sleep(0))


def send(socket: LimitedWebSocket, data: bytes) -> None:
    """As pieces of a connection, which is how they come."""
    for at in range(0, len(data), READ_BYTES):
        socket.data_received(data[at : at + READ_BYTES])


def test_whole_messages_are_counted_until_the_app_asks_for_the_next(loop: Loop) -> None:
    buffered = BufferedMessages(4 * MB)
    socket, app = slow_socket(loop, buffered)
    send(socket, frame(b"x" * MB))
    settle(loop)
    send(socket, frame(b"x" * MB, opcode=1, final=False) + frame(b"x" * 1000, opcode=0))
    settle(loop)
    assert buffered.total == 2 * MB + 1000
    app.may_continue.set()
    settle(loop)
    assert buffered.total == MB + 1000
    app.may_continue.set()
    settle(loop)
    assert buffered.total == 0


@pytest.mark.parametrize("end", ["connection_lost", "client_closes"])
def test_messages_that_an_app_does_not_receive_no_longer_count(loop: Loop, end: str) -> None:
    buffered = BufferedMessages(4 * MB)
    socket, app = slow_socket(loop, buffered)
    for _ in range(2):
        send(socket, frame(b"x" * MB))
        settle(loop)
    if end == "connection_lost":
        socket.connection_lost(None)
    else:
        send(socket, frame(b"\x03\xe8", opcode=8))
    settle(loop)
    assert buffered.total == 2 * MB  # the app has them still
    app.may_continue.set()
    settle(loop)
    app.may_continue.set()
    settle(loop)
    assert buffered.total == 0


def test_waiting_messages_keep_only_their_own_person_from_sending_more_long_ones(loop: Loop) -> None:
    buffered = BufferedMessages(4 * MB)
    made = [slow_socket(loop, buffered)[0] for _ in range(4)]
    for socket in made[:3]:
        send(socket, frame(b"x" * (4 * MB)))
        settle(loop)
    send(made[3], frame(b"x" * 16_000))
    other = slow_socket(loop, buffered, "bob")[0]
    send(other, frame(b"x" * (4 * MB)))
    settle(loop)
    assert [socket.close_sent for socket in [*made, other]] == [False, False, True, False, False]
    assert buffered.total == 12 * MB + 16_000


def test_anonymous_clients_together_leave_room_for_people() -> None:
    buffered = BufferedMessages(4 * MB)
    for number in range(32):
        buffered.change(f"address 192.0.2.{number}", MB // 2)
    assert not buffered.is_too_much("address 192.0.2.1", MB // 4)
    buffered.change("address 198.51.100.1", MB // 4)
    assert buffered.is_too_much("address 192.0.2.1", MB // 4)
    assert not buffered.is_too_much("person ann", 4 * MB)


def test_beyond_the_limit_a_client_with_less_than_an_equal_share_continues() -> None:
    buffered = BufferedMessages(4 * MB)
    for number in range(8):
        buffered.change(f"person hostile {number}", 8 * MB)
    buffered.change("person ann", 4 * MB)
    buffered.change("address 198.51.100.1", MB // 4)
    assert [buffered.is_too_much(f"person hostile {number}", 4 * MB) for number in range(8)] == [True] * 8
    assert not buffered.is_too_much("person ann", 4 * MB)
    assert not buffered.is_too_much("address 198.51.100.1", MB // 4)


@pytest.mark.parametrize("end", ["connection_lost", "shutdown"])
def test_a_lost_connection_sets_the_event_of_its_socket(loop: Loop, end: str) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(SOCKET)
    loop.run_until_complete(asyncio.sleep(0))
    socket = transport.protocol
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
    protocol, transport, admission = made[0]
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
    assert b"All places are taken" in wires[-1].written
