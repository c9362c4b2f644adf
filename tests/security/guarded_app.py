"""A tiny Streamlit app as a process of its own, with the identity middleware in front of it or without it.

``python -m tests.security.guarded_app MODE PORT DATABASE SCRIPT``; prints the names of the identity headers as one
line of JSON, so that a test can try to forge them.
"""

from __future__ import annotations

import json
import sys

import streamlit as st
from pydantic import SecretStr
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime

from app.core.keyring import Keyring
from app.core.rights import Rights
from app.core.settings import Settings
from app.core.tokens.discovery import Discovery
from app.core.tokens.verifier import build_verifier
from component.http.cookies import Cookies
from component.oidc.provider import Provider
from component.session.context import SessionContext
from component.session.lifetimes import SessionLifetimes
from component.session.service import SessionService
from component.socket.identity import Identity
from component.socket.middleware import IdentityMiddleware
from component.socket.request_context import MiddlewareConfig
from component.socket.tabs import Tabs
from db import open_database
from tests.signin import SECRET

CONNECTED_SESSIONS_PATH = "/connected-sessions"
MODES = ("guarded", "identity-only", "claims-only", "neither", "no-middleware")
"""``guarded`` refuses a Streamlit session to another client twice; ``identity-only`` and ``claims-only`` once each."""


class ConnectedSessions:
    """Answers ``CONNECTED_SESSIONS_PATH`` with the Streamlit sessions that have a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http" or scope["path"] != CONNECTED_SESSIONS_PATH:
            await self._app(scope, receive, send)
            return
        sessions = runtime.get_instance()._session_mgr.list_active_sessions()
        await JSONResponse([each.session.id for each in sessions])(scope, receive, send)


def settings_for(base_url: str, database_url: str) -> Settings:
    """Settings for a process that never calls its provider."""
    return Settings(
        _env_file=None,
        gatehouse_secret=(SecretStr(SECRET),),
        oidc_issuer="http://127.0.0.1:1/",
        app_base_url=base_url,
        database_url=database_url,
    )


def main(mode: str, port: int, database_url: str, script: str) -> None:
    """Serve until stopped."""
    settings = settings_for(f"http://127.0.0.1:{port}", database_url)
    keyring = Keyring(settings.secrets)
    storage = open_database(settings, keyring)
    discovery = Discovery(settings.issuer)
    context = SessionContext(
        storage,
        keyring,
        Provider(settings, discovery),
        build_verifier(settings, discovery),
        SessionLifetimes(settings.session_idle_seconds, settings.session_absolute_seconds, 300),
        implicit_role_mapping=True,
    )
    sessions = SessionService(context)
    identity = Identity()
    tabs = Tabs(sessions, Rights(storage.read))
    if mode in {"identity-only", "neither"}:
        tabs.may_reattach = lambda *_: True  # type: ignore[method-assign] # the check that the mode removes
    middleware = Middleware(
        IdentityMiddleware,
        tabs=tabs,
        cookies=Cookies(settings.app_base_url),
        identity=identity,
        config=MiddlewareConfig(base_url=settings.app_base_url, production=False),
    )
    print(json.dumps(identity.trusted_user_headers()), flush=True)
    app = st.App(script, middleware=[Middleware(ConnectedSessions), *([] if mode == "no-middleware" else [middleware])])
    app.run(
        config={
            "server.port": port,
            "server.address": "127.0.0.1",
            "server.headless": True,
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": False,
            "server.trustedUserHeaders": {} if mode in {"claims-only", "neither"} else identity.trusted_user_headers(),
        }
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
