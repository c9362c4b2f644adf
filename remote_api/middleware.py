"""WSGI middleware around every request: correlation id, host check, size limits, and response headers.

Plain WSGI (PEP 3333), so that it costs microseconds and covers every response, errors included. Nothing here identifies
the caller; the only value of a client that is used is the correlation id, and only in its own narrow form.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from app.core import correlation
from app.core.errors import BadRequest, TooLarge
from app.core.settings import Settings
from remote_api.problems import Problem, misdirected, problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_QUERY_BYTES: Final = 4096
MAX_PATH_BYTES: Final = 2048

LIMIT_HEADERS: Final = "gatehouse.limits"
"""The key of the WSGI environment for the rate limit headers, which ``remote_api.rate_limits`` sets."""
CONTENT_SECURITY_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_CSP_HEADER: Final = "Content-Security-Policy"
_ENVIRON_KEY: Final = "HTTP_" + correlation.HEADER.upper().replace("-", "_")
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class Middleware:
    """WSGI middleware around the whole API."""

    __slots__ = ("_app", "_development", "_headers", "_hosts", "_numbers", "_prefix")

    def __init__(self, app: WSGIApplication, settings: Settings) -> None:
        self._app = app
        # Unique, not secret: random bytes from the system for each request would cost more than all the rest.
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._development = not settings.production
        self._hosts = _own_hosts(settings.remote_api_base_url)
        self._headers = [
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        if settings.production and settings.remote_api_base_url.startswith("https://"):
            self._headers.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        correlation_id = correlation.begin(environ.get(_ENVIRON_KEY), f"{self._prefix}-{next(self._numbers):08x}")
        extra = [*self._headers, (correlation.HEADER, correlation_id)]

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers.extend(extra)
            headers.extend(environ.get(LIMIT_HEADERS, ()))
            for name, _ in headers:
                if name == _CSP_HEADER:
                    break
            else:
                headers.append((_CSP_HEADER, CONTENT_SECURITY_POLICY))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        host = environ.get("HTTP_HOST", "")
        if host not in self._hosts and not self._is_loopback_here(host, environ):
            return _send(misdirected(), environ, start)
        if (refused := _out_of_bounds(environ)) is not None:
            return _send(refused, environ, start)
        return self._app(environ, start)

    def _is_loopback_here(self, host: str, environ: WSGIEnvironment) -> bool:
        """Whether the host is ours in another spelling or, in development, a loopback name with the listening port."""
        host = host.lower()
        if host in self._hosts:
            return True
        if not self._development:
            return False
        port = str(environ.get("SERVER_PORT", ""))
        names = {f"{name}:{port}" for name in _LOOPBACK_NAMES}
        if _DEFAULT_PORTS.get(environ["wsgi.url_scheme"]) == port:
            names.update(_LOOPBACK_NAMES)
        return host in names


def _own_hosts(base_url: str) -> frozenset[str]:
    """The ``Host`` values that name the configured address: with its port, and without where it is the default."""
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    default = _DEFAULT_PORTS.get(parts.scheme, "")
    port = str(parts.port or default)
    return frozenset({f"{host}:{port}", host} if port == default else {f"{host}:{port}"})


def _out_of_bounds(environ: WSGIEnvironment) -> Problem | None:
    length = environ.get("CONTENT_LENGTH")
    if length:
        if not (length.isascii() and length.isdigit()):
            return problem(BadRequest("The Content-Length is not a number."))
        if len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
            return problem(TooLarge(f"A request may carry {MAX_BODY_BYTES // 1024} KiB at most."))
    if len(environ.get("QUERY_STRING", "")) > MAX_QUERY_BYTES:
        return problem(BadRequest("The query is too long."))
    if len(environ.get("PATH_INFO", "")) > MAX_PATH_BYTES:
        return problem(BadRequest("The address is too long."))
    return None


def _send(refused: Problem, environ: WSGIEnvironment, start: Any) -> Iterable[bytes]:
    start(f"{refused.status} {HTTPStatus(refused.status).phrase}", refused.headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [refused.body]
