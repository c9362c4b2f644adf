"""The routes about the session in hand: ``/auth/session`` (who is signed in, until when) and ``/auth/stay``.

Asking extends nothing; staying extends the idle limit only, and only for a script of our own pages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.core.clock import Clock, utc_now
from app.core.errors import SessionExpired, StorageUnavailable, Unauthenticated
from app.core.records import Session
from component.cookies import Cookies, read_cookies
from component.endpoints import NO_STORE, Only, is_from, origin_of, problem
from component.sessions import Sessions

_THREADS: Final = 16
_UNAVAILABLE: Final = "The database does not answer. Try again in a moment."
T = TypeVar("T")


def session_tag(ref: str) -> str:
    """Names a session for scripts of our own pages, which compare it, without giving its reference away."""
    return hashlib.sha256(f"session {ref}".encode()).hexdigest()[:16]


class SessionRoutes:
    """The endpoints, with what they need."""

    def __init__(self, *, base_url: str, sessions: Sessions, cookies: Cookies, clock: Clock = utc_now) -> None:
        self._origin = origin_of(base_url)
        self._sessions = sessions
        self._cookies = cookies
        self._clock = clock
        self._threads = CapacityLimiter(_THREADS)

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [Route("/auth/session", Only("GET", self.session)), Route("/auth/stay", Only("POST", self.stay))]

    async def session(self, request: Request) -> Response:
        """Who is signed in, and until when, without any token. Asking does not keep the session alive."""
        return await self._in_thread(lambda: self._session(request))

    async def stay(self, request: Request) -> Response:
        """The person says they are still there; answers as ``session``, with the new end."""
        if not is_from(self._origin, request):
            return problem(403, "This did not come from a page of this product.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return problem(415, "This is asked for with JSON only.")
        return await self._in_thread(lambda: self._stay(request))

    def _session(self, request: Request) -> Response:
        try:
            session = self._resolve(request)
        except StorageUnavailable:
            return problem(503, _UNAVAILABLE)
        except SessionExpired:
            return JSONResponse({"authenticated": False, "expired": True}, headers=NO_STORE)
        except Unauthenticated:
            return JSONResponse({"authenticated": False}, headers=NO_STORE)
        return JSONResponse(self._told(session), headers=NO_STORE)

    def _stay(self, request: Request) -> Response:
        try:
            session = self._sessions.stay(self._resolve(request))
        except StorageUnavailable:
            return problem(503, _UNAVAILABLE)
        except Unauthenticated:
            return problem(401, "Sign in to go on.")
        return JSONResponse(self._told(session), headers=NO_STORE)

    def _resolve(self, request: Request) -> Session:
        """The live session of this browser. Raises ``Unauthenticated`` (of a blocked person too), as ``resolve``."""
        session = self._sessions.resolve(read_cookies(request.scope["headers"]).get(self._cookies.session, ""))
        if session.person.blocked:
            raise Unauthenticated
        return session

    def _told(self, session: Session) -> dict[str, object]:
        """As it is answered. ``can_stay``: whether staying would help; near the absolute limit nothing does.

        ``expires_in_seconds`` is for browsers whose clock is wrong.
        """
        limits, now = self._sessions.limits, self._clock()
        ends_at = limits.ends_at(session)
        return {
            "authenticated": True,
            "issuer": session.person.subject.issuer,
            "subject": session.person.subject.subject,
            "name": session.person.name,
            "session": session_tag(session.ref),
            "expires_at": ends_at.isoformat(),
            "expires_in_seconds": max(0, round((ends_at - now).total_seconds())),
            "can_stay": session.expires_at - now > timedelta(seconds=limits.warning_seconds),
        }

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)
