"""The callback of a sign-in: from the provider's response at ``/auth/callback`` to a session, in a tab or a popup.

Blocking; runs in a thread. Sources: OIDC Core §3.1.2.5 and following, RFC 9207, RFC 9700.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from app.core.errors import (
    GatehouseError,
    LoginFailed,
    ProviderUnavailable,
    SessionExpired,
    StateMismatch,
    TooManyRequests,
    Unauthenticated,
)
from app.core.failure_reasons import CallbackReason, ProviderReason
from app.core.principal import Subject
from app.core.records import Session
from app.core.tokens.types import IdToken
from component.drafts import Drafts
from component.http.client_address import ClientAddresses
from component.http.cookies import Cookies, browser_hash, read_cookies
from component.http.error_pages import failure_page, refusal_code, unknown_sign_in_page
from component.http.responses import with_cookies
from component.http.static_pages import signed_in_popup
from component.oidc.callback_query import provider_refusal, query_of
from component.oidc.exchange_budget import ExchangeBudget
from component.oidc.login_transactions import LoginTransaction, LoginTransactions
from component.oidc.provider import Provider, TokenSet
from component.session.credentials import IssuedSession
from component.session.service import SessionService
from component.session.step_up import StepUpSignIn

_MAX_CODE_CHARACTERS: Final = 4096
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _CallbackRequest:
    """A request to the callback, with the browser's session."""

    request: Request
    query: Mapping[str, str]
    cookies: Mapping[str, str]
    current: Session | None
    """The live session of the browser, if any."""
    expired: Session | None
    """Otherwise its expired session, while it can be resumed."""


