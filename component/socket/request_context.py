"""The context of the middleware for HTTP requests and for sockets: one for the process, and one for each request."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Scope, Send

from app.core import correlation
from app.core.errors import StorageUnavailable, Unauthenticated
from app.core.records import Session
from component.http.cookies import Cookies, read_cookies
from component.http.origin import Site
from component.http.security_headers import SecurityHeaders, content_security_policy
from component.http.static_pages import log_server_error
from component.session.credentials import session_secret_hash
from component.socket.identity import Identity, without_identity_headers
from component.socket.tabs import Tabs

RETRY_SECONDS: Final = 5
_FIRST_REFUSAL: Final = 400


@dataclass(frozen=True, slots=True)
class HostedApp:
    """A hosted app, as far as the middleware knows it.

    Args:
        may_enter: Whether this session's user may enter it, read from storage; may raise ``StorageUnavailable``.
        inline_scripts: Whether its HTML contains scripts.
    """

    may_enter: Callable[[Session], bool]
    inline_scripts: bool = False


@dataclass(frozen=True, slots=True)
class MiddlewareConfig:
    """What the middleware protects.

    Args:
        base_url: Its host is the one that is answered for; outside production the loopback names are too.
        production: Whether it runs in production.
        picture_hosts: The hosts that users' pictures may come from.
        auth_paths: All paths below ``/auth/``; None when the app behind the middleware has more.
        page_paths: All pages, without slashes; None when only the app behind the middleware knows them.
        hosted_app: The hosted app behind the middleware; None for our own.
    """

    base_url: str
    production: bool
    picture_hosts: Sequence[str] = ()
    auth_paths: Collection[str] | None = None
    page_paths: Collection[str] | None = None
    hosted_app: HostedApp | None = None


class MiddlewareContext:
    """What is the same for all requests of a process."""

    def __init__(
        self, app: ASGIApp, *, tabs: Tabs, cookies: Cookies, identity: Identity, config: MiddlewareConfig
    ) -> None:
        """``app``: the one behind the middleware. ``tabs``: the live tabs of this process."""
        hosted_app = config.hosted_app
        self.app = app
        self.tabs = tabs
        self.cookies = cookies
        self.identity = identity
        self.config = config
        self.site = Site(config.base_url, loopback_too=not config.production)
        self._security_headers = SecurityHeaders(
            secure=cookies.secure,
            csp=content_security_policy(
                picture_hosts=config.picture_hosts,
                hosted=hosted_app is not None,
                inline_scripts=hosted_app is not None and hosted_app.inline_scripts,
            ),
            hosted=hosted_app is not None,
        )

    def with_headers(self, send: Send, *, private: bool, component: bool = False, page: bool = False) -> Send:
        """``send`` that adds the security headers to a response and, to a private one, the correlation id."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                self._security_headers.apply(headers, private=private, component=component, page=page)
                if private:
                    headers[correlation.HEADER] = correlation.current()
            await send(message)

        return send_with_headers

    def anonymous(self, scope: Scope) -> Scope:
        """The scope as Streamlit sees it, without any identity or cookie of ours."""
        return {**scope, "headers": self.cookies.hide(without_identity_headers(scope["headers"]))}


class RequestContext:
    """One request or handshake: its browser, its session, and the scope that the app behind the middleware sees."""

    def __init__(self, shared: MiddlewareContext, scope: Scope) -> None:
        self._shared = shared
        self._scope = scope
        cookies = read_cookies(scope["headers"])
        known = shared.cookies.browser_id(cookies)
        self.browser = known or secrets.token_urlsafe(32)
        """The browser's own id, from its cookie or new."""
        self.is_new_browser = not known
        self._session_secret = cookies.get(shared.cookies.session, "")

    async def session(self) -> Session | None:
        """The live session of the cookie: one query, off the event loop.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        tabs, session_secret = self._shared.tabs, self._session_secret
        if not session_secret:
            return None
        try:
            return await tabs.in_thread(lambda: tabs.sessions.resolve(session_secret))
        except Unauthenticated:
            return None

    async def expired_session(self) -> Session | None:
        """The session of the cookie that has expired and can be resumed.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        tabs, session_secret = self._shared.tabs, self._session_secret
        return (
            await tabs.in_thread(lambda: tabs.sessions.resumption.by_session_secret(session_secret))
            if session_secret
            else None
        )

    def has_new_secret(self) -> bool:
        """Whether the session of the cookie got a new secret a moment ago, which this browser does not have yet."""
        return bool(self._session_secret) and self._shared.tabs.has_new_secret(
            session_secret_hash(self._session_secret)
        )

    def owner(self, session: Session | None) -> str:
        """The owner of the request's tab or files: the session, or an anonymous browser."""
        return owner_of(session, self.browser)

    def identified(self, session: Session | None) -> Scope:
        """The scope as Streamlit sees it: the identity in headers of ours only, and none of our cookies."""
        shared = self._shared
        headers = shared.cookies.hide(without_identity_headers(self._scope["headers"]))
        return {**self._scope, "headers": headers + shared.identity.headers(session, self.browser)}

    def for_routes(self) -> Scope:
        """The scope as our routes see it, with the cookie of a new browser: a sign-in must match its browser."""
        headers = without_identity_headers(self._scope["headers"])
        if self.is_new_browser:
            headers = self._shared.cookies.with_browser(headers, self.browser)
        return {**self._scope, "headers": headers}

    def with_browser_cookie(self, send: Send, message_type: str) -> Send:
        """``send`` that adds the cookie of a new browser to messages of this type, unless they refuse the request."""
        if not self.is_new_browser:
            return send
        cookies = self._shared.cookies
        header = (b"set-cookie", cookies.set(cookies.browser, self.browser).encode())

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == message_type and message.get("status", 0) < _FIRST_REFUSAL:
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        return send_with_cookie


def owner_of(session: Session | None, browser: str) -> str:
    """The key of an owner of tabs: a session, or an anonymous browser."""
    return f"session {session.ref}" if session is not None else f"browser {browser}"


def try_again() -> Response:
    """The response while storage does not answer, to requests that are not for pages."""
    log_server_error(StorageUnavailable.status, StorageUnavailable.code)
    return PlainTextResponse("Try again in a moment.\n", 503, headers={"Retry-After": str(RETRY_SECONDS)})
