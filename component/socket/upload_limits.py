"""The limits of uploads into one Streamlit session, which keeps all of them in memory as long as it lives.

Streamlit limits the size of one file (``server.maxUploadSize``), not the number of files. The declared size is reserved
before the first byte is read, and no more than that is accepted; a file that is removed on the page, or refused after
all, no longer counts.
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
"""The limit of all Streamlit sessions of a process, with a socket and without."""
_TOO_MUCH_UPLOADED: Final = (
    f"This page keeps all the files it can ({MAX_UPLOADS} files, {MAX_UPLOAD_BYTES // 1024**2} MB together). "
    "Remove some of them, or reload the page.\n"
)
_FAILED: Final = 400


@dataclass(slots=True)
class Uploads:
    """The uploads of one Streamlit session: the path of a file → its size in bytes."""

    sizes: dict[str, int] = field(default_factory=dict)
    arriving: int = 0
    """How many files are being received."""

    @property
    def size(self) -> int:
        """The size of all files, in bytes."""
        return sum(self.sizes.values())

    def fits(self, path: str, size: int) -> bool:
        """Whether a file of ``size`` bytes may be added at ``path``, in place of the one that may be there."""
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
    """Forward a request for an upload to ``app``, within the limits.

    Responds with 413 beyond the limits, 411 without a size, and 400 for an ambiguous or wrong size.

    Args:
        app: Streamlit.
        scope: ASGI.
        receive: ASGI.
        send: ASGI.
        uploads: Those of the Streamlit session in the path.
        make_room: Whether this process can keep so many bytes more.
    """
    if scope["method"] == "PUT":
        response = _refusal(scope, uploads, make_room)
        if response is not None:
            await response(scope, receive, send)
        else:
            await _put(app, scope, receive, send, uploads)
        return
    status = _Status(send)
    await app(scope, receive, status.send)
    if scope["method"] == "DELETE" and status.has_succeeded:
        uploads.sizes.pop(scope["path"], None)


async def _put(app: ASGIApp, scope: Scope, receive: Receive, send: Send, uploads: Uploads) -> None:
    path, size = scope["path"], declared_bytes(scope["headers"]) or 0
    before = uploads.sizes.get(path)
    uploads.sizes[path] = size  # at once: other uploads may arrive at the same time
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
        if not status.has_succeeded:
            _restore(uploads, path, before)
    if body.exceeded:
        await PlainTextResponse("The file is larger than declared.\n", 400)(scope, receive, send)


class _Status:
    """``send`` that remembers the status of the app's response, and drops the response where ``unless`` is true."""

    def __init__(self, send: Send, *, unless: Callable[[], bool] = lambda: False) -> None:
        self._send = send
        self._unless = unless
        self._status = 500

    @property
    def has_succeeded(self) -> bool:
        return self._status < _FAILED

    async def send(self, message: Message) -> None:
        if self._unless():
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)


def _refusal(scope: Scope, uploads: Uploads, make_room: Callable[[int], bool]) -> Response | None:
    if (response := ambiguous(scope["headers"])) is not None:
        return response
    size = declared_bytes(scope["headers"])
    if size is None:
        return PlainTextResponse("Content-Length is required.\n", 411)
    if not uploads.fits(scope["path"], size):
        return PlainTextResponse(_TOO_MUCH_UPLOADED, 413)
    if not make_room(size):
        return PlainTextResponse("The app keeps all the files it can at the moment. Try again later.\n", 503)
    return None


def _restore(uploads: Uploads, path: str, size: int | None) -> None:
    if size is None:
        uploads.sizes.pop(path, None)
    else:
        uploads.sizes[path] = size
