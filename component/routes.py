"""The routes of signing in and out: ``/auth/login``, ``/auth/callback``, ``/auth/logout``, ``/auth/ended``.

Blocking work runs in threads of its own, so that a slow provider takes none from the pages. Redirects are built from
the configured address, never from a request. Sources: OIDC Core §3.1, RFC 9207, RFC 9700.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.core.audit import AuditKind, subject_name
from app.core.clock import Clock, utc_now
from app.core.errors import (
    GatehouseError,
    LoginFailed,
    PermissionDenied,
    ProviderUnavailable,
    StateMismatch,
    StorageUnavailable,
    Unauthenticated,
)
from app.core.records import EndReason, Session
from app.core.refusals import Refusals
from app.core.token_kinds import IdToken
from component.addresses import ClientAddresses
from component.callback_query import provider_refusal, query_of
from component.cookies import Cookies, read_cookies
from component.endpoints import NO_STORE, Only, is_from, origin_of, problem, with_cookies
from component.failures import blocked_page, ended_page, failure_page, refusal_code
from component.login import Logins, LoginTransaction
from component.notices import storage_unavailable
from component.oidc import Provider, TokenSet
from component.provider_logouts import ProviderLogoutRoutes, ProviderLogouts
from component.return_to import HOME, safe_return_to
from component.session_routes import SessionRoutes
from component.sessions import Begun, Sessions
from component.step_up import StepUps, asked_in

_CODE_MAX_CHARACTERS: Final = 4096
_THREADS: Final = 16

_log = logging.getLogger(__name__)
T = TypeVar("T")


def auth_routes(
    *,
    base_url: str,
    sessions: Sessions,
    logins: Logins,
    provider: Provider,
    cookies: Cookies,
    refusals: Refusals,
    addresses: ClientAddresses,
    step_ups: StepUps,
    logouts: ProviderLogouts,
    clock: Clock = utc_now,
) -> list[BaseRoute]:
    """The routes, to be mounted at the root of the app."""
    routes = _Routes(base_url, sessions, step_ups, logins, provider, cookies, refusals, addresses)
    return [
        Route("/auth/login", Only("GET", routes.login)),
        Route("/auth/callback", Only("GET", routes.callback)),
        Route("/auth/logout", Only("POST", routes.logout)),
        Route("/auth/ended", Only("GET", routes.ended)),
        *SessionRoutes(base_url=base_url, sessions=sessions, cookies=cookies, clock=clock).routes(),
        *ProviderLogoutRoutes(logouts, refusals=refusals, addresses=addresses).routes(),
    ]


class _Routes:
    """The endpoints, with what they need."""

    def __init__(
        self,
        base_url: str,
        sessions: Sessions,
        step_ups: StepUps,
        logins: Logins,
        provider: Provider,
        cookies: Cookies,
        refusals: Refusals,
        addresses: ClientAddresses,
    ) -> None:
        self._base_url = base_url
        self._origin = origin_of(base_url)
        self._host = urlsplit(base_url).hostname or ""
        self._sessions = sessions
        self._step_ups = step_ups
        self._logins = logins
        self._provider = provider
        self._cookies = cookies
        self._refusals = refusals
        self._addresses = addresses
        self._threads = CapacityLimiter(_THREADS)

    async def login(self, request: Request) -> Response:
        """Send the browser to the provider, or on to where it wants to go when it is signed in already."""
        query = query_of(request)
        return_to = safe_return_to(query.get("return_to"))
        if (request.url.hostname or "").lower() != self._host and "at" not in query:
            # The callback comes to the configured host: the transaction's cookie must be there too. Once only.
            return self._to(f"/auth/login?at=home&return_to={quote(return_to, safe='')}")
        return await self._in_thread(lambda: self._login(request, query, return_to))

    async def callback(self, request: Request) -> Response:
        """Finish a sign-in."""
        return await self._in_thread(lambda: self._callback(request))

    async def logout(self, request: Request) -> Response:
        """End the session; answers where the browser should go next (a script follows, so no form is redirected)."""
        if not is_from(self._origin, request):
            return problem(403, "This did not come from a page of this product.")
        return await self._in_thread(lambda: self._logout(request))

    async def ended(self, request: Request) -> Response:
        """Say why the browser's session is over, and lead back to where it was."""
        return await self._in_thread(lambda: self._ended(request))

    def _ended(self, request: Request) -> Response:
        return_to = safe_return_to(query_of(request).get("return_to"))
        secret = read_cookies(request.scope["headers"]).get(self._cookies.session, "")
        try:
            session = self._sessions.resolve(secret)
        except StorageUnavailable:
            return storage_unavailable()
        except Unauthenticated as error:
            return ended_page(error, return_to)
        return blocked_page() if session.person.blocked else self._to(return_to)

    def _login(self, request: Request, query: Mapping[str, str], return_to: str) -> Response:
        sent = read_cookies(request.scope["headers"])
        silent = query.get("silent") == "1"
        another = query.get("another") == "1"
        silent_for = ""
        step_up = asked_in(query) if not silent else None
        anew = step_up is not None or (another and not silent)
        try:
            current = self._current(sent)
            if current is not None and not anew and not self._sessions.silent.needed(current.ref):
                return self._to(return_to)
            if silent:
                # Once, and for a session that is there only: so never after a sign-out, and never in a circle.
                if current is None or not self._sessions.silent.begin(current.ref):
                    return self._to(return_to)
                silent_for = current.ref
            begun = self._logins.begin(
                browser=self._cookies.browser_id(sent),
                cookies=sent,
                return_to=return_to,
                parameters=query,
                silent_for=silent_for,
                another=another,
                step_up=step_up,
            )
        except GatehouseError as error:
            return self._to(return_to) if silent else self._failed(error, request, return_to)
        return with_cookies(RedirectResponse(begun.location, status_code=303, headers=NO_STORE), begun.set_cookies)

    def _callback(self, request: Request) -> Response:
        sent = read_cookies(request.scope["headers"])
        query = query_of(request)
        state = query.get("state")
        done = self._logins.forget(state)
        transaction: LoginTransaction | None = None
        current: Session | None = None
        try:
            current = self._current(sent)
            transaction = self._logins.open(state, browser=self._cookies.browser_id(sent), cookies=sent)
            if transaction.silent_for:
                return with_cookies(self._finish_silently(query, transaction, current), done)
            begun = self._finish(request, query, transaction, current)
        except StateMismatch as error:
            if current is not None:
                # The back button or a double click in a browser that is signed in: nothing is wrong.
                return with_cookies(self._to(transaction.return_to if transaction is not None else HOME), done)
            if transaction is None:
                # Anybody can make up a state: nothing is written for that.
                _log.info("a callback with an unknown state")
                return with_cookies(failure_page(error, HOME), done)
            return with_cookies(self._failed(error, request, transaction.return_to), done)
        except GatehouseError as error:
            return_to = transaction.return_to if transaction is not None else HOME
            return with_cookies(self._failed(error, request, return_to), done)
        cookie = self._cookies.set(
            self._cookies.session, begun.secret, max_age_seconds=self._sessions.limits.absolute_seconds
        )
        return with_cookies(self._to(transaction.return_to), (cookie, *done))

    def _finish_silently(
        self, query: Mapping[str, str], transaction: LoginTransaction, current: Session | None
    ) -> Response:
        """Back to the page in any case: it shows what it is for, or asks to sign in if that did not work."""
        if current is not None and current.ref == transaction.silent_for:
            try:
                self._sessions.silent.complete(current, *self._tokens(query, transaction))
            except StateMismatch:
                pass  # an answer that comes a second time
            except GatehouseError as error:
                self._sessions.silent.refused(current, refusal_code(error))
        return self._to(transaction.return_to)

    def _finish(
        self, request: Request, query: Mapping[str, str], transaction: LoginTransaction, current: Session | None
    ) -> Begun:
        """Everything between an answer that belongs to this browser and a session; raises when any of it is wrong."""
        tokens, id_token = self._tokens(query, transaction)
        address = self._addresses.of(request.scope)
        if transaction.step_up is not None and current is not None and current.person.subject == id_token.subject:
            begun = self._step_ups.complete(current, tokens, id_token, address=address)
            if begun is not None:
                return begun
        return self._sessions.begin(
            tokens,
            id_token,
            user_agent=request.headers.get("user-agent", ""),
            address=address,
            replaces=current.ref if current is not None else None,
        )

    def _tokens(self, query: Mapping[str, str], transaction: LoginTransaction) -> tuple[TokenSet, IdToken]:
        """What the provider's answer brings, the ID token verified; raises when any of it is wrong."""
        self._logins.complete(transaction)
        self._provider.check_issuer(query.get("iss"))
        if "error" in query:
            raise provider_refusal(query)
        code = query.get("code", "")
        if not code or len(code) > _CODE_MAX_CHARACTERS:
            raise LoginFailed("The sign-in service's answer was incomplete. Begin anew.")
        tokens = self._provider.exchange(code, transaction.code_verifier)
        if not tokens.id_token:
            raise ProviderUnavailable("The sign-in provider's answer made no sense.")
        return tokens, self._step_ups.id_token(tokens, transaction)

    def _logout(self, request: Request) -> Response:
        location = None
        try:
            session = self._current(read_cookies(request.scope["headers"]))
            if session is not None:
                by = subject_name(session.person.subject)
                hint = self._sessions.end(session.ref, EndReason.SIGNED_OUT, by=by)
                location = self._provider.logout_url(hint or "")
        except StorageUnavailable:
            return problem(503, "You could not be signed out: the database does not answer. Try again in a moment.")
        except ProviderUnavailable:
            # Signed out here; the provider's own session cannot be ended now.
            _log.warning("no sign-out address: the provider does not answer")
        answer = JSONResponse({"location": location or HOME}, headers=NO_STORE)
        return with_cookies(answer, (self._cookies.clear(self._cookies.session),))

    def _current(self, cookies: Mapping[str, str]) -> Session | None:
        """The live session of this browser, if any. Raises ``StorageUnavailable`` only."""
        secret = cookies.get(self._cookies.session)
        if not secret:
            return None
        try:
            return self._sessions.resolve(secret)
        except Unauthenticated:
            return None

    def _failed(self, error: GatehouseError, request: Request, return_to: str) -> Response:
        """The page for a failure, and its audit; a blocked person's refusal is on record already."""
        code = refusal_code(error)
        _log.info("a sign-in failed: %s", code)
        if not isinstance(error, (StorageUnavailable, PermissionDenied)):
            self._refusals.record(AuditKind.LOGIN_REFUSE, code, address=self._addresses.of(request.scope))
        return failure_page(error, return_to)

    def _to(self, path: str) -> Response:
        return RedirectResponse(f"{self._base_url}{path}", status_code=303, headers=NO_STORE)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)
