"""The identity middleware in HTTP: hosts, addresses, headers, the browser's cookie, a database that is away."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import anyio
import pytest
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.starlette.starlette_routes import create_host_config_routes

from app.core.principal import Subject
from app.core.rights import Rights
from component.http.host_config import HOST_CONFIG
from component.http.static_pages import CONTENT_SECURITY_POLICY
from component.limits.throttle import Throttle
from component.protocol import back_message
from component.socket import websocket_middleware
from component.socket.identity import Identity
from component.socket.middleware import IdentityMiddleware
from component.socket.path_kinds import PathKind, path_kind
from component.socket.request_context import MiddlewareConfig
from component.socket.tabs import Tabs
from tests.clock import FakeClock
from tests.signin import CookieClient, SignInWorld, call


def seen(client: CookieClient, path: str = "/", **headers: str) -> list[tuple[str, str]]:
    """The headers that reach the app behind the middleware."""
    answer = client.get(path, **headers)
    assert answer.status == 200, answer.text
    return [(name, value) for name, value in answer.json()["headers"]]


def identity(installation: SignInWorld, headers: list[tuple[str, str]]) -> dict[str, str]:
    names = installation.identity.trusted_user_headers()
    result = [(names[name], value) for name, value in headers if name in names]
    assert len(result) == len(dict(result)) == 4  # each exactly once
    return dict(result)


KINDS = {
    "/": PathKind.PAGE,
    "/reports": PathKind.PAGE,
    "/reports/": PathKind.PAGE,
    "/größe": PathKind.PAGE,
    "/_stcore/stream": PathKind.STREAM,
    "/_stcore/health": PathKind.PUBLIC,
    "/_stcore/host-config": PathKind.PUBLIC,
    "/_stcore/bidi-components/streamlit-gatehouse.auth0/auth0.js": PathKind.PUBLIC,
    "/static/js/index.js": PathKind.PUBLIC,
    "/component/x/index.html": PathKind.PUBLIC,
    "/favicon.png": PathKind.PUBLIC,
    "/manifest.json": PathKind.PUBLIC,
    "/healthz": PathKind.CLOSED,
    "/oauth2callback": PathKind.CLOSED,
    "/media/abc.png": PathKind.PRIVATE,
    "/_stcore/upload_file/session/file": PathKind.PRIVATE,
    "/auth/login": PathKind.AUTH,
    "/auth/anything": PathKind.AUTH,
    "/_stcore/metrics": PathKind.CLOSED,
    "/_stcore/metrics/": PathKind.CLOSED,
    "/_stcore/agent/mcp": PathKind.CLOSED,
    "/_stcore/agent/openapi.json": PathKind.CLOSED,
    "/_stcore/": PathKind.CLOSED,
    "/_stcore": PathKind.CLOSED,
    "/_STCORE/metrics": PathKind.CLOSED,
    "/_stcore/stream/": PathKind.CLOSED,
    "/x/_stcore/stream": PathKind.CLOSED,
    "/x/reports": PathKind.CLOSED,
    "//": PathKind.CLOSED,
    "//reports": PathKind.CLOSED,
    "//evil.example/": PathKind.CLOSED,
    "/\\evil.example/": PathKind.CLOSED,
    "/..": PathKind.CLOSED,
    "/../etc": PathKind.CLOSED,
    "/app/static/x": PathKind.FILES,
    "/auth": PathKind.CLOSED,
    "": PathKind.CLOSED,
    "reports": PathKind.CLOSED,
}


@pytest.mark.parametrize(("path", "kind"), KINDS.items())
def test_every_path_has_a_kind(path: str, kind: PathKind) -> None:
    assert path_kind(path) is kind


def test_the_identity_is_that_of_the_session_alone(installation: SignInWorld) -> None:
    client = installation.sign_in()
    response = identity(installation, seen(client))
    browser_id = client.cookies[installation.cookies.browser]
    assert response == {
        "iss_sub": json.dumps([installation.fake.url, "auth0|ann"]),
        "sid": installation.ref(client),
        "browser": hashlib.sha256(browser_id.encode()).hexdigest(),
        "marker": installation.identity.marker,
    }


def test_a_hostile_subject_stays_one_header(installation: SignInWorld) -> None:
    session = installation.sessions.resolve(installation.secret(installation.sign_in()))
    hostile = Subject("https://id.example/", 'é"]\r\nX: y\u2028')
    session = replace(session, person=replace(session.person, subject=hostile))
    values = [value for _, value in installation.identity.headers(session, "browser")]
    assert not [value for value in values if re.search(rb"[^\x20-\x7e]", value)]
    assert Subject(*json.loads(values[0])) == hostile


CLAIMS = ["X-Gatehouse-Subject", "x-streamlit-user", "X-Forwarded-User", "X-Auth-Request-Email", "Remote-User"]


@pytest.mark.parametrize("name", CLAIMS)
def test_identities_that_a_client_names_are_removed(installation: SignInWorld, name: str) -> None:
    headers = dict(seen(installation.client(), **{name.replace("-", "_"): "alice"}))
    assert name.lower() not in headers
    assert "alice" not in headers.values()


def test_our_own_names_are_removed_when_a_client_sends_them(installation: SignInWorld) -> None:
    for name in installation.identity.trusted_user_headers():
        client = installation.client()
        response = identity(
            installation, seen(client, **{name.replace("-", "_").replace("iss_sub", "iss-sub"): "forged"})
        )
        assert "forged" not in response.values()
        answer = call(installation.app, "GET", "/", {name: "forged"})
        assert "forged" not in answer.text


def test_public_assets_need_no_session_and_disclose_nothing(installation: SignInWorld) -> None:
    client = installation.sign_in()
    for path in ("/static/x.js", "/_stcore/health", "/component/x"):
        headers = seen(client, path)
        assert not [name for name, _ in headers if name.startswith("x-gatehouse-")]
        assert "cookie" not in dict(headers)
        assert client.responses[-1].header("cache-control") == ""  # as Streamlit wants it


def test_the_header_names_are_random_at_each_start() -> None:
    item, two = Identity(), Identity()
    assert not set(item.trusted_user_headers()) & set(two.trusted_user_headers())
    assert item.marker != two.marker
    assert item.marker not in repr(item)
    assert set(item.trusted_user_headers().values()) == {"iss_sub", "sid", "browser", "marker"}


def test_scripts_see_none_of_our_cookies(installation: SignInWorld) -> None:
    client = installation.sign_in()
    installation.begin(installation.client())
    client.cookies |= {"theme": "dark", "_streamlit_user": "forged", "_streamlit_user__1": "x", "_streamlit_xsrf": "1"}
    client.cookies[installation.cookies.login("s" * 43)] = "1.x"
    assert dict(seen(client))["cookie"] == "theme=dark; _streamlit_xsrf=1"


def test_an_expired_or_ended_session_is_anonymous(installation: SignInWorld) -> None:
    client = installation.sign_in()
    installation.clock.move(hours=2)
    assert identity(installation, seen(client))["sid"] == ""
    client = installation.sign_in()
    cookies = dict(client.cookies)
    client.logout()
    assert identity(installation, seen(CookieClient(installation.app, cookies=cookies)))["iss_sub"] == ""


def test_the_browser_gets_its_cookie_once(installation: SignInWorld) -> None:
    client = installation.client()
    first = client.get("/")
    (line,) = first.all("set-cookie")
    assert line.startswith(f"{installation.cookies.browser}=")
    assert "HttpOnly" in line
    assert client.get("/reports").all("set-cookie") == []
    client.cookies[installation.cookies.browser] = "chosen-by-the-client"
    assert client.get("/").all("set-cookie")


def test_a_first_request_may_be_the_sign_in_itself(installation: SignInWorld) -> None:
    client = installation.client()
    url = installation.begin(client)
    assert client.get(installation.fake.approve(url)).status == 303


def test_a_cookie_that_comes_twice_counts_as_none(installation: SignInWorld) -> None:
    client = installation.sign_in()
    secret = installation.secret(client)
    both = f"{installation.cookies.session}={secret}; {installation.cookies.session}=planted"
    assert call(installation.app, "GET", "/auth/session", {"cookie": both}).json() == {"authenticated": False}
    same = f"{installation.cookies.session}={secret}; {installation.cookies.session}={secret}"
    assert call(installation.app, "GET", "/auth/session", {"cookie": same}).json()["authenticated"] is True


def test_without_the_database_a_page_recovers_by_itself(installation: SignInWorld) -> None:
    client = installation.sign_in()
    with installation.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
        connection.commit()
    answer = client.get("/reports")
    assert answer.status == 503
    assert answer.header("retry-after") == "5"
    assert '<meta http-equiv="refresh" content="5">' in answer.text
    assert answer.header("content-security-policy") == CONTENT_SECURITY_POLICY
    assert client.get("/media/x").status == 503
    assert _handshake(installation, client) == [{"type": "websocket.close", "code": 1013}]
    (start, _) = _handshake(installation, client, extensions={"websocket.http.response": {}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 503)
    assert (b"retry-after", b"5") in start["headers"]
    with installation.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO sessions")
        connection.commit()
    assert client.get("/reports").status == 200


def _handshake(
    installation: SignInWorld, client: CookieClient, path: str = "/_stcore/stream", **scope: Any
) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = [(b"host", b"localhost:8501"), (b"origin", b"http://localhost:8501"), (b"cookie", cookie.encode())]
    full = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "client": None} | scope
    anyio.run(installation.app, full, receive, send)
    return sent


def test_the_json_in_a_message_counts_for_its_client(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cost of reading a message reaches the pace of the socket: the longest message is two seconds."""
    clock, taken = FakeClock(), []
    monkeypatch.setattr(back_message, "ON_LOOP_BYTES", 256 * 1024)  # no thread, which has a time of its own
    monkeypatch.setattr(
        websocket_middleware, "Throttle", partial(Throttle, monotonic=clock.monotonic, sleep=clock.sleep)
    )

    async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            taken.append(clock.monotonic() - 100)

    async def act() -> None:
        tabs = Tabs(installation.sessions, Rights(installation.storage.read))
        middleware = IdentityMiddleware(
            streamlit,
            tabs=tabs,
            cookies=installation.cookies,
            identity=installation.identity,
            config=MiddlewareConfig(base_url=installation.settings.app_base_url, production=False),
        )
        costly = BackMsg()
        costly.rerun_script.widget_states.widgets.add(id="x", json_value=f"[{'[],' * 30_000}0]")
        sent: asyncio.Queue[Message] = asyncio.Queue()
        for _ in range(3):
            sent.put_nowait({"type": "websocket.receive", "bytes": costly.SerializeToString()})
        sent.put_nowait({"type": "websocket.disconnect", "code": 1000})
        headers = [(b"host", b"localhost:8501"), (b"origin", b"http://localhost:8501")]
        scope = {"type": "websocket", "path": "/_stcore/stream", "query_string": b"", "headers": headers}
        serving = asyncio.ensure_future(middleware({**scope, "client": None}, sent.get, AsyncMock()))
        await clock.run_for(10)
        async with asyncio.timeout(10):
            await serving

    asyncio.run(act())
    assert taken == pytest.approx([0, 1.75, 3.7], abs=0.1)


def test_the_host_config_is_streamlits_own_without_its_hosts() -> None:
    """An upgrade of Streamlit whose response has another member is a failure."""
    streamlits = call(Starlette(routes=create_host_config_routes("")), "GET", "/_stcore/host-config").json()
    assert "https://*.streamlit.app" in streamlits["allowedOrigins"]
    assert streamlits | {"allowedOrigins": []} == HOST_CONFIG


def test_sockets_elsewhere_are_refused(installation: SignInWorld) -> None:
    for path in ("/", "/_stcore/other", "/x/_stcore/stream", "/auth/session"):
        assert _handshake(installation, installation.client(), path) == [{"type": "websocket.close", "code": 1008}]
