"""The routes of sign-in and the identity middleware for tests: over a database in memory, called in this process.

All objects are the product's, built as in ``app.services``; the provider is ``tests.provider`` or a test's own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from app.core.http_client import http_session
from app.core.keyring import Keyring
from app.core.ports import Storage
from app.core.refusal_counts import RefusalCounts
from app.core.rights import Rights
from app.core.settings import Settings
from app.core.tokens.discovery import Discovery
from app.core.tokens.key_set import KeySet
from app.core.tokens.verifier import TokenVerifier
from component.drafts import Drafts
from component.http.client_address import ClientAddresses
from component.http.cookies import Cookies
from component.oidc.login_transactions import LoginTransactions
from component.oidc.provider import Provider
from component.routes.auth import auth_routes
from component.routes.backchannel_logout import BackchannelLogouts
from component.session.context import SessionContext
from component.session.lifetimes import SessionLifetimes
from component.session.service import SessionService
from component.session.step_up import StepUpSignIn
from component.socket.identity import Identity
from component.socket.middleware import IdentityMiddleware
from component.socket.request_context import MiddlewareConfig
from component.socket.tabs import Tabs
from db import Database, open_database
from tests.clock import FakeClock
from tests.cookie_client import HTTP, ClientResponse, CookieClient, call
from tests.issuer import CLIENT_ID
from tests.provider import FakeProvider
from tests.seeding import seed
from tests.world import World, settings_for

SECRET = "".join(map(chr, range(48, 112)))
HTTPS = "https://app.example.com"


@dataclass
class SignInWorld(World):
    """A test installation with the routes of sign-in, the sessions and the identity middleware.

    Its sessions come from real sign-ins at ``fake``; ``new_session`` is for tests of other parts.
    """

    clock: FakeClock
    discovery: Discovery
    provider: Provider
    verifier: TokenVerifier
    cookies: Cookies
    context: SessionContext
    sessions: SessionService
    logins: LoginTransactions
    refusals: RefusalCounts
    drafts: Drafts
    identity: Identity
    app: ASGIApp
    fake: FakeProvider

    @property
    def storage(self) -> Database:
        """The database, as the components call it."""
        return self.database

    def client(self) -> CookieClient:
        return CookieClient(self.app, self.settings.app_base_url)

    def begin(self, client: CookieClient, path: str = "/") -> str:
        """The address that ``/auth/login`` redirects to."""
        return client.get(f"/auth/login?return_to={path}").location

    def sign_in(self, client: CookieClient | None = None, path: str = "/", **claims: Any) -> CookieClient:
        """Sign in: from ``/auth/login`` until the client has its session."""
        client = client or self.client()
        answer = client.get(self.fake.approve(self.begin(client, path), **claims))
        assert answer.status == 303, answer.text
        return client

    def secret(self, client: CookieClient) -> str:
        return client.cookies[self.cookies.session]

    def ref(self, client: CookieClient) -> str:
        return self.sessions.resolve(self.secret(client)).ref

    def due(self, client: CookieClient) -> str:
        """Move the clock to the last minute of the session's access token; returns the session's reference."""
        ref = self.ref(client)
        self.clock.move(seconds=560)
        return ref

    def more_sessions(self, storage: Storage | None = None) -> SessionService:
        """The sessions of another process on the same database."""
        context = replace(self.context, storage=storage or self.storage)
        return SessionService(context, default_role=self.settings.default_role)

    def audit(self, kind: str = "") -> list[dict[str, Any]]:
        """The audit events of a kind with all columns, oldest first, after a flush of the counted refusals."""
        self.refusals.flush()
        with self.storage.engine.connect() as connection:
            rows = connection.execute(text("SELECT * FROM audit_events ORDER BY 1")).mappings().all()
        return [dict(row) for row in rows if not kind or row["kind"] == kind]

    def rows(self, table: str) -> int:
        with self.storage.engine.connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - our names

    def dump(self) -> bytes:
        """The whole database as bytes."""
        connection = self.storage.engine.raw_connection()
        try:
            driver: Any = connection.driver_connection
            content: bytes = driver.serialize()
            return content
        finally:
            connection.close()


def _context(
    settings: Settings,
    storage: Storage,
    keyring: Keyring,
    provider: Provider,
    verifier: TokenVerifier,
    clock: FakeClock,
) -> SessionContext:
    lifetimes = SessionLifetimes(
        settings.session_idle_seconds, settings.session_absolute_seconds, settings.token_rights_max_age_seconds
    )
    return SessionContext(
        storage, keyring, provider, verifier, lifetimes, implicit_role_mapping=not settings.production, clock=clock
    )


async def _echo(request: Request) -> Response:
    """The place of Streamlit: returns the headers that reach it."""
    return JSONResponse({"headers": [[name, value] for name, value in request.headers.items()]})


@contextmanager
def sign_in_world(
    fake: FakeProvider,
    clock: FakeClock,
    *,
    with_real_keys: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
    **changes: Any,
) -> Iterator[SignInWorld]:
    """A new test installation whose provider serves already.

    Args:
        fake: The provider.
        clock: The clock of all parts.
        with_real_keys: Whether the settings name a real provider, whose keys are fetched; ``fake`` is not used then.
        monotonic: The monotonic clock of the routes.
        **changes: Settings that are added or replaced.
    """
    base: dict[str, Any] = {
        "gatehouse_secret": (SecretStr(SECRET),),
        "auth0_client_id": CLIENT_ID,
        "auth0_client_secret": SecretStr("client-secret"),
        "app_base_url": HTTP,
        "default_role": None,
    }
    settings = settings_for(fake.issuer, **(base | changes))
    keyring = Keyring(settings.secrets)
    storage = open_database(settings, keyring, clock=clock)
    seed(storage)
    http = http_session(ca_bundle=settings.ca_bundle)
    discovery = Discovery(settings.issuer, cooldown_seconds=0, timeout_seconds=1, http=http)
    provider = Provider(settings, discovery)
    verifier = (
        TokenVerifier(
            issuer=settings.issuer, audience=settings.audience, keys=KeySet(discovery.fetch_jwks), clock=clock
        )
        if with_real_keys
        else fake.issuer.verifier(clock=clock)
    )
    cookies = Cookies(settings.app_base_url)
    context = _context(settings, storage, keyring, provider, verifier, clock)
    sessions = SessionService(context, default_role=settings.default_role)
    logins = LoginTransactions(storage, keyring, provider, cookies, clock=clock)
    refusals = RefusalCounts(storage, clock=clock)
    drafts = Drafts(storage, keyring, clock=clock)
    identity = Identity()
    routes = auth_routes(
        base_url=settings.app_base_url,
        sessions=sessions,
        logins=logins,
        provider=provider,
        cookies=cookies,
        refusals=refusals,
        addresses=ClientAddresses(settings.trusted_proxies),
        step_ups=StepUpSignIn(context),
        logouts=BackchannelLogouts(
            storage, verifier, client_id=provider.client_id, revoke=sessions.revoke_ended, clock=clock
        ),
        drafts=drafts,
        clock=clock,
        monotonic=monotonic,
    )
    middleware = Middleware(
        IdentityMiddleware,
        tabs=Tabs(sessions, Rights(storage.read, clock=clock), broadcast_channel=cookies.broadcast_channel),
        cookies=cookies,
        identity=identity,
        config=MiddlewareConfig(
            base_url=settings.app_base_url, production=settings.production, picture_hosts=settings.picture_hosts
        ),
    )
    app = Starlette(
        routes=[*routes, Route("/{path:path}", _echo, methods=["GET", "PUT", "POST"])], middleware=[middleware]
    )
    try:
        yield SignInWorld(
            fake.issuer,
            settings,
            keyring,
            clock,
            storage,
            discovery,
            provider,
            verifier,
            cookies,
            context,
            sessions,
            logins,
            refusals,
            drafts,
            identity,
            app,
            fake,
        )
    finally:
        refusals.close()
        storage.close()


def query(url: str) -> dict[str, str]:
    """The query of an address, each of whose parameters must occur once."""
    parameters = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in parameters.values()), parameters
    return {name: values[0] for name, values in parameters.items()}


class LogBook(logging.Handler):
    """Collects every logged line."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


__all__ = [
    "HTTP",
    "HTTPS",
    "UTC",
    "ClientResponse",
    "CookieClient",
    "LogBook",
    "SignInWorld",
    "call",
    "query",
    "sign_in_world",
]
