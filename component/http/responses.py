"""Basics of the routes: endpoints for one method, responses that are never cached, and the check of the origin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from component.http.static_pages import SERVER_ERROR, log_server_error

NO_STORE: Final = {"Cache-Control": "no-store", "Vary": "Cookie"}


class SingleMethodEndpoint:
    """An endpoint for one method. Others are refused here: Starlette would try the next matching route.

    HEAD, which Starlette adds to GET, would start or complete a sign-in without showing it.
    """

    def __init__(self, method: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self._method = method
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["method"] == self._method:
            response = await self._endpoint(Request(scope, receive))
        else:
            response = PlainTextResponse("", 405, headers=NO_STORE | {"Allow": self._method})
        await response(scope, receive, send)


def origin_of(base_url: str) -> str:
    """The origin a browser sends for this address (RFC 6454 §6.2): without the scheme's own port."""
    parts = urlsplit(base_url.lower())
    standard = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(standard)}"


def is_same_origin(origin: str, request: Request) -> bool:
    """Whether a script of a page at ``origin`` sent this request."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.getlist("origin") == [origin] and site == "same-origin"


def with_cookies(response: Response, cookies: Sequence[str]) -> Response:
    """The response with these ``Set-Cookie`` values."""
    for cookie in cookies:
        response.headers.append("Set-Cookie", cookie)
    return response


def problem(status: int, detail: str, *, retry_after_seconds: int | None = None) -> Response:
    """A problem document (RFC 9457) for scripts; one of the class 5xx is logged."""
    if status >= SERVER_ERROR:
        log_server_error(status, detail)
    body = {"type": "about:blank", "status": status, "title": detail}
    headers = NO_STORE | ({"Retry-After": str(retry_after_seconds)} if retry_after_seconds is not None else {})
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")
