"""Complete messages count toward the limits until the application receives them; on a fake clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from component.limits.buffered_messages import BufferedMessages
from component.server.websocket_protocol import MESSAGE_SECONDS, READ_BYTES, SOCKET_READER, LimitedWebSocket
from tests.component.server.protocol_harness import SOCKET, FakeTransport, Loop, connect, settle
from tests.security.raw_http import MB, frame


class Slow:
    """An app that receives its next message when the test allows it."""

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


def send(socket: LimitedWebSocket, data: bytes) -> None:
    """Send the data in pieces, as a connection delivers it."""
    for at in range(0, len(data), READ_BYTES):
        socket.data_received(data[at : at + READ_BYTES])


def test_complete_messages_count_until_the_app_receives_the_next(loop: Loop) -> None:
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
    own = [slow_socket(loop, buffered)[0] for _ in range(4)]
    for socket in own[:3]:
        send(socket, frame(b"x" * (4 * MB)))
        settle(loop)
    send(own[3], frame(b"x" * 16_000))
    other = slow_socket(loop, buffered, "bob")[0]
    send(other, frame(b"x" * (4 * MB)))
    settle(loop)
    assert [socket.close_sent for socket in [*own, other]] == [False, False, True, False, False]
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


def test_a_message_has_no_deadline_while_the_app_keeps_the_server_from_reading_it(loop: Loop) -> None:
    socket, app = slow_socket(loop, BufferedMessages(4 * MB))
    socket.ping_interval = None
    socket.stop_keepalive()
    transport = socket.transport
    assert isinstance(transport, FakeTransport)
    send(socket, frame(b"first"))
    settle(loop)
    socket.data_received(frame(b"second") + frame(b"x" * 1000)[:500])
    loop.forward(10 * MESSAGE_SECONDS)
    failed = [socket.close_sent]
    app.may_continue.set()
    settle(loop)
    for seconds in (MESSAGE_SECONDS - 10, 20):
        loop.forward(seconds)
        failed.append(socket.close_sent)
    assert failed == [False, False, True]
    assert transport.written.endswith(b"\x88\x1b\x03\xf0the message took too long")
