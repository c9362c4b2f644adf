"""Bodies of requests: how long they are said to be, how long they are, and what is too long. Pure ASGI."""

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
    """The answer to a request whose body's length is said in two ways (RFC 9112 §6.3); None for any other."""
    lengths = _all(headers, b"content-length")
    if len(lengths) > 1 or (lengths and _all(headers, b"transfer-encoding")):
        return PlainTextResponse("The length of the body is said in two ways.\n", 400, {"Connection": "close"})
    return None


def refusal(headers: HeaderList, *, most: int = MAX_BODY_BYTES) -> Response | None:
    """The answer to a request whose body is too long, or ambiguous; None for any other."""
    if (refused := ambiguous(headers)) is not None:
        return refused
    size = declared_bytes(headers)
    if _all(headers, b"content-length") and (size is None or size > most):
        return PlainTextResponse("That is more than is taken here.\n", 413, {"Connection": "close"})
    return None


class BoundedBody:
    """The body of a request, of which no more than ``most`` bytes are passed on, whatever was declared."""

    def __init__(self, receive: Receive, most: int = MAX_BODY_BYTES) -> None:
        self._receive = receive
        self._most = most
        self._received = 0

    @property
    def exceeded(self) -> bool:
        """Whether more has arrived."""
        return self._received > self._most

    async def receive(self) -> Message:
        """ASGI; once more has arrived it looks to the app as if the client had gone."""
        message = {"type": "http.disconnect"} if self.exceeded else await self._receive()
        self._received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.exceeded else message


def _all(headers: HeaderList, name: bytes) -> list[bytes]:
    return [value.strip() for other, value in headers if other.lower() == name]
