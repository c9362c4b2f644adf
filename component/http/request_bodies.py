"""Bodies of requests: their declared and their real length, and the limit of both. Pure ASGI."""

from __future__ import annotations

from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive

from component.http.cookies import HeaderList

MAX_BODY_BYTES: Final = 64 * 1024
"""More than any request of ours but an upload: a logout token is the longest."""


def declared_bytes(headers: HeaderList) -> int | None:
    """The ``Content-Length``; None when there is not exactly one that is a number."""
    values = _all(headers, b"content-length")
    return int(values[0]) if len(values) == 1 and values[0].isdigit() and len(values[0]) <= 20 else None  # noqa: PLR2004 - as h11


def ambiguous(headers: HeaderList) -> Response | None:
    """The response to a request with an ambiguous body length (RFC 9112 §6.3); None for any other."""
    lengths = _all(headers, b"content-length")
    if len(lengths) > 1 or (lengths and _all(headers, b"transfer-encoding")):
        return PlainTextResponse("The length of the body is ambiguous.\n", 400, {"Connection": "close"})
    return None


def refusal(headers: HeaderList, *, max_bytes: int = MAX_BODY_BYTES) -> Response | None:
    """The response to a request whose body is too long, or of ambiguous length; None for any other."""
    if (refused := ambiguous(headers)) is not None:
        return refused
    size = declared_bytes(headers)
    if _all(headers, b"content-length") and (size is None or size > max_bytes):
        return PlainTextResponse("The body is too large.\n", 413, {"Connection": "close"})
    return None


class BoundedBody:
    """The body of a request, of which at most ``max_bytes`` are passed on, whatever was declared."""

    def __init__(self, receive: Receive, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._received = 0

    @property
    def exceeded(self) -> bool:
        """Whether more bytes have arrived."""
        return self._received > self._max_bytes

    async def receive(self) -> Message:
        """ASGI; beyond the limit the app gets a disconnect of the client."""
        message = {"type": "http.disconnect"} if self.exceeded else await self._receive()
        self._received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.exceeded else message


def _all(headers: HeaderList, name: bytes) -> list[bytes]:
    return [value.strip() for other, value in headers if other.lower() == name]
