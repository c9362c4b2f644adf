"""The routes of the browser's session: ``/auth/session`` (account and end), ``/auth/active`` and ``/auth/stay``.

Reading the session extends nothing. Activity, which our front end reports, and staying signed in extend the idle
lifetime only, and only for a script of our own pages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.core.clock import Clock, utc_now
from app.core.errors import SessionExpired, StorageUnavailable, Unauthenticated
from app.core.records import Session
from component.http.cookies import Cookies, read_cookies
from component.http.origin import is_same_origin, origin_of
from component.http.responses import NO_STORE, SingleMethodEndpoint, problem
from component.http.return_to import safe_return_to
from component.session.service import SessionService

_THREADS: Final = 16
_UNAVAILABLE: Final = "The database does not answer. Try again in a moment."
_MAX_BODY_BYTES: Final = 8_192
_BODY_SECONDS: Final = 10
T = TypeVar("T")


def session_tag(ref: str) -> str:
    """Identifies a session for scripts of our own pages, which compare it, without revealing its reference."""
    return hashlib.sha256(f"session {ref}".encode()).hexdigest()[:16]


class SessionRoutes:
    """The endpoints and their dependencies."""

    def __init__(self, *, base_url: str, sessions: SessionService, cookies: Cookies, clock: Clock = utc_now) -> None:
        self._origin = origin_of(base_url)
        self._sessions = sessions
        self._cookies = cookies
        self._clock = clock
        self._threads = CapacityLimiter(_THREADS)

    def routes(self) -> list[BaseRoute]:
        """The routes of the endpoints."""
        return [
            Route("/auth/session", SingleMethodEndpoint("GET", self.session)),
            Route("/auth/active", SingleMethodEndpoint("POST", self.active)),
            Route("/auth/stay", SingleMethodEndpoint("POST", self.stay)),
        ]

    async def session(self, request: Request) -> Response:
        """The signed-in account and the end of the session, without any token. Does not extend the session."""
        return await self._in_thread(lambda: self._session(request))

    async def active(self, request: Request) -> Response:
        """Record activity of the user on the page that the body names; responds as ``session``.

        Only this counts as use, not a run of the page: a component can request runs by itself indefinitely.
        """
        if (refused := self._refusal(request)) is not None:
            return refused
        page = await _page_in(request)
        return await self._in_thread(lambda: self._active(request, page))

    async def stay(self, request: Request) -> Response:
        """Extend the session at the user's request; responds as ``session``, with the new end."""
        if (refused := self._refusal(request)) is not None:
            return refused
        return await self._in_thread(lambda: self._stay(request))

    def _refusal(self, request: Request) -> Response | None:
        """The error response to a request that no script of our own pages sends; None for any other."""
        if not is_same_origin(self._origin, request):
            return problem(403, "This request did not come from a page of this product.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return problem(415, "Send this request as JSON.")
        return None

    def _session(self, request: Request) -> Response:
        try:
            session = self._resolve(request)
        except StorageUnavailable:
            return problem(503, _UNAVAILABLE)
        except SessionExpired:
            return JSONResponse({"authenticated": False, "expired": True}, headers=NO_STORE)
        except Unauthenticated:
            return JSONResponse({"authenticated": False}, headers=NO_STORE)
        return JSONResponse(self._session_payload(session), headers=NO_STORE)

    def _active(self, request: Request, page: str) -> Response:
        try:
            self._sessions.touch(self._resolve(request), page=page)
            session = self._resolve(request)
        except StorageUnavailable:
            return problem(503, _UNAVAILABLE)
        except Unauthenticated:
            return problem(401, "Sign in to continue.")
        return JSONResponse(self._session_payload(session), headers=NO_STORE)

    def _stay(self, request: Request) -> Response:
        try:
            session = self._sessions.stay(self._resolve(request))
        except StorageUnavailable:
            return problem(503, _UNAVAILABLE)
        except Unauthenticated:
            return problem(401, "Sign in to continue.")
        return JSONResponse(self._session_payload(session), headers=NO_STORE)

    def _resolve(self, request: Request) -> Session:
        """The live session of this browser. Raises as ``resolve``, and ``Unauthenticated`` for a blocked user."""
        session = self._sessions.resolve(read_cookies(request.scope["headers"]).get(self._cookies.session, ""))
        if session.person.blocked:
            raise Unauthenticated
        return session

    def _session_payload(self, session: Session) -> dict[str, object]:
        """The session as JSON. ``can_stay``: whether staying extends it; not near the end of the absolute lifetime.

        ``expires_in_seconds`` is for browsers whose clock is wrong.
        """
        lifetimes, now = self._sessions.lifetimes, self._clock()
        ends_at = lifetimes.ends_at(session)
        return {
            "authenticated": True,
            "issuer": session.person.subject.issuer,
            "subject": session.person.subject.subject,
            "name": session.person.name,
            "session": session_tag(session.ref),
            "expires_at": ends_at.isoformat(),
            "expires_in_seconds": max(0, round((ends_at - now).total_seconds())),
            "can_stay": session.expires_at - now > timedelta(seconds=lifetimes.warning_seconds),
        }

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)


async def _page_in(request: Request) -> str:
    """The path of the page that the body names; empty for an invalid, oversized or slow body."""
    body = bytearray()
    try:
        with fail_after(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    return ""
        payload = json.loads(body)
    except (ValueError, RecursionError, TimeoutError, ClientDisconnect):
        return ""
    page = payload.get("page") if isinstance(payload, dict) else None
    return safe_return_to(page).partition("?")[0] if isinstance(page, str) else ""
