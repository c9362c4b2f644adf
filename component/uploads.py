"""How much may be uploaded into one Streamlit session, which keeps all of it in memory for as long as it lives.

Streamlit bounds the size of one file (``server.maxUploadSize``), not how many there are. Counted is what was declared,
which the server holds a body to; what is removed on the page, or was refused after all, counts no longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from component.cookies import HeaderList

MOST_FILES: Final = 200
MOST_BYTES: Final = 400 * 1024 * 1024
_FULL: Final = (
    f"This page has taken in all it can keep ({MOST_FILES} files, {MOST_BYTES // 1024**2} MB together). "
    "Remove some of them, or reload the page.\n"
)
_FAILED: Final = 400


@dataclass(slots=True)
class Uploads:
    """What one Streamlit session has taken in: the address of a file → its size in bytes."""

    sizes: dict[str, int] = field(default_factory=dict)

    def fits(self, path: str, size: int) -> bool:
        """Whether a file of ``size`` bytes may come too, in place of whatever is at ``path``."""
        others = [kept for other, kept in self.sizes.items() if other != path]
        return len(others) < MOST_FILES and sum(others) + size <= MOST_BYTES


async def passed_on(app: ASGIApp, scope: Scope, receive: Receive, send: Send, uploads: Uploads) -> None:
    """Let a request about an upload through to ``app``, unless it is too much: 413, or 411 for an unknown size."""
    path, method = scope["path"], scope["method"]
    if method == "PUT":
        size = _declared(scope["headers"])
        if size is None:
            await PlainTextResponse("Say how long the file is (Content-Length).\n", 411)(scope, receive, send)
            return
        if not uploads.fits(path, size):
            await PlainTextResponse(_FULL, 413)(scope, receive, send)
            return
        before = uploads.sizes.get(path)
        uploads.sizes[path] = size  # at once: others may be on their way at the same time
    status = 500

    async def watched(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    try:
        await app(scope, receive, watched)
    finally:
        done = status < _FAILED
        if method == "PUT" and not done:
            _put_back(uploads, path, before)
        elif method == "DELETE" and done:
            uploads.sizes.pop(path, None)


def _put_back(uploads: Uploads, path: str, size: int | None) -> None:
    if size is None:
        uploads.sizes.pop(path, None)
    else:
        uploads.sizes[path] = size


def _declared(headers: HeaderList) -> int | None:
    """The ``Content-Length`` in bytes; None when there is not exactly one that is a number."""
    told = [value for name, value in headers if name.lower() == b"content-length"]
    return int(told[0]) if len(told) == 1 and told[0].isdigit() else None
