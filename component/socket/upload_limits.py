"""How much may be uploaded into one Streamlit session, which keeps all of it in memory for as long as it lives.

Streamlit bounds the size of one file (``server.maxUploadSize``), not how many there are. The declared size is reserved
before the first byte is read, and no more than that is taken; what is removed on the page, or was refused after all,
counts no longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from component.http.request_bodies import BoundedBody, ambiguous, declared_bytes

MAX_UPLOADS: Final = 200
MAX_UPLOAD_BYTES: Final = 400 * 1024 * 1024
MAX_TOTAL_UPLOAD_BYTES: Final = 4 * 1024 * 1024 * 1024
"""What all Streamlit sessions of a process may keep, with a socket and without."""
_FULL: Final = (
    f"This page has taken in all it can keep ({MAX_UPLOADS} files, {MAX_UPLOAD_BYTES // 1024**2} MB together). "
    "Remove some of them, or reload the page.\n"
)
_FAILED: Final = 400


@dataclass(slots=True)
class Uploads:
    """What one Streamlit session has taken in: the address of a file → its size in bytes."""

    sizes: dict[str, int] = field(default_factory=dict)
    arriving: int = 0
    """How many files are on their way."""

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(self.sizes.values())

    def fits(self, path: str, size: int) -> bool:
        """Whether a file of ``size`` bytes may come too, in place of whatever is at ``path``."""
        others = [kept for other, kept in self.sizes.items() if other != path]
        return len(others) < MAX_UPLOADS and sum(others) + size <= MAX_UPLOAD_BYTES


async def forward_upload(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    uploads: Uploads,
    *,
    make_room: Callable[[int], bool] = lambda _: True,
) -> None:
    """Let a request about an upload through to ``app``, unless it is too much.

    Answers 413 for too much, 411 for an unknown size, 400 for a size that is said in two ways or is not true.
    ``make_room``: whether this process can keep so many bytes more.
    """
    if scope["method"] == "PUT":
        refused = _refusal(scope, uploads, make_room)
        if refused is not None:
            await refused(scope, receive, send)
        else:
            await _put(app, scope, receive, send, uploads)
        return
    status = _Status(send)
    await app(scope, receive, status.send)
    if scope["method"] == "DELETE" and status.is_done:
        uploads.sizes.pop(scope["path"], None)


async def _put(app: ASGIApp, scope: Scope, receive: Receive, send: Send, uploads: Uploads) -> None:
    path, size = scope["path"], declared_bytes(scope["headers"]) or 0
    before = uploads.sizes.get(path)
    uploads.sizes[path] = size  # at once: others may be on their way at the same time
    uploads.arriving += 1
    body = BoundedBody(receive, size)
    status = _Status(send, unless=lambda: body.exceeded)
    try:
        await app(scope, body.receive, status.send)
    except Exception:
        if not body.exceeded:
            raise
    finally:
        uploads.arriving -= 1
        if not status.is_done:
            _put_back(uploads, path, before)
    if body.exceeded:
        await PlainTextResponse("That was more than was declared.\n", 400)(scope, receive, send)


class _Status:
    """``send`` that remembers how the app answered, and keeps the answer back where ``unless`` is true."""

    def __init__(self, send: Send, *, unless: Callable[[], bool] = lambda: False) -> None:
        self._send = send
        self._unless = unless
        self._status = 500

    @property
    def is_done(self) -> bool:
        return self._status < _FAILED

    async def send(self, message: Message) -> None:
        if self._unless():
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)


def _refusal(scope: Scope, uploads: Uploads, make_room: Callable[[int], bool]) -> Response | None:
    if (refused := ambiguous(scope["headers"])) is not None:
        return refused
    size = declared_bytes(scope["headers"])
    if size is None:
        return PlainTextResponse("Say how long the file is (Content-Length).\n", 411)
    if not uploads.fits(scope["path"], size):
        return PlainTextResponse(_FULL, 413)
    if not make_room(size):
        return PlainTextResponse("The app keeps all the files it can just now. Try again later.\n", 503)
    return None


def _put_back(uploads: Uploads, path: str, size: int | None) -> None:
    if size is None:
        uploads.sizes.pop(path, None)
    else:
        uploads.sizes[path] = size
