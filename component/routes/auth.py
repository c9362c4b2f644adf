"""The routes of sign-in and sign-out: ``/auth/login``, ``/auth/callback``, ``/auth/logout``, ``/auth/ended``.

Blocking work runs in threads of its own, so that a slow provider takes none from the pages. Redirects are built from
the configured address, never from a request. Sources: OIDC Core §3.1, RFC 9207, RFC 9700.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from traceback import extract_tb
from typing import Final
from urllib.parse import urlencode, urlsplit

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.core.audit import AuditKind, subject_name
from app.core.clock import Clock, utc_now
from app.core.errors import (
    GatehouseError,
    PermissionDenied,
    ProviderUnavailable,
    StateMismatch,
    StorageUnavailable,
    Unauthenticated,
)
from app.core.records import EndReason, Session
from app.core.refusal_counts import RefusalCounts
from component.drafts import Drafts
from component.http.client_address import ClientAddresses
from component.http.cookies import Cookies, read_cookies
from component.http.error_pages import blocked_page, ended_page, failure_page, refusal_code
from component.http.origin import is_same_origin, origin_of
from component.http.responses import NO_STORE, SingleMethodEndpoint, problem, with_cookies
from component.http.return_to import HOME, safe_return_to
from component.http.static_pages import signed_in_popup, storage_unavailable
from component.oidc.callback_query import query_of
from component.oidc.exchange_budget import ExchangeBudget
from component.oidc.login_transactions import LoginTransactions
from component.oidc.provider import Provider
from component.routes.backchannel_logout import BackchannelLogoutRoutes, BackchannelLogouts
from component.routes.callback import SignInCallback
from component.routes.session import SessionRoutes
from component.session.service import SessionService
from component.session.step_up import StepUpSignIn, requested_step_up

_SILENT_AGAIN_SECONDS: Final = 3600
"""How long after a silent sign-in a browser waits before another."""
_SIGNED_OUT: Final = "signed-out"
_SIGNED_OUT_SECONDS: Final = 86_400
"""The same in a browser where a user signed out."""
_THREADS: Final = 16

_log = structlog.get_logger(__name__)


def auth_routes(
    *,
    base_url: str,
    sessions: SessionService,
    logins: LoginTransactions,
    provider: Provider,
    cookies: Cookies,
    refusals: RefusalCounts,
    addresses: ClientAddresses,
    step_ups: StepUpSignIn,
    logouts: BackchannelLogouts,
    drafts: Drafts,
    clock: Clock = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[BaseRoute]:
    """The routes, for the root of the app."""
    routes = _Routes(
        base_url,
        sessions,
        step_ups,
        logins,
        provider,
        cookies,
        refusals,
        addresses,
        drafts=drafts,
        exchanges=ExchangeBudget(monotonic),
    )
    return [
        Route("/auth/login", SingleMethodEndpoint("GET", routes.login)),
        Route("/auth/callback", SingleMethodEndpoint("GET", routes.callback)),
        Route("/auth/logout", SingleMethodEndpoint("POST", routes.logout)),
        Route("/auth/ended", SingleMethodEndpoint("GET", routes.ended)),
        *SessionRoutes(base_url=base_url, sessions=sessions, cookies=cookies, clock=clock).routes(),
        *BackchannelLogoutRoutes(logouts, refusals=refusals, addresses=addresses).routes(),
    ]


class _Routes:
    """The endpoints and their dependencies."""

    def __init__(
        self,
        base_url: str,
        sessions: SessionService,
        step_ups: StepUpSignIn,
        logins: LoginTransactions,
        provider: Provider,
        cookies: Cookies,
        refusals: RefusalCounts,
        addresses: ClientAddresses,
        *,
        drafts: Drafts,
        exchanges: ExchangeBudget,
    ) -> None:
        self._base_url = base_url
        self._origin = origin_of(base_url)
        self._host = urlsplit(base_url).hostname or ""
        self._sessions = sessions
        self._logins = logins
        self._provider = provider
        self._cookies = cookies
        self._refusals = refusals
        self._addresses = addresses
        self._drafts = drafts
        self._sign_in_callback = SignInCallback(
            sessions,
            step_ups,
            logins,
            provider,
            cookies,
            addresses,
            drafts=drafts,
            exchanges=exchanges,
            redirect=self._redirect,
            on_failure=self._record_failure,
        )
        self._threads = CapacityLimiter(_THREADS)

    async def login(self, request: Request) -> Response:
        """Redirect the browser to the provider, or to its page when it is signed in already."""
        query = query_of(request)
        return_to = safe_return_to(query.get("return_to"))
        if (request.url.hostname or "").lower() != self._host and "at" not in query:
            # The callback arrives at the configured host, so the transaction's cookie must be set there. Once only.
            return self._redirect(f"/auth/login?{urlencode({'at': 'home', **query, 'return_to': return_to})}")
        return await self._in_thread(request, lambda: self._login(request, query, return_to))

    async def callback(self, request: Request) -> Response:
        """Complete a sign-in."""
        return await self._in_thread(request, lambda: self._sign_in_callback.complete(request))

    async def logout(self, request: Request) -> Response:
        """End the session; the response has the next address (for a script, so that no form is redirected)."""
        if not is_same_origin(self._origin, request):
            return problem(403, "This request did not come from a page of this product.")
        return await self._in_thread(request, lambda: self._logout(request))

    async def ended(self, request: Request) -> Response:
        """Show why the browser's session is over, with a link back to its page."""
        return await self._in_thread(request, lambda: self._ended(request))

    def _ended(self, request: Request) -> Response:
        query = query_of(request)
        return_to = safe_return_to(query.get("return_to"))
        request_cookies = read_cookies(request.scope["headers"])
        try:
            session = self._sessions.resolve(request_cookies.get(self._cookies.session, ""))
        except StorageUnavailable:
            return storage_unavailable()
        except Unauthenticated as error:
            if query.get("sign_in") == "unknown":
                return failure_page(StateMismatch("This sign-in is unknown here."), return_to)
            return ended_page(
                error, return_to, signed_out=request_cookies.get(self._cookies.no_silent_sign_in) == _SIGNED_OUT
            )
        return blocked_page() if session.person.blocked else self._redirect(return_to)

    def _login(self, request: Request, query: Mapping[str, str], return_to: str) -> Response:
        request_cookies = read_cookies(request.scope["headers"])
        is_silent, popup = query.get("silent") == "1", query.get("mode") == "popup"
        another_account = query.get("another") == "1" and not is_silent
        step_up = requested_step_up(query) if not is_silent else None
        silent_for = ""
        set_cookies: tuple[str, ...] = ()
        try:
            current = self._current(request_cookies)
            if (
                current is not None
                and not (another_account or step_up)
                and not self._sessions.silent_sign_in.needed(current.ref)
            ):
                return signed_in_popup(self._cookies.broadcast_channel) if popup else self._redirect(return_to)
            if is_silent and current is not None:
                # Once for each access token, so never in a loop.
                if not self._sessions.silent_sign_in.begin(current.ref):
                    return self._redirect(return_to)
                silent_for = current.ref
            elif is_silent:
                if self._cookies.no_silent_sign_in in request_cookies or self._cookies.session in request_cookies:
                    return self._redirect(return_to)
                set_cookies = (
                    self._cookies.set(self._cookies.no_silent_sign_in, "1", max_age_seconds=_SILENT_AGAIN_SECONDS),
                )
            login = self._logins.begin(
                browser=self._cookies.browser_id(request_cookies),
                cookies=request_cookies,
                return_to=return_to,
                parameters=query,
                silent_for=silent_for,
                silent_sign_in=is_silent,
                another_account=another_account,
                step_up=step_up,
                popup=popup,
                draft="draft" in query,
            )
            self._drafts.bind(query.get("draft"), login.state)
        except GatehouseError as error:
            if is_silent:
                return self._redirect(return_to)
            self._record_failure(error, request)
            return failure_page(error, return_to, popup=popup)
        response = RedirectResponse(login.location, status_code=303, headers=NO_STORE)
        return with_cookies(response, (*login.set_cookies, *set_cookies))

    def _logout(self, request: Request) -> Response:
        location = None
        try:
            session = self._current_or_expired(read_cookies(request.scope["headers"]))
            if session is not None:
                by = subject_name(session.person.subject)
                logout_hint = self._sessions.end(session.ref, EndReason.SIGNED_OUT, by=by)
                location = self._provider.logout_url(logout_hint or "")
        except StorageUnavailable:
            return problem(503, "You could not be signed out: the database does not answer. Try again in a moment.")
        except ProviderUnavailable:
            # Signed out here; the provider's own session cannot be ended now.
            _log.warning("no sign-out address: the provider does not answer")
        answer = JSONResponse({"location": location or HOME}, headers=NO_STORE)
        signed_out_cookie = self._cookies.set(
            self._cookies.no_silent_sign_in, _SIGNED_OUT, max_age_seconds=_SIGNED_OUT_SECONDS
        )
        return with_cookies(answer, (self._cookies.clear(self._cookies.session), signed_out_cookie))

    def _current(self, cookies: Mapping[str, str]) -> Session | None:
        """The live session of this browser, if any. Raises ``StorageUnavailable`` only."""
        session_secret = cookies.get(self._cookies.session)
        if not session_secret:
            return None
        try:
            return self._sessions.resolve(session_secret)
        except Unauthenticated:
            return None

    def _current_or_expired(self, cookies: Mapping[str, str]) -> Session | None:
        """As ``_current``, or the expired session that could be resumed: a sign-out prevents that."""
        return self._current(cookies) or self._sessions.resumption.by_session_secret(
            cookies.get(self._cookies.session, "")
        )

    def _record_failure(self, error: GatehouseError, request: Request) -> None:
        """Record a failure; the refusal of a blocked user is recorded already."""
        code = refusal_code(error)
        _log.warning("a sign-in failed", reason=code)
        if not isinstance(error, (StorageUnavailable, PermissionDenied)):
            self._refusals.record(AuditKind.LOGIN_REFUSE, code, address=self._addresses.of(request.scope))

    def _redirect(self, path: str) -> Response:
        return RedirectResponse(f"{self._base_url}{path}", status_code=303, headers=NO_STORE)

    async def _in_thread(self, request: Request, work: Callable[[], Response]) -> Response:
        """Run ``work``; any unexpected exception becomes a page, a log line and an audit event."""
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        except Exception as error:  # noqa: BLE001 - the border to the browser
            # Places only: the text of the error may contain input.
            places = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-5:]]
            _log.error("unexpected error", path=request.url.path, error=type(error).__name__, places=places)
            error_shown = GatehouseError()
            self._record_failure(error_shown, request)
            return failure_page(error_shown, HOME)
