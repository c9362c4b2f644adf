"""Runs the development tenant over uvicorn on a free loopback port, and drives it as a browser and as a client."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests
import uvicorn

from component.dev_tenant import Tenant, TenantConfig, create_app, tenant_of
from tests.clock import FakeClock
from tests.ports import free_port
from tests.waiting import wait_until

APP_URL = "http://localhost:8501"
AUDIENCE = "https://gatehouse.example/api"
CALLBACK = f"{APP_URL}/auth/callback"
ROLES_CLAIM = "https://gatehouse.example/roles"
MFA = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid profile email offline_access read:messages read:reports"


@dataclass(frozen=True, slots=True)
class RunningTenant:
    """A tenant on loopback; ``tenant`` has the controls that are not available over HTTP."""

    config: TenantConfig
    tenant: Tenant
    clock: FakeClock

    @property
    def issuer(self) -> str:
        return self.config.issuer

    @property
    def client_id(self) -> str:
        return self.tenant.credentials.client_id

    def url(self, path: str) -> str:
        return self.config.origin + path

    def post_token(self, **form: str) -> requests.Response:
        """POST /oauth/token with the app's own credentials, which ``form`` may replace; an empty value drops one."""
        known = {"client_id": self.client_id, "client_secret": self.tenant.credentials.client_secret}
        full = {name: value for name, value in (known | form).items() if value}
        return call("POST", self.url("/oauth/token"), data=full)

    def exchange(self, code: str, **form: str) -> requests.Response:
        known = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.post_token(**(known | {"code": code} | form))

    def refresh(self, token: str, **form: str) -> requests.Response:
        return self.post_token(**({"grant_type": "refresh_token", "refresh_token": token} | form))

    def verify(self, token: str, *, audience: str) -> dict[str, Any]:
        """The claims of a token as PyJWT sees them, checked against the published keys, issuer and audience."""
        keys = call("GET", self.url("/.well-known/jwks.json")).json()["keys"]
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(jwt.PyJWK(data) for data in keys if data["kid"] == kid)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=self.issuer,
            audience=audience,
            leeway=self.clock.ahead,
            options={"require": ["iss", "sub", "aud", "iat", "exp"]},
        )
        return claims


class TenantClient:
    """A test client of the tenant that keeps cookies as a browser does, and follows no redirect by itself."""

    def __init__(self, running: RunningTenant) -> None:
        self.running = running
        self.http = requests.Session()
        self.http.trust_env = False

    def close(self) -> None:
        self.http.close()

    def get(self, url: str, **params: str) -> requests.Response:
        return self.http.get(url, params=params, allow_redirects=False, timeout=10)

    def post(self, path: str, **form: Any) -> requests.Response:
        return self.http.post(self.running.url(path), data=form, allow_redirects=False, timeout=10)

    def authorize(self, **changes: str | None) -> requests.Response:
        """GET /authorize as the app would; ``changes`` replace parameters, None drops one."""
        known: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.running.client_id,
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "a-state",
            "nonce": "a-nonce",
            "audience": AUDIENCE,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        params = {name: value for name, value in (known | changes).items() if value is not None}
        return self.get(self.running.url("/authorize"), **params)

    def begin(self, **changes: str | None) -> str:
        """The form token of a sign-in that reached the page."""
        response = self.authorize(**changes)
        assert response.status_code == 303, response.text
        return answer(response)["state"]

    def pick(self, key: str, **changes: str | None) -> requests.Response:
        """Sign in as this person, also when the browser is signed in already."""
        return self.post("/u/login", state=self.begin(**({"prompt": "login"} | changes)), person=key)

    def code(self, key: str = "ada", **changes: str | None) -> str:
        return answer(self.pick(key, **changes))["code"]

    def tokens(self, key: str = "ada", **changes: str | None) -> dict[str, Any]:
        response = self.running.exchange(self.code(key, **changes))
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


def call(method: str, url: str, **more: Any) -> requests.Response:
    """One request without cookies, proxies or redirects."""
    with requests.Session() as http:
        http.trust_env = False
        return http.request(method, url, allow_redirects=False, timeout=10, **more)


def answer(response: requests.Response) -> dict[str, str]:
    """The parameters of a redirect; each must occur once."""
    assert response.status_code in {302, 303}, (response.status_code, response.text)
    pairs = parse_qsl(urlsplit(response.headers["Location"]).query, keep_blank_values=True)
    parameters = dict(pairs)
    assert len(parameters) == len(pairs), pairs
    return parameters


def heading(response: requests.Response) -> str:
    match = re.search(r"<h1>(.*?)</h1>", response.text)
    return match[1] if match else ""


@contextmanager
def running(
    state_dir: Path, *, port: int | None = None, host: str = "localhost", **changes: Any
) -> Iterator[RunningTenant]:
    """A tenant on a free port until the end of the block."""
    clock = FakeClock(runs=True)
    port = port or free_port()
    known: dict[str, Any] = {"app_url": APP_URL, "clock": clock.timestamp, "token_failures_per_minute": 10_000}
    config = TenantConfig(
        issuer=f"http://{host}:{port}/", state_dir=state_dir, **(known | {"sign_ins_per_minute": 10_000} | changes)
    )
    app = create_app(config)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="none", server_header=False)
    )
    thread = threading.Thread(target=server.run, name=f"tenant-{secrets.token_hex(2)}", daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), description="the tenant starts")
        assert thread.is_alive(), "the tenant did not start"
        yield RunningTenant(config, tenant_of(app), clock)
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def tenant_client(tenant: RunningTenant) -> Iterator[TenantClient]:
    client = TenantClient(tenant)
    try:
        yield client
    finally:
        client.close()
