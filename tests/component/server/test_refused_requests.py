"""Requests that two servers could parse differently, or that are costly, are refused before the app runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from component.limits.admission import SocketLimits
from component.server.http_protocol import (
    DISCARD_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    READ_BYTES,
    LimitedHttp,
)
from tests.component.server.protocol_harness import FakeTransport, Loop, connect, settle


async def answering_app(scope: Any, receive: Any, send: Any) -> None:
    """An app that answers at once, whatever the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def head(*lines: str, target: str = "/", method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def fields(count: int, size: int = 1) -> list[str]:
    return [f"X-{number}: {'v' * size}" for number in range(count)]


@pytest.mark.parametrize(
    ("request_head", "status", "text"),
    [
        (
            head("Content-Length: 1", "Transfer-Encoding: chunked"),
            "400 Bad Request",
            "Content-Length and Transfer-Encoding exclude each other.",
        ),
        (head("Transfer-Encoding: chunked"), "411 Length Required", "Content-Length is required."),
        (head(target="/" + "a" * MAX_TARGET_BYTES), "414 ", "The address is too long."),
        (head(*fields(MAX_HEADERS)), "431 ", "The headers are too many or too long."),
        (head(*fields(MAX_HEADERS + 500)), "431 ", "The headers are too many or too long."),
        (head(*fields(2, MAX_HEAD_BYTES)), "431 ", "The headers are too many or too long."),
        (b"nonsense\r\n\r\n", "400 Bad Request", "Invalid HTTP request received."),
    ],
)
def test_the_response_says_why(loop: Loop, request_head: bytes, status: str, text: str) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(request_head)
    written = transport.written.decode()
    assert written.startswith(f"HTTP/1.1 {status}")
    assert written.endswith(f"\r\n\r\n{text}\n")
    assert f"Content-Length: {len(text) + 1}\r\n" in written
    for line in ("Connection: close", "Cache-Control: no-store", "X-Content-Type-Options: nosniff"):
        assert f"{line}\r\n" in written
    assert "Content-Type: text/plain; charset=utf-8\r\n" in written
    assert "Retry-After" not in written
    assert transport.closed


@pytest.mark.parametrize(
    "request_head",
    [
        head(*fields(MAX_HEADERS - 1), method="GET"),
        head(target="/" + "a" * (MAX_TARGET_BYTES - 1), method="GET"),
        head("X: " + "v" * (MAX_HEAD_BYTES - 100), method="GET"),
    ],
)
def test_the_largest_request_is_answered(loop: Loop, request_head: bytes) -> None:
    protocol, transport, _ = connect(loop, app=answering_app)
    for start in range(0, len(request_head), 1000):  # in pieces, as the network delivers it
        protocol.data_received(request_head[start : start + 1000])
    loop.run_until_complete(asyncio.sleep(0))
    assert transport.written.startswith(b"HTTP/1.1 200 ")


def test_each_request_of_a_connection_has_its_own_limit(loop: Loop) -> None:
    protocol, transport, _ = connect(loop, app=answering_app)
    for _ in range(3):
        protocol.data_received(head(*fields(60), method="GET"))
        loop.run_until_complete(asyncio.sleep(0))
    assert transport.written.count(b"HTTP/1.1 200 ") == 3


def test_headers_of_a_request_that_arrives_before_the_response_are_counted_too(loop: Loop) -> None:
    """Of a pipelined request the lines are not counted as they arrive."""
    for count, status in ((MAX_HEADERS - 1, b"200 "), (MAX_HEADERS, b"431 ")):
        protocol, transport, _ = connect(loop, app=answering_app)
        protocol.data_received(head(method="GET") + head(*fields(count), method="GET"))
        settle(loop)
        first, second = transport.written.split(b"HTTP/1.1 ")[1:]
        assert first.startswith(b"200 ")
        assert second.startswith(status)
        assert transport.closed is (status == b"431 ")


def test_lines_are_counted_while_a_head_arrives(loop: Loop) -> None:
    protocol, transport, _ = connect(loop)
    protocol.data_received(b"GET / HTTP/1.1\r\n")
    for number in range(MAX_HEADERS + 1):
        assert transport.written == b""
        protocol.data_received(f"X-{number}: v\r\n".encode())
    protocol.data_received(b"X: v\r\n")
    assert transport.written.startswith(b"HTTP/1.1 431 ")


def test_a_piece_is_read_from_the_buffer(loop: Loop) -> None:
    protocol, transport, _ = connect(loop, app=answering_app)
    sent = head(method="GET")
    buffer = protocol.get_buffer(-1)
    assert len(buffer) == READ_BYTES
    buffer[: len(sent)] = sent
    protocol.buffer_updated(len(sent))
    loop.run_until_complete(asyncio.sleep(0))
    assert transport.written.startswith(b"HTTP/1.1 200 ")


def test_nothing_is_read_once_it_closes(loop: Loop) -> None:
    protocol, transport, _ = connect(loop, app=answering_app)
    transport.close()
    protocol.data_received(head(method="GET"))
    loop.run_until_complete(asyncio.sleep(0))
    assert transport.written == b""


class AbortingTransport(FakeTransport):
    """A connection that tells whether it was aborted."""

    aborted = False

    def abort(self) -> None:
        self.aborted = self.closed = True


def aborting(protocol: LimitedHttp) -> AbortingTransport:
    """The same connection, on a transport that tells."""
    protocol.transport = transport = AbortingTransport()
    return transport


def test_the_rest_of_a_refused_body_is_read_up_to_a_limit(loop: Loop) -> None:
    protocol, _, _ = connect(loop, app=answering_app)
    transport = aborting(protocol)
    protocol.data_received(head(f"Content-Length: {2 * DISCARD_BYTES}"))
    loop.run_until_complete(asyncio.sleep(0))
    assert transport.written.startswith(b"HTTP/1.1 200 ")
    piece = b"x" * 1024 * 1024
    for _ in range(DISCARD_BYTES // len(piece)):
        protocol.data_received(piece)
    assert not transport.aborted
    protocol.data_received(b"x")
    assert transport.aborted


def test_a_client_that_reads_half_a_response_and_sends_nothing_is_aborted(loop: Loop) -> None:
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"ok", "more_body": True})
        await receive()
        await receive()

    protocol, _, _ = connect(loop, app=half)
    transport = aborting(protocol)
    protocol.data_received(head("Content-Length: 10"))
    loop.forward(60)
    assert transport.aborted
    assert b" 408 " not in transport.written


def test_beyond_the_limit_each_request_is_answered_with_503(loop: Loop) -> None:
    first, _, admission = connect(loop, SocketLimits(sockets=1, per_address=500))
    answers = []
    for _ in range(129):
        late = LimitedHttp(first.config, first.server_state, {}, loop, admission=admission)
        answers.append(FakeTransport())
        late.connection_made(answers[-1])
    late.data_received(head(method="GET"))
    loop.run_until_complete(asyncio.sleep(0))
    written = answers[-1].written.lower()
    assert written.startswith(b"http/1.1 503 ")
    assert b"retry-after: 5\r\n" in written
    assert b"connection: close\r\n" in written
    assert b"cache-control: no-store\r\n" in written
    assert written.endswith(b"\r\n\r\ntoo many connections are open. try again in a moment.\n")
