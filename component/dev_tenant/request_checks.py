"""What every request passes: one Host name, bounded sizes, security headers, and buckets against guessing."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from component.dev_tenant.config import TenantConfig

MAX_BODY_BYTES = 16_384
MAX_QUERY_BYTES = 8_192
_MAX_FIELDS = 64
_MAX_VALUE_CHARACTERS = 1_024
_LONGER = {
    "redirect_uri": 2_048,
    "state": 2_048,
    "id_token_hint": 6_000,
    "token": 6_000,
    "returnTo": 2_048,
    "post_logout_redirect_uri": 2_048,
}
_MAX_BUCKETS = 1_024

Params = dict[str, list[str]]


class MalformedRequest(Exception):
    """A request that is not worth looking into; ``status`` is its HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class RequestMiddleware:
    """ASGI middleware: 421 for any other Host, 414 for an endless query, and the same strict headers on every answer.

    ``form-action`` names the app because Chromium holds redirects after a form post against it.
    """

    def __init__(self, app: ASGIApp, *, config: TenantConfig) -> None:
        self._app = app
        self._netloc = config.netloc.encode()
        origins = sorted({config.app_url, *(_origin(uri) for uri in config.redirect_uris)})
        self._headers = {
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
                f"form-action 'self' {' '.join(origins)}"
            ),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        hosts = [value for name, value in scope["headers"] if name == b"host"]
        app = self._app
        if len(hosts) != 1 or hosts[0].lower() != self._netloc:
            app = JSONResponse({"error": "misdirected_request"}, status_code=421)
        elif len(scope["query_string"]) > MAX_QUERY_BYTES:
            app = JSONResponse({"error": "invalid_request"}, status_code=414)
        await app(scope, receive, send_with_headers)


class Buckets:
    """A bucket of ``per_minute`` drops for each key, filling up again evenly; bounded in number."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, key: str) -> int:
        """How long until there is a drop again, in whole seconds; 0 when there is one now."""
        level = self._level(key)
        return 0 if level >= 1 else max(1, round((1 - level) * 60 / self._size))

    def take(self, key: str) -> None:
        """Take a drop; the level never goes below zero."""
        level = self._level(key)
        self._levels[key] = (max(0.0, level - 1), self._clock())
        self._levels.move_to_end(key)
        while len(self._levels) > _MAX_BUCKETS:
            self._levels.popitem(last=False)

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (self._size, self._clock()))
        return min(self._size, level + (self._clock() - at) * self._size / 60)


async def read_form(request: Request) -> Params:
    """The form of a POST, bounded.

    Raises:
        Malformed: The form is too large, of another media type, or invalid (413, 415 or 400).
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise MalformedRequest(415, "Send application/x-www-form-urlencoded")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise MalformedRequest(413, "The request is too large")
    return _parse(body.decode("utf-8", "replace"))


def read_query(request: Request) -> Params:
    """The query of a request, bounded. Raises ``MalformedRequest``."""
    query: bytes = request.scope["query_string"]
    return _parse(query.decode("utf-8", "replace"))


def _parse(text: str) -> Params:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise MalformedRequest(400, "Too many parameters") from error
    params: Params = {}
    for name, value in pairs:
        if len(value) > _LONGER.get(name, _MAX_VALUE_CHARACTERS):
            raise MalformedRequest(400, "A parameter is too long")
        params.setdefault(name, []).append(value)
    return params


def _origin(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
