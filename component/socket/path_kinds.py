"""The kinds of paths, by which the middleware decides who may request one and how it answers."""

from __future__ import annotations

from enum import Enum
from typing import Final

from component.http import host_config
from component.http.return_to import is_page_path

COMPONENT_PREFIX: Final = "/component/"
_STREAM: Final = "/_stcore/stream"
_PUBLIC: Final = ("/_stcore/health", host_config.PATH, "/favicon.png", "/manifest.json")
_PUBLIC_PREFIXES: Final = ("/static/", COMPONENT_PREFIX, "/_stcore/bidi-components/")
_FILES_PREFIX: Final = "/app/static/"
_PRIVATE_PREFIXES: Final = ("/media/", "/_stcore/upload_file/")


class PathKind(Enum):
    """The kind of a path."""

    PAGE = "page"  # Streamlit's HTML, at a page's address
    PRIVATE = "private"  # uploads, and media that a session was shown
    FILES = "files"  # a hosted app's own folder `static/`: the same for every user who may enter the app
    PUBLIC = "public"  # assets and health: the same for every client
    AUTH = "auth"  # our own routes, which look at the session themselves
    STREAM = "stream"  # Streamlit's socket
    CLOSED = "closed"  # answered with 404


def path_kind(path: str) -> PathKind:
    """The kind of ``path`` (decoded, as in ASGI). Unknown paths are closed: metrics, the agent API, nested pages."""
    if path == _STREAM:
        return PathKind.STREAM
    if path in _PUBLIC or path.startswith(_PUBLIC_PREFIXES):
        return PathKind.PUBLIC
    if path.startswith(_PRIVATE_PREFIXES):
        return PathKind.PRIVATE
    if path.startswith(_FILES_PREFIX):
        return PathKind.FILES
    if path.startswith("/auth/"):
        return PathKind.AUTH
    page = path[:-1] if path.endswith("/") and len(path) > len("//") else path
    return PathKind.PAGE if is_page_path(page) else PathKind.CLOSED
