"""A socket that sends what costs work without a payload, or more than its share, is closed with a reason."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from component.limits.admission import SocketLimits
from component.limits.buffered_messages import FREE_BYTES, BufferedMessages
from component.server.websocket_protocol import (
    CONTROL_FRAMES_BURST,
    DISCARD_BYTES,
    LINGER_SECONDS,
    MAX_FRAGMENTS,
    MESSAGE_SECONDS,
    READ_BYTES,
    SOCKET_READER,
    LimitedWebSocket,
)
from tests.component.server.protocol_harness import SOCKET, FakeTransport, Loop, connect, settle
from tests.security.raw_http import frame

PING, PONG, CONTINUATION, TEXT = 9, 10, 0, 1


def part(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A masked frame (RFC 6455 §5.2), of a payload below 126 bytes."""
    return bytes([(0x80 if final else 0) | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def opened(loop: Loop, **options: Any) -> tuple[LimitedWebSocket, FakeTransport]:
    protocol, transport, _ = connect(loop, **options)
    protocol.data_received(SOCKET)
    loop.run_until_complete(asyncio.sleep(0))
    socket = transport.protocol
    assert isinstance(socket, LimitedWebSocket)
    socket.ping_interval = None
    socket.stop_keepalive()
    transport.written = b""
    return socket, transport


def closed_with(code: int, reason: str) -> bytes:
    return bytes([0x88, len(reason) + 2]) + code.to_bytes(2, "big") + reason.encode()


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_too_many_control_frames(loop: Loop, opcode: int) -> None:
    socket, transport = opened(loop)
    for _ in range(int(CONTROL_FRAMES_BURST)):
        socket.data_received(part(opcode))
    assert not transport.written.endswith(closed_with(1008, "too many control frames"))
    loop.forward(1)
    for _ in range(5):
        socket.data_received(part(opcode))
    assert b"\x88" not in transport.written
    socket.data_received(part(opcode))
    assert transport.written.endswith(closed_with(1008, "too many control frames"))


def test_too_many_fragments(loop: Loop) -> None:
    socket, transport = opened(loop)
    socket.data_received(part(TEXT, final=False) + part(CONTINUATION, final=False) * (MAX_FRAGMENTS - 1))
    assert transport.written == b""
    socket.data_received(part(CONTINUATION, final=False))
    assert transport.written == closed_with(1009, "too many fragments")


def test_a_closed_socket_is_read_for_a_moment_and_only_up_to_a_limit(loop: Loop) -> None:
    socket, transport = opened(loop)
    socket.data_received(part(TEXT, final=False) + part(CONTINUATION, final=False) * MAX_FRAGMENTS)
    assert not transport.is_closing(), "the client can read the reason"
    socket.data_received(b"x" * DISCARD_BYTES)
    assert not transport.is_closing()
    socket.data_received(b"x")
    assert transport.is_closing()

    other, its_transport = opened(loop)
    other.data_received(part(TEXT, final=False) + part(CONTINUATION, final=False) * MAX_FRAGMENTS)
    loop.forward(LINGER_SECONDS + 1)
    assert its_transport.is_closing()


def test_an_invalid_message_ends_the_app_of_the_socket(loop: Loop) -> None:
    received: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["extensions"][SOCKET_READER] is not None
        await receive()
        await send({"type": "websocket.accept"})
        received.append(await receive())

    socket, transport = opened(loop, app=app)
    socket.data_received(part(TEXT, b"\xff"))
    loop.run_until_complete(asyncio.sleep(0))
    assert received == [{"type": "websocket.disconnect", "code": 1007, "reason": received[0]["reason"]}]
    assert transport.written.startswith(b"\x88")


def test_a_handshake_that_is_refused_has_no_app(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(SOCKET.replace(b"Sec-WebSocket-Version: 13\r\n", b""))
    loop.run_until_complete(asyncio.sleep(0))
    assert transport.written.startswith((b"HTTP/1.1 426 ", b"HTTP/1.1 400 "))


def test_a_piece_is_read_from_the_buffer(loop: Loop) -> None:
    socket, transport = opened(loop)
    ping = part(PING, b"hello")
    buffer = socket.get_buffer(-1)
    assert len(buffer) == READ_BYTES
    buffer[: len(ping)] = ping
    socket.buffer_updated(len(ping))
    assert transport.written == b"\x8a\x05hello"


def test_a_message_beyond_the_share_of_its_client_is_refused(loop: Loop) -> None:
    buffered = BufferedMessages(SocketLimits().message_bytes)
    socket, transport = opened(loop, buffered=buffered)
    size = FREE_BYTES + 100
    buffered.change("address 10.0.0.1", 10**12)
    socket.data_received(frame(b"x" * size)[:FREE_BYTES])
    assert transport.written == b"", "so much is always free"
    socket.data_received(b"x" * 90)
    assert transport.written == closed_with(1013, "too many unfinished messages")


def test_a_process_that_ends_waits_for_no_message(loop: Loop) -> None:
    socket, transport = opened(loop)
    assert not socket.gone.is_set()
    socket.shutdown()
    assert socket.gone.is_set()
    assert transport.is_closing()


def test_a_frame_that_cannot_be_parsed_leaves_nothing_that_counts(loop: Loop) -> None:
    buffered = BufferedMessages(SocketLimits().message_bytes)
    socket, transport = opened(loop, buffered=buffered)
    socket.data_received(part(TEXT, b"half", final=False))
    assert buffered.total > 0
    socket.data_received(part(3))  # a reserved opcode
    assert transport.written.startswith(b"\x88")
    assert transport.written[2:4] == (1002).to_bytes(2, "big")
    assert buffered.total == 0
    transport.written = b""
    loop.forward(LINGER_SECONDS + MESSAGE_SECONDS + 10)
    assert transport.written == b"", "it has no deadline any more"


def test_a_handshake_that_cannot_be_parsed_reaches_no_app(loop: Loop) -> None:
    """``h11`` accepts a longer header than ``websockets``."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    buffered = BufferedMessages(SocketLimits().message_bytes)
    protocol, transport, _ = connect(loop, app=app, buffered=buffered)
    protocol.data_received(SOCKET.replace(b"Host: x", b"Host: x\r\nX-Long: " + b"x" * 10_000))
    settle(loop)
    assert transport.written.startswith(b"HTTP/1.1 400 ")
    assert transport.closed
    assert scopes == []
    assert buffered.total == 0


def test_a_socket_that_failed_is_read_although_the_app_has_not_received_its_message(loop: Loop) -> None:
    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()

    socket, transport = opened(loop, app=waiting)
    socket.data_received(part(TEXT, b"hello"))
    reading = [transport.reading]
    socket.data_received(part(3))
    reading.append(transport.reading)
    assert reading == [False, True], "so that the client can send on and read the reason"
    assert not transport.closed


def test_a_socket_fails_once(loop: Loop) -> None:
    received: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            received.append(await receive())

    socket, transport = opened(loop, app=app)
    socket.data_received(part(PING) * (int(CONTROL_FRAMES_BURST) + 10))  # in one piece
    settle(loop)
    assert transport.written.count(closed_with(1008, "too many control frames")) == 1
    assert received == [{"type": "websocket.disconnect", "code": 1008, "reason": "too many control frames"}]


def test_a_slow_message_of_a_connection_that_closes_gets_no_close_frame(loop: Loop) -> None:
    socket, transport = opened(loop)
    socket.data_received(frame(b"x" * 1000)[:500])
    transport.close()
    loop.forward(MESSAGE_SECONDS + 10)
    assert transport.written == b""
