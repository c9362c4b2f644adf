"""The identity middleware in this process, in front of a fake Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from app.core.rights import Rights
from component.limits.admission import Admission, SocketLimits
from component.socket.middleware import IdentityMiddleware
from component.socket.request_context import MiddlewareConfig
from component.socket.tabs import Tabs
from tests.cookie_client import HTTP, CookieClient
from tests.signin import SignInWorld


@dataclass
class MiddlewareHarness:
    """The middleware over the sessions of an installation."""

    installation: SignInWorld
    tabs: Tabs
    admission: Admission
    middleware: IdentityMiddleware
    scopes: list[Scope] = field(default_factory=list)
    """Those that have reached Streamlit."""

    def signed_in(self, sub: str = "auth0|ann") -> CookieClient:
        """A browser of a signed-in user whose requests go through the middleware."""
        client = self.installation.sign_in(sub=sub)
        return CookieClient(self.middleware, cookies=client.cookies)

    def anonymous(self) -> CookieClient:
        """An anonymous browser that has its cookie."""
        client = CookieClient(self.middleware)
        client.get("/")
        return client

    def owner(self, client: CookieClient) -> str:
        """The owner of the tabs of a browser."""
        cookies = self.installation.cookies
        if cookies.session in client.cookies:
            return f"session {self.installation.ref(client)}"
        return f"browser {client.cookies[cookies.browser]}"

    def handshake(
        self,
        client: CookieClient,
        headers: Mapping[str, str] | None = None,
        *,
        can_refuse: bool = True,
        extensions: Mapping[str, object] | None = None,
    ) -> list[Message]:
        """What the client of a WebSocket handshake receives, which closes it once it is accepted.

        Args:
            client: The browser, with its cookies.
            headers: Headers in addition to those of our page, or in place of them.
            can_refuse: Whether the server can send an HTTP response in place of the acceptance.
            extensions: Other extensions of the server.
        """
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        sent_headers = {"host": "localhost:8501", "origin": HTTP, "cookie": cookie} | dict(headers or {})
        scope = {
            "type": "websocket",
            "path": "/_stcore/stream",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in sent_headers.items()],
            "client": ("203.0.113.7", 50000),
            "extensions": dict(extensions or {}) | ({"websocket.http.response": {}} if can_refuse else {}),
        }
        incoming: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
        sent: list[Message] = []

        async def receive() -> Message:
            return incoming.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        anyio.run(self.middleware, scope, receive, send)
        return sent

    async def streamlit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app behind the middleware: answers every request, and accepts every socket."""
        self.scopes.append(scope)
        if scope["type"] == "http":
            body = await Request(scope, receive).body()
            await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)
            return
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"


def middleware_over(
    installation: SignInWorld,
    *,
    limits: SocketLimits | None = None,
    monotonic: Callable[[], float] = lambda: 0.0,
    **config: Any,
) -> MiddlewareHarness:
    """The middleware with these limits; ``config``: fields of ``MiddlewareConfig``."""
    rights = Rights(installation.storage.read, clock=installation.clock)
    tabs = Tabs(installation.sessions, rights, limits=limits, monotonic=monotonic)
    admission = Admission(tabs.limits)

    async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
        await harness.streamlit(scope, receive, send)

    middleware = IdentityMiddleware(
        streamlit,
        tabs=tabs,
        cookies=installation.cookies,
        identity=installation.identity,
        config=MiddlewareConfig(base_url=installation.settings.app_base_url, production=False, **config),
        admission=admission,
    )
    harness = MiddlewareHarness(installation, tabs, admission, middleware)
    return harness