class SignInCallback:
    """Completes sign-ins. Safe from any thread."""

    def __init__(
        self,
        sessions: SessionService,
        step_ups: StepUpSignIn,
        logins: LoginTransactions,
        provider: Provider,
        cookies: Cookies,
        addresses: ClientAddresses,
        *,
        drafts: Drafts,
        exchanges: ExchangeBudget,
        redirect: Callable[[str], Response],
        on_failure: Callable[[GatehouseError, Request], None],
    ) -> None:
        """Take the services of the routes.

        Args:
            sessions: The sessions.
            step_ups: Completes step-ups.
            logins: The login transactions.
            provider: The sign-in provider.
            cookies: The cookies of the installation.
            addresses: Reads client addresses.
            drafts: Drafts that wait for a sign-in.
            exchanges: How many failing sign-ins may reach the provider.
            redirect: Makes the response that sends the browser to a page.
            on_failure: Records a failure.
        """
        self._sessions = sessions
        self._step_ups = step_ups
        self._logins = logins
        self._provider = provider
        self._cookies = cookies
        self._addresses = addresses
        self._drafts = drafts
        self._exchanges = exchanges
        self._redirect = redirect
        self._on_failure = on_failure

    def complete(self, request: Request) -> Response:
        """The response to a callback."""
        cookies, query = read_cookies(request.scope["headers"]), query_of(request)
        state = query.get("state")
        try:
            transaction = self._logins.open(state, browser=self._cookies.browser_id(cookies), cookies=cookies)
        except StateMismatch as error:
            # A state can be forged, and any site can send its visitor here with it: nothing is looked up, stored or
            # set, and a signed-in user gets the same response as any other visitor.
            _log.info("a callback was refused", reason=refusal_code(error))
            return unknown_sign_in_page()
        clearing = self._logins.clear_cookie(state)
        current: Session | None = None
        try:
            current, expired = self._browser_session(cookies)
            callback = _CallbackRequest(request, query, cookies, current, expired)
            if transaction.is_silent:
                return self._complete_silent(callback, transaction, clearing)
            issued = self._begin(callback, transaction)
        except StateMismatch as error:
            if current is not None:
                # The back button or a double click in a browser that is signed in: nothing is wrong.
                return with_cookies(self._return(transaction), clearing)
            return self._failed(error, request, transaction, clearing)
        except GatehouseError as error:
            return self._failed(error, request, transaction, clearing)
        return with_cookies(self._return(transaction), (self._session_cookie(issued), *clearing))

    def _complete_silent(
        self, callback: _CallbackRequest, transaction: LoginTransaction, clearing: tuple[str, ...]
    ) -> Response:
        """Complete a silent sign-in. It returns to its page in any case, which asks for a sign-in if it failed."""
        cookies = clearing
        try:
            if not transaction.silent_for:
                if callback.current is None and callback.expired is None:
                    cookies = (self._session_cookie(self._begin(callback, transaction)), *clearing)
            elif callback.current is not None and callback.current.ref == transaction.silent_for:
                self._refresh(callback.current, callback, transaction)
        except StateMismatch:
            pass  # a repeated callback
        except GatehouseError as error:
            _log.info("a silent sign-in failed", reason=refusal_code(error))
        return with_cookies(self._return(transaction), cookies)

    def _refresh(self, session: Session, callback: _CallbackRequest, transaction: LoginTransaction) -> None:
        """New tokens for a session without a refresh token. Raises ``StateMismatch`` only."""
        try:
            code = self._code(callback)
            with self._attempt(callback):
                self._sessions.silent_sign_in.complete(session, *self._tokens(code, transaction))
        except StateMismatch:
            raise
        except GatehouseError as error:
            self._sessions.silent_sign_in.refused(session, refusal_code(error))
        self._claim_draft(callback, transaction, session.person.subject, session.ref)

    def _begin(self, callback: _CallbackRequest, transaction: LoginTransaction) -> IssuedSession:
        """Make a session of a callback that belongs to this browser; raises when any step fails."""
        code = self._code(callback)
        with self._attempt(callback):
            tokens, id_token = self._tokens(code, transaction)
            issued = self._session(callback, transaction, tokens, id_token)
        self._exchanges.remember(self._browser(callback), id_token.subject)
        self._claim_draft(callback, transaction, id_token.subject, issued.ref)
        return issued

    def _session(
        self, callback: _CallbackRequest, transaction: LoginTransaction, tokens: TokenSet, id_token: IdToken
    ) -> IssuedSession:
        """The browser's session, re-authenticated, if it is this user's; otherwise a new one in its place."""
        address = self._addresses.of(callback.request.scope)
        known, issued = callback.current or callback.expired, None
        if callback.current is not None:
            if transaction.step_up is not None and callback.current.person.subject == id_token.subject:
                issued = self._step_ups.complete(callback.current, tokens, id_token, address=address)
        elif callback.expired is not None:
            issued = self._sessions.resumption.complete(callback.expired, tokens, id_token, address=address)
        return issued or self._sessions.begin(
            tokens,
            id_token,
            user_agent=callback.request.headers.get("user-agent", ""),
            address=address,
            replaces=known.ref if known is not None else None,
        )

    def _code(self, callback: _CallbackRequest) -> str:
        """The code of the callback; raises when it has none.

        Without a code nothing is exchanged or consumed, so a forged callback writes no row.
        """
        query, code = callback.query, callback.query.get("code", "")
        self._provider.check_issuer(query.get("iss"))
        if "error" in query:
            raise provider_refusal(query)
        if not code or len(code) > _MAX_CODE_CHARACTERS:
            raise LoginFailed(reason=CallbackReason.INCOMPLETE)
        return code

    def _attempt(self, callback: _CallbackRequest) -> AbstractContextManager[None]:
        """One attempt to exchange a code, in a ``with`` block. Raises ``TooManyRequests``."""
        session = callback.current or callback.expired
        return self._exchanges.attempt(
            browser=self._browser(callback),
            address=self._addresses.of(callback.request.scope),
            subject=session.person.subject if session is not None else None,
        )

    def _tokens(self, code: str, transaction: LoginTransaction) -> tuple[TokenSet, IdToken]:
        """Exchange a code, once for each sign-in, and verify the ID token; raises when any step fails."""
        self._logins.complete(transaction)
        tokens = self._provider.exchange(code, transaction.code_verifier)
        if not tokens.id_token:
            raise ProviderUnavailable(reason=ProviderReason.NO_ID_TOKEN)
        return tokens, self._sessions.sign_in_checks.verify_id_token(tokens, transaction)

    def _browser(self, callback: _CallbackRequest) -> str:
        return browser_hash(self._cookies.browser_id(callback.cookies))

    def _claim_draft(
        self, callback: _CallbackRequest, transaction: LoginTransaction, subject: Subject, ref: str
    ) -> None:
        """Assign the draft that waited for this sign-in to the page that the browser returns to."""
        if transaction.draft:
            path = transaction.return_to.partition("?")[0]
            self._drafts.claim(
                transaction.state, subject=subject, browser_hash=self._browser(callback), ref=ref, path=path
            )

    def _browser_session(self, cookies: Mapping[str, str]) -> tuple[Session | None, Session | None]:
        """The live session of this browser, otherwise its expired one. Raises ``StorageUnavailable`` only."""
        session_secret = cookies.get(self._cookies.session)
        if not session_secret:
            return None, None
        try:
            return self._sessions.resolve(session_secret), None
        except SessionExpired:
            return None, self._sessions.resumption.by_session_secret(session_secret)
        except Unauthenticated:
            return None, None

    def _session_cookie(self, issued: IssuedSession) -> str:
        return self._cookies.set(
            self._cookies.session, issued.session_secret, max_age_seconds=self._sessions.lifetimes.cookie_seconds
        )

    def _return(self, transaction: LoginTransaction) -> Response:
        """The response after a completed sign-in: back to its page, or the last page of its popup."""
        return (
            signed_in_popup(self._cookies.broadcast_channel)
            if transaction.popup
            else self._redirect(transaction.return_to)
        )

    def _failed(
        self, error: GatehouseError, request: Request, transaction: LoginTransaction, clearing: tuple[str, ...]
    ) -> Response:
        """Record a failure, and return its page; another try keeps the draft."""
        self._on_failure(error, request)
        if isinstance(error, TooManyRequests):
            # The transaction is not consumed, and its draft still waits: the same address works later.
            return failure_page(error, transaction.return_to, popup=transaction.popup)
        draft = self._drafts.release(transaction.state) if transaction.draft else ""
        page = failure_page(error, transaction.return_to, popup=transaction.popup, draft=draft)
        return with_cookies(page, clearing)
