"""The identity middleware: pure ASGI middleware that binds every request and socket to its session.

It removes any identity that a client names and adds that of the session, under header names that are random at each
start; ``server.trustedUserHeaders`` carries them into ``st.user``, so Streamlit itself reattaches no socket of another
identity. It knows nothing of Streamlit but its paths.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.core import correlation
from component.http.client_address import ClientAddresses
from component.http.cookies import Cookies
from component.limits.admission import Admission
from component.socket.http_middleware import HttpMiddleware
from component.socket.identity import Identity
from component.socket.request_context import MiddlewareConfig, MiddlewareContext
from component.socket.tabs import Tabs
from component.socket.websocket_middleware import WebSocketMiddleware


class IdentityMiddleware:
    """The middleware, one instance for a process."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tabs: Tabs,
        cookies: Cookies,
        identity: Identity,
        config: MiddlewareConfig,
        addresses: ClientAddresses | None = None,
        admission: Admission | None = None,
    ) -> None:
        """Wrap ``app``.

        Args:
            app: The app behind the middleware.
            tabs: The live tabs of this process.
            cookies: The cookies of this installation.
            identity: The headers by which Streamlit learns the identity.
            config: What is protected.
            addresses: The client's address of a request; by default the peer's.
            admission: Counts the sockets of this process; by default within the limits of ``tabs``.
        """
        admission = admission or Admission(tabs.limits)
        context = MiddlewareContext(app, tabs=tabs, cookies=cookies, identity=identity, config=config)
        self._app = app
        self._http = HttpMiddleware(context, admission)
        self._websocket = WebSocketMiddleware(context, addresses=addresses or ClientAddresses(()), admission=admission)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            correlation.begin()
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            correlation.begin()
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)
