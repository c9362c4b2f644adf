"""Signing out at the tenant: which sessions end, where the browser may go, and the logout token for the app."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import structlog

from component.dev_tenant.tenant import LOGOUT_TOKENS_THREAD
from tests.component.dev_tenant.support import (
    APP_URL,
    AUDIENCE,
    RunningTenant,
    TenantClient,
    answer,
    heading,
    running,
    tenant_client,
)
from tests.waiting import wait_until


@contextmanager
def app_listening(status: int = 200, location: str = "") -> Iterator[tuple[str, queue.Queue[tuple[str, str]]]]:
    """An app that receives logout tokens; → its address, and a queue of the path and token of each post."""
    posts: queue.Queue[tuple[str, str]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posts.put((self.path, parse_qs(body)["logout_token"][0]))
            self.send_response(status)
            self.send_header("Location", location)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}", posts
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def everything_is_posted() -> None:
    """Wait until no logout token is on its way."""
    wait_until(lambda: LOGOUT_TOKENS_THREAD not in {thread.name for thread in threading.enumerate()})


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTenant]:
    state = tmp_path_factory.mktemp("tenant") / "state"
    with running(state, backchannel_logout_uri="http://127.0.0.1:9/logout") as started:
        yield started


def signed_in(client: TenantClient) -> bool:
    return "code" in answer(client.authorize(prompt="none"))


@pytest.mark.parametrize(("path", "name"), [("/v2/logout", "returnTo"), ("/oidc/logout", "post_logout_redirect_uri")])
@pytest.mark.parametrize("location", [APP_URL, f"{APP_URL}/"])
def test_signing_out_ends_the_tenant_session_and_returns(
    client: TenantClient, path: str, name: str, location: str
) -> None:
    client.pick("ada")
    response = client.get(client.running.url(path), **{"client_id": client.running.client_id, name: location})
    assert response.status_code == 302
    assert response.headers["Location"] == location
    assert not signed_in(client)


@pytest.mark.parametrize(("path", "name"), [("/v2/logout", "returnTo"), ("/oidc/logout", "post_logout_redirect_uri")])
@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example",
        "//evil.example",
        f"{APP_URL}.evil.example",
        f"{APP_URL}@evil.example",
        f"{APP_URL}/other",
        f"{APP_URL}//",
        f"{APP_URL}/?x",
        f" {APP_URL}",
        "javascript:alert(1)",
    ],
)
def test_a_return_address_that_is_not_registered_is_refused_and_nothing_ends(
    client: TenantClient, path: str, name: str, location: str
) -> None:
    client.pick("ada")
    response = client.get(client.running.url(path), **{"client_id": client.running.client_id, name: location})
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert signed_in(client)


def test_without_a_return_address_a_page_reports_the_sign_out(client: TenantClient) -> None:
    client.pick("ada")
    response = client.get(client.running.url("/v2/logout"))
    assert heading(response) == "Signed out"
    assert not signed_in(client)


def test_state_is_returned_and_an_unknown_client_is_not(client: TenantClient) -> None:
    url = client.running.url("/oidc/logout")
    response = client.get(url, post_logout_redirect_uri=APP_URL, state='a&b"')
    assert answer(response) == {"state": 'a&b"'}
    assert client.get(url, post_logout_redirect_uri=APP_URL, client_id="unknown").status_code == 400


def test_the_id_token_hint_ends_its_session_from_anywhere(client: TenantClient) -> None:
    hint = client.tokens("ada")["id_token"]
    with tenant_client(client.running) as elsewhere:
        form = {"id_token_hint": hint, "post_logout_redirect_uri": APP_URL}
        assert elsewhere.post("/oidc/logout", **form).status_code == 302
    assert not signed_in(client)


def test_a_hint_that_is_not_our_id_token_is_refused(client: TenantClient) -> None:
    tenant = client.running
    tokens = client.tokens("ada")
    logout_token = tenant.tenant.tokens.logout_token(tenant.client_id, subject="auth0|ada", sid="x")
    forged = jwt.encode({"iss": tenant.issuer, "aud": tenant.client_id, "sid": "x"}, "k" * 32, algorithm="HS256")
    unsigned = jwt.encode({"iss": tenant.issuer, "aud": tenant.client_id, "sid": "x"}, "", algorithm="none")
    other = tenant.tenant.keys.sign({"iss": "http://localhost:1/", "aud": tenant.client_id})
    for hint in (tokens["access_token"], tokens["id_token"] + "x", logout_token, forged, unsigned, other, "", "a.b.c"):
        response = client.get(tenant.url("/oidc/logout"), id_token_hint=hint, post_logout_redirect_uri=APP_URL)
        assert response.status_code == 400, hint
    assert tenant.verify(tokens["access_token"], audience=AUDIENCE)
    assert signed_in(client)


def test_the_app_receives_a_logout_token_by_back_channel(tmp_path: Path) -> None:
    with app_listening() as (app_url, posts), running(tmp_path / "state", app_url=app_url) as tenant:
        callback = f"{app_url}/auth/callback"
        with tenant_client(tenant) as client:
            code = client.code("ada", redirect_uri=callback)
            token = tenant.exchange(code, redirect_uri=callback).json()["id_token"]
            sid = tenant.verify(token, audience=tenant.client_id)["sid"]
            assert client.get(tenant.url("/v2/logout"), returnTo=app_url).status_code == 302
            path, logout_token = posts.get(timeout=5)
            assert path == "/auth/backchannel-logout"
            assert jwt.get_unverified_header(logout_token)["typ"] == "logout+jwt"
            claims = tenant.verify(logout_token, audience=tenant.client_id)
            assert claims.pop("iat") < claims.pop("exp")
            first = claims.pop("jti")
            assert claims == {
                "iss": tenant.issuer,
                "aud": tenant.client_id,
                "sub": "auth0|ada",
                "sid": sid,
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            }
            client.code("bruno", redirect_uri=callback)
            with tenant_client(tenant) as other:
                other.code("bruno", redirect_uri=callback)
                assert tenant.tenant.end_sessions("bruno") == 2
            tokens = [posts.get(timeout=5)[1] for _ in range(2)]
            verified = [tenant.verify(token, audience=tenant.client_id) for token in tokens]
            assert {claims["sub"] for claims in verified} == {"auth0|bruno"}
            assert len({claims["sid"] for claims in verified} | {sid}) == 3
            assert len({claims["jti"] for claims in verified} | {first}) == 3
            client.get(tenant.url("/v2/logout"), returnTo=app_url)
            everything_is_posted()
            assert posts.empty()


def test_an_app_that_does_not_answer_delays_no_sign_out_and_is_logged_once(tmp_path: Path) -> None:
    with (
        structlog.testing.capture_logs() as lines,
        app_listening(status=500) as (app_url, posts),
        running(tmp_path / "state", app_url=app_url) as tenant,
    ):
        with tenant_client(tenant) as client:
            for _ in range(2):
                client.code("ada", redirect_uri=f"{app_url}/auth/callback")
                client.get(tenant.url("/v2/logout"))
                posts.get(timeout=5)
        everything_is_posted()
        assert len([line for line in lines if "logout token" in line["event"]]) == 1


def test_a_logout_token_goes_to_the_app_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with (
        app_listening() as (other_url, stolen),
        app_listening(status=307, location=other_url) as (app_url, posts),
        running(tmp_path / "state", app_url=app_url) as tenant,
        tenant_client(tenant) as client,
    ):
        client.code("ada", redirect_uri=f"{app_url}/auth/callback")
        assert tenant.tenant.end_sessions("ada") == 1
        posts.get(timeout=5)
        everything_is_posted()
        assert stolen.empty()
