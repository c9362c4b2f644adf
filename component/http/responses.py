"""Basics of the routes: endpoints for one method, and responses that are never cached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

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
