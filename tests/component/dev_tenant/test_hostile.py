"""Hostile requests to the tenant: never a 5xx response, an unbounded read, or another Host."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from component.dev_tenant.request_checks import MAX_BODY_BYTES, Buckets
from tests.component.dev_tenant.support import (
    AUDIENCE,
    CALLBACK,
    CHALLENGE,
    VERIFIER,
    RunningTenant,
    TenantClient,
    call,
    running,
    tenant_client,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTenant]:
    state = tmp_path_factory.mktemp("tenant") / "state"
    with running(state, token_failures_per_minute=10**9, sign_ins_per_minute=10**9) as started:
        yield started


@pytest.fixture(scope="module")
def client(tenant: RunningTenant) -> Iterator[TenantClient]:
    with tenant_client(tenant) as opened:
        yield opened


def raw(tenant: RunningTenant, request: bytes) -> int:
    """Send bytes as they are. → the status of the answer; 0 when the connection was closed without one."""
    port = int(tenant.config.netloc.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        try:
            head = connection.recv(200)
        except ConnectionResetError:
            head = b""
    match = re.match(rb"HTTP/1\.1 (\d{3})", head)
    return int(match[1]) if match else 0


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:1", "127.0.0.1:{port}", "localhost:{port}.evil.example", ""]
)
@pytest.mark.parametrize("path", ["/healthz", "/authorize", "/.well-known/jwks.json", "/nothing"])
def test_any_other_host_name_is_refused(tenant: RunningTenant, host: str, path: str) -> None:
    name = host.format(port=tenant.config.netloc.rpartition(":")[2])
    response = call("GET", tenant.url(path), headers={"Host": name, "X-Forwarded-Host": tenant.config.netloc})
    assert response.status_code == 421
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_host_name_is_compared_without_case_and_must_be_there_once(tenant: RunningTenant) -> None:
    own = tenant.config.netloc
    assert call("GET", tenant.url("/healthz"), headers={"Host": own.upper()}).status_code == 200
    line = b"GET /healthz HTTP/1.1\r\n"
    host = f"Host: {own}\r\n".encode()
    assert raw(tenant, line + host + b"Connection: close\r\n\r\n") == 200
    assert raw(tenant, line + host + b"Host: evil.example\r\nConnection: close\r\n\r\n") in {400, 421}
    assert raw(tenant, b"GET /healthz HTTP/1.0\r\n\r\n") in {0, 400, 421}


def test_every_answer_carries_strict_headers(tenant: RunningTenant, client: TenantClient) -> None:
    page = client.authorize().headers["Location"]
    for response in (
        client.get(page),
        client.get(tenant.url("/authorize")),
        client.get(tenant.url("/u/tenant.css")),
        client.get(tenant.url("/u/other.css")),
        client.get(tenant.url("/nothing")),
        tenant.refresh("x"),
        call("GET", tenant.url("/userinfo")),
    ):
        headers = response.headers
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers
        assert "Server" not in headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert f"form-action 'self' {tenant.config.app_url}" in policy


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/u/login", "/u/step", "/oidc/logout"])
def test_a_body_is_bounded_whatever_its_declared_length(tenant: RunningTenant, path: str) -> None:
    url = tenant.url(path)
    assert call("POST", url, data=b"a=" + b"x" * MAX_BODY_BYTES, headers=FORM).status_code == 413
    chunks = iter([b"a=" + b"x" * 1_000] * 20)
    assert call("POST", url, data=chunks, headers=FORM).status_code == 413


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/u/login"])
def test_only_forms_are_read(tenant: RunningTenant, path: str) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        assert call("POST", tenant.url(path), data=b"{}", headers={"Content-Type": kind}).status_code == 415


def test_queries_and_parameters_are_bounded(tenant: RunningTenant, client: TenantClient) -> None:
    assert call("GET", tenant.url(f"/authorize?state={'x' * 9_000}")).status_code == 414
    assert client.authorize(state="x" * 2_049).status_code == 400
    assert client.authorize(nonce="x" * 1_025).status_code == 400
    assert client.authorize(state="x" * 2_048).status_code == 303
    assert "Too many parameters" in call("GET", tenant.url("/authorize?" + "a=b&" * 100)).text


@pytest.mark.parametrize(
    "line",
    [
        b"GET /authorize?\xff\xfe=\x80 HTTP/1.1",
        b"GET /u/login?state=\xff HTTP/1.1",
        b"GET /v2/logout?returnTo=\xff HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /%00%ff HTTP/1.1",
        b"GET /u/%2e%2e%2fstore.py HTTP/1.1",
        b"GET /u/..%5cstore.py HTTP/1.1",
        b"BREW /authorize HTTP/1.1",
        b"GET http://evil.example/authorize HTTP/1.1",
    ],
)
def test_strange_bytes_are_refused_quietly(tenant: RunningTenant, line: bytes) -> None:
    head = line + f"\r\nHost: {tenant.config.netloc}\r\nConnection: close\r\n\r\n".encode()
    assert raw(tenant, head) in {0, 400, 404, 405}


def test_a_made_up_browser_cookie_is_replaced(tenant: RunningTenant) -> None:
    name = f"auth0_browser_{tenant.config.netloc.rpartition(':')[2]}"
    with tenant_client(tenant) as other:
        other.http.cookies.set(name, "chosen-by-another-client")
        assert other.authorize().cookies[name] != "chosen-by-another-client"


def test_a_strange_cookie_does_no_harm(tenant: RunningTenant) -> None:
    port = tenant.config.netloc.rpartition(":")[2]
    query = (
        f"response_type=code&client_id={tenant.client_id}&redirect_uri={quote(CALLBACK)}"
        f"&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
    for value in (b"x", b"\xff\x01;", b'"a\\012b"', b"a" * 3_000, b"auth0_browser"):
        cookie = b"auth0_browser_%s=%s; auth0_%s=%s" % (port.encode(), value, port.encode(), value)
        head = f"GET /authorize?{query} HTTP/1.1\r\nHost: {tenant.config.netloc}\r\nConnection: close\r\nCookie: "
        assert raw(tenant, head.encode() + cookie + b"\r\n\r\n") in {303, 400}


NAMES = st.sampled_from(
    [
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "audience", "code_challenge"),
        *("code_challenge_method", "prompt", "max_age", "login_hint", "screen_hint", "organization", "connection"),
        *("acr_values", "response_mode", "request", "grant_type", "code", "code_verifier", "refresh_token", "token"),
        *("token_type_hint", "client_secret", "returnTo", "post_logout_redirect_uri", "id_token_hint", "person"),
        *("action", "new_name", "new_email", "new_roles", "new_permissions"),
    ]
)
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.sampled_from(
        [
            *("code", "S256", "plain", CHALLENGE, VERIFIER, CALLBACK, AUDIENCE, "openid", "none", "login", "0", "ada"),
            *("authorization_code", "refresh_token", "client_credentials", "make-up", "factor", "a.b.c"),
            *("\x00", "\r\nX: y"),
        ]
    ),
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=12)


@settings(max_examples=150, deadline=None)
@given(changes=st.dictionaries(NAMES, st.none() | VALUES, max_size=4))
def test_no_authorize_request_makes_it_fail(client: TenantClient, changes: dict[str, str | None]) -> None:
    response = client.authorize(**changes)
    assert response.status_code in {302, 303, 400, 414}
    location = response.headers.get("Location", client.running.issuer)
    assert location.startswith((f"{CALLBACK}?", client.running.issuer))


@settings(max_examples=150, deadline=None)
@given(pairs=PAIRS, path=st.sampled_from(["/oauth/token", "/oauth/revoke"]), known=st.booleans())
def test_no_form_makes_the_client_endpoints_fail(
    tenant: RunningTenant, pairs: list[tuple[str, str]], path: str, known: bool
) -> None:
    credentials = tenant.tenant.credentials
    auth = (credentials.client_id, credentials.client_secret) if known else None
    response = call("POST", tenant.url(path), data=pairs, headers=FORM, auth=auth)
    assert response.status_code < 500
    assert "access_token" not in response.text


@settings(max_examples=100, deadline=None)
@given(pairs=PAIRS, path=st.sampled_from(["/u/login", "/u/step"]), real=st.booleans())
def test_no_form_makes_the_pages_fail(
    client: TenantClient, pairs: list[tuple[str, str]], path: str, real: bool
) -> None:
    token = client.begin(prompt="login") if real else "x"
    fields = [(name, value) for name, value in pairs if name != "state"]
    response = client.http.post(
        client.running.url(path),
        data=[("state", token), *fields],
        headers=FORM,
        allow_redirects=False,
        timeout=10,
    )
    assert response.status_code < 500


@settings(max_examples=100, deadline=None)
@given(pairs=PAIRS, path=st.sampled_from(["/v2/logout", "/oidc/logout", "/u/login", "/u/step", "/userinfo"]))
def test_no_query_makes_the_other_addresses_fail(client: TenantClient, pairs: list[tuple[str, str]], path: str) -> None:
    response = client.http.get(client.running.url(path), params=pairs, allow_redirects=False, timeout=10)
    assert response.status_code < 500
    assert "evil" not in response.headers.get("Location", "")


@settings(max_examples=100, deadline=None)
@given(value=st.binary(max_size=80).map(lambda value: re.sub(rb"[\x00-\x1f\x7f]", b"", value).strip()))
def test_no_authorization_header_makes_it_fail(tenant: RunningTenant, value: bytes) -> None:
    for scheme in (b"Basic ", b"Bearer ", b""):
        headers: dict[str, str | bytes] = {"Authorization": scheme + value, **FORM}
        assert call("POST", tenant.url("/oauth/token"), data=b"grant_type=x", headers=headers).status_code < 500
        assert call("GET", tenant.url("/userinfo"), headers=headers).status_code == 401


def test_buckets_fill_up_again_and_are_bounded_in_number() -> None:
    now = [0.0]
    buckets = Buckets(2, clock=lambda: now[0])
    for _ in range(5):
        buckets.take("a")
    assert buckets.wait_seconds("a") == 30
    assert buckets.wait_seconds("b") == 0
    now[0] += 31
    assert buckets.wait_seconds("a") == 0
    for number in range(3_000):
        buckets.take(str(number))
    assert len(buckets._levels) <= 1_024
