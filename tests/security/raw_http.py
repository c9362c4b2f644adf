"""Connections to an app process by hand: HTTP requests and WebSocket frames as bytes."""

from __future__ import annotations

import re
import socket
import struct
from contextlib import suppress
from typing import Self

from tests.security.app_processes import AppProcesses, SignedInUser

MB = 1024 * 1024


class Raw:
    """A TCP connection, with methods for the responses of the server."""

    def __init__(self, app: AppProcesses, sent: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", app.ports[0]), 20)
        self.tail = b""
        """Bytes that were read beyond the requested ones."""
        self.socket.sendall(sent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send as much as the server accepts; it may have closed the connection."""
        with suppress(OSError):
            self.socket.sendall(data)

    def head(self) -> str:
        """The head of the next answer."""
        result = b""
        while b"\r\n\r\n" not in result and (more := self.socket.recv(4096)):
            result += more
        return result.decode("latin-1")

    def rest(self) -> bytes:
        """Every byte until the server closes the connection."""
        result = b""
        with suppress(ConnectionResetError):
            while more := self.socket.recv(65_536):
                result += more
        return result

    def is_taken(self) -> bool:
        """Whether the server answers the last ping, and so has read everything before it; otherwise it closes."""
        result = b""
        with suppress(ConnectionResetError):
            while more := self.socket.recv(65_536):
                result += more
                if b"\x8a\x00" in result:
                    return True
        self.tail = result
        return False

    def close_code(self) -> int | None:
        """The code of the close frame with which the server ends the socket (RFC 6455 §5.5.1).

        None when it answers one more ping instead: it has accepted everything before it.
        """
        self.send(frame(b"open", opcode=9))
        result = self.tail
        with suppress(ConnectionResetError):
            while b"\x8a\x04open" not in result and (more := self.socket.recv(65_536)):
                result += more
        close = re.search(rb"\x88([\x02-\x7d])", result)
        return struct.unpack("!H", close.string[close.end() : close.end() + 2])[0] if close is not None else None


def cookie(user: SignedInUser | None) -> str:
    cookies = user.cookies if user is not None else {"x": "y"}
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def handshake(app: AppProcesses, user: SignedInUser | None) -> Raw:
    raw = Raw(
        app,
        (
            f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{app.ports[0]}\r\nOrigin: {app.base_url}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Cookie: {cookie(user)}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: streamlit\r\n\r\n"
        ).encode(),
    )
    assert raw.head().startswith("HTTP/1.1 101"), "the handshake was refused"
    return raw


def frame(payload: bytes, *, opcode: int = 2, final: bool = True) -> bytes:
    """A frame masked with zeros (RFC 6455 §5.2)."""
    head = bytes([opcode | (0x80 if final else 0)])
    return head + b"\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload


PING = frame(b"", opcode=9)
"""The pong shows that the server has read everything before it."""


def request(app: AppProcesses, line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, f"Host: 127.0.0.1:{app.ports[0]}", *headers, "", ""]).encode() + body
