"""The end of a sign-in: from the provider's answer at ``/auth/callback`` to a session, in this tab or in a popup.

Blocking; runs in a thread. Sources: OIDC Core §3.1.2.5 and following, RFC 9207, RFC 9700.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

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
from component.session.service import Sessions
from component.session.step_up import StepUpSignIn

_MAX_CODE_CHARACTERS: Final = 4096
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A callback: what it brings, and who is at the browser that brings it."""

    request: Request
    query: Mapping[str, str]
    cookies: Mapping[str, str]
    current: Session | None
    """The live session there, if any."""
    expired: Session | None
    """Else the one that is only expired, and can be revived."""


class SignInCallback:
    """Finishes sign-ins. Safe from any thread."""

    def __init__(
        self,
        sessions: Sessions,
        step_ups: StepUpSignIn,
        logins: LoginTransactions,
        provider: Provider,
        cookies: Cookies,
        addresses: ClientAddresses,
        *,
        drafts: Drafts,
        exchanges: ExchangeBudget,
        go_to: Callable[[str], Response],
        on_failure: Callable[[GatehouseError, Request], None],
    ) -> None:
        """``exchanges``: how many sign-ins that come to nothing reach the provider.

        ``go_to``: the answer that sends a browser to a page. ``on_failure``: writes a failure down.
        """
        self._sessions = sessions
        self._step_ups = step_ups
        self._logins = logins
        self._provider = provider
        self._cookies = cookies
        self._addresses = addresses
        self._drafts = drafts
        self._exchanges = exchanges
        self._to = go_to
        self._on_failure = on_failure

    def finish(self, request: Request) -> Response:
        """The answer to a callback."""
        cookies, query = read_cookies(request.scope["headers"]), query_of(request)
        state = query.get("state")
        try:
            transaction = self._logins.open(state, browser=self._cookies.browser_id(cookies), cookies=cookies)
        except StateMismatch as error:
            # Anybody can make up a state, and any site can send its visitor here with it: nothing is looked up, written
            # or set, and who is signed in gets the same answer as everybody else.
            _log.info("a callback was refused: %s", refusal_code(error))
            return unknown_sign_in_page()
        done = self._logins.forget(state)
        current: Session | None = None
        try:
            current, expired = self._there(cookies)
            asked = _Asked(request, query, cookies, current, expired)
            if transaction.is_silent:
                return self._finish_silently(asked, transaction, done)
            issued = self._begin(asked, transaction)
        except StateMismatch as error:
            if current is not None:
                # The back button or a double click in a browser that is signed in: nothing is wrong.
                return with_cookies(self._back(transaction), done)
            return self._failed(error, request, transaction, done)
        except GatehouseError as error:
            return self._failed(error, request, transaction, done)
        return with_cookies(self._back(transaction), (self._session_cookie(issued), *done))

    def _finish_silently(self, asked: _Asked, transaction: LoginTransaction, done: tuple[str, ...]) -> Response:
        """Back to the page in any case: it shows what it is for, or asks to sign in if that did not work."""
        cookies = done
        try:
            if not transaction.silent_for:
                if asked.current is None and asked.expired is None:
                    cookies = (self._session_cookie(self._begin(asked, transaction)), *done)
            elif asked.current is not None and asked.current.ref == transaction.silent_for:
                self._renew(asked.current, asked, transaction)
        except StateMismatch:
            pass  # an answer that comes a second time
        except GatehouseError as error:
            _log.info("a silent sign-in came to nothing: %s", refusal_code(error))
        return with_cookies(self._back(transaction), cookies)

    def _renew(self, session: Session, asked: _Asked, transaction: LoginTransaction) -> None:
        """New tokens for a session without a refresh token. Raises ``StateMismatch`` only."""
        try:
            code = self._code(asked)
            with self._attempt(asked):
                self._sessions.silent.complete(session, *self._tokens(code, transaction))
        except StateMismatch:
            raise
        except GatehouseError as error:
            self._sessions.silent.refused(session, refusal_code(error))
        self._hand_over(asked, transaction, session.person.subject, session.ref)

    def _begin(self, asked: _Asked, transaction: LoginTransaction) -> IssuedSession:
        """Everything between an answer that belongs to this browser and a session; raises when any of it is wrong."""
        code = self._code(asked)
        with self._attempt(asked):
            tokens, id_token = self._tokens(code, transaction)
            issued = self._session(asked, transaction, tokens, id_token)
        self._exchanges.remember(self._browser(asked), id_token.subject)
        self._hand_over(asked, transaction, id_token.subject, issued.ref)
        return issued

    def _session(
        self, asked: _Asked, transaction: LoginTransaction, tokens: TokenSet, id_token: IdToken
    ) -> IssuedSession:
        """The session at hand that goes on, where it is this person's; else a new one in its place."""
        address = self._addresses.of(asked.request.scope)
        known, issued = asked.current or asked.expired, None
        if asked.current is not None:
            if transaction.step_up is not None and asked.current.person.subject == id_token.subject:
                issued = self._step_ups.complete(asked.current, tokens, id_token, address=address)
        elif asked.expired is not None:
            issued = self._sessions.resumption.complete(asked.expired, tokens, id_token, address=address)
        return issued or self._sessions.begin(
            tokens,
            id_token,
            user_agent=asked.request.headers.get("user-agent", ""),
            address=address,
            replaces=known.ref if known is not None else None,
        )

    def _code(self, asked: _Asked) -> str:
        """The code that the provider's answer brings; raises when it brings none.

        Where nothing is exchanged, nothing need be used up: what anybody can send writes no row.
        """
        query, code = asked.query, asked.query.get("code", "")
        self._provider.check_issuer(query.get("iss"))
        if "error" in query:
            raise provider_refusal(query)
        if not code or len(code) > _MAX_CODE_CHARACTERS:
            raise LoginFailed(reason=CallbackReason.INCOMPLETE)
        return code

    def _attempt(self, asked: _Asked) -> AbstractContextManager[None]:
        """Admits what comes of a code, in a block. Raises ``TooManyRequests``."""
        session = asked.current or asked.expired
        return self._exchanges.attempt(
            browser=self._browser(asked),
            address=self._addresses.of(asked.request.scope),
            subject=session.person.subject if session is not None else None,
        )

    def _tokens(self, code: str, transaction: LoginTransaction) -> tuple[TokenSet, IdToken]:
        """What a code is exchanged for, once for each sign-in, the ID token verified; raises when any is wrong."""
        self._logins.complete(transaction)
        tokens = self._provider.exchange(code, transaction.code_verifier)
        if not tokens.id_token:
            raise ProviderUnavailable(reason=ProviderReason.NO_ID_TOKEN)
        return tokens, self._step_ups.id_token(tokens, transaction)

    def _browser(self, asked: _Asked) -> str:
        return browser_hash(self._cookies.browser_id(asked.cookies))

    def _hand_over(self, asked: _Asked, transaction: LoginTransaction, subject: Subject, ref: str) -> None:
        """Have the draft that waited for this sign-in wait for the page that the browser goes back to."""
        if transaction.draft:
            path = transaction.return_to.partition("?")[0]
            self._drafts.claim(
                transaction.state, subject=subject, browser_hash=self._browser(asked), ref=ref, path=path
            )

    def _there(self, cookies: Mapping[str, str]) -> tuple[Session | None, Session | None]:
        """The live session of this browser, else its expired one. Raises ``StorageUnavailable`` only."""
        secret = cookies.get(self._cookies.session)
        if not secret:
            return None, None
        try:
            return self._sessions.resolve(secret), None
        except SessionExpired:
            return None, self._sessions.resumption.by_secret(secret)
        except Unauthenticated:
            return None, None

    def _session_cookie(self, issued: IssuedSession) -> str:
        return self._cookies.set(
            self._cookies.session, issued.secret, max_age_seconds=self._sessions.lifetimes.cookie_seconds
        )

    def _back(self, transaction: LoginTransaction) -> Response:
        """Where a sign-in that is done leads: back to its page, or to the end of its window."""
        return signed_in_popup(self._cookies.tabs) if transaction.popup else self._to(transaction.return_to)

    def _failed(
        self, error: GatehouseError, request: Request, transaction: LoginTransaction, done: tuple[str, ...]
    ) -> Response:
        """The page for a failure, which is written down; trying again keeps the draft."""
        self._on_failure(error, request)
        if isinstance(error, TooManyRequests):
            # The sign-in is not used up, and its draft still waits: the same address may be asked again later.
            return failure_page(error, transaction.return_to, popup=transaction.popup)
        draft = self._drafts.release(transaction.state) if transaction.draft else ""
        page = failure_page(error, transaction.return_to, popup=transaction.popup, draft=draft)
        return with_cookies(page, done)
