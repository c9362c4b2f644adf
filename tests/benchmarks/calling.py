"""Calling a WSGI application in this process: the same way for baseline and candidate, without a client in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.test import create_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def getting(app: WSGIApplication, base_url: str, path: str, token: str) -> Callable[[], bytes]:
    """A call that gets ``path`` with a bearer token; raises for any answer but 200."""
    environ = {**create_environ(path, base_url), "HTTP_AUTHORIZATION": f"Bearer {token}"}

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        if not status.startswith("200"):
            msg = f"{path} answered {status}"
            raise RuntimeError(msg)
        return _write

    def call() -> bytes:
        answer = app(dict(environ), start)
        body = b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        return body

    return call


def _write(data: bytes) -> object:
    raise NotImplementedError(data)
