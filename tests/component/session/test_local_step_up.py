"""Step-up and back-channel logout against the real local tenant, which posts its logout tokens over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import uvicorn
from pydantic import SecretStr

from app.core.assurance import MULTI_FACTOR
from app.core.records import Session
from tests.clock import FakeClock
from tests.component.dev_tenant.support import RunningTenant, TenantClient, answer, running, tenant_client
from tests.ports import free_port
from tests.provider import FakeProvider
from tests.signin import CookieClient, SignInWorld, sign_in_world
from tests.waiting import wait_until

CONFIRM = "/auth/login?step_up=1&max_age=0&return_to=/reports"
FACTOR = f"/auth/login?step_up=1&acr_values={MULTI_FACTOR}&return_to=/reports"
BACK = "http://localhost:8501/reports"
PORT = free_port()


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTenant]:
    uri = f"http://localhost:{PORT}/auth/backchannel-logout"
    with running(tmp_path_factory.mktemp("tenant"), backchannel_logout_uri=uri) as started:
        yield started


@pytest.fixture
def installation(tenant: RunningTenant) -> Iterator[SignInWorld]:
    clock = FakeClock()
    tenant.clock.ahead = timedelta()
    credentials = tenant.tenant.credentials
    settings: dict[str, Any] = {
        "oidc_issuer": tenant.issuer,
        "auth0_audience": tenant.config.audience,
        "auth0_client_id": credentials.client_id,
        "auth0_client_secret": SecretStr(credentials.client_secret),
        "session_absolute_seconds": 86400,
        "session_idle_seconds": 86400,
    }
    with sign_in_world(FakeProvider(clock.timestamp), clock, with_real_keys=True, **settings) as installation:
        yield installation


@pytest.fixture
def served(installation: SignInWorld) -> Iterator[None]:
    """Our routes where the tenant posts to."""
    server = uvicorn.Server(
        uvicorn.Config(installation.app, host="127.0.0.1", port=PORT, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield
    server.should_exit = True
    thread.join(10)


def move(installation: SignInWorld, tenant: RunningTenant, **by: float) -> None:
    installation.clock.move(**by)
    tenant.clock.ahead = installation.clock.ahead


def at_page(page: requests.Response) -> str:
    """The form token of the page that the tenant shows."""
    return answer(page)["state"]


def sign_in(installation: SignInWorld, at_tenant: TenantClient, person: str) -> CookieClient:
    client = installation.client()
    state = at_page(at_tenant.get(installation.begin(client)))
    back = at_tenant.post("/u/login", state=state, person=person).headers["Location"]
    assert client.get(back).status == 303
    return client


def session_of(installation: SignInWorld, client: CookieClient) -> Session:
    return installation.sessions.resolve(installation.secret(client))


def age(installation: SignInWorld, client: CookieClient) -> timedelta:
    at = session_of(installation, client).authenticated_at
    assert at is not None
    return installation.clock() - at


def test_the_tenant_asks_again_and_the_session_is_reauthenticated(
    installation: SignInWorld, tenant: RunningTenant
) -> None:
    with tenant_client(tenant) as at_tenant:
        client = sign_in(installation, at_tenant, "bruno")
        before = session_of(installation, client)
        move(installation, tenant, hours=2)
        assert age(installation, client) > timedelta(hours=1)
        state = at_page(at_tenant.get(client.get(CONFIRM).location))
        back = at_tenant.post("/u/login", state=state, person="bruno").headers["Location"]
        assert client.get(back).location == BACK
        assert session_of(installation, client).ref == before.ref
        assert age(installation, client) < timedelta(seconds=10)
        move(installation, tenant, minutes=20)
        assert installation.sessions.access_token(before.ref), "refreshed with the refresh token of the new sign-in"


def test_a_sign_in_by_the_tenants_session_is_not_called_fresh(installation: SignInWorld, tenant: RunningTenant) -> None:
    with tenant_client(tenant) as at_tenant:
        sign_in(installation, at_tenant, "bruno")
        move(installation, tenant, hours=2)
        other = installation.client()
        back = at_tenant.get(installation.begin(other)).headers["Location"]
        assert other.get(back).status == 303
        assert age(installation, other) > timedelta(hours=1)


def test_a_second_factor_is_requested_and_reported_in_the_token(
    installation: SignInWorld, tenant: RunningTenant
) -> None:
    with tenant_client(tenant) as at_tenant:
        client = sign_in(installation, at_tenant, "bruno")
        before = session_of(installation, client)
        assert (before.acr, before.amr) == ("", frozenset())
        page = at_tenant.get(client.get(FACTOR).location)
        back = at_tenant.post("/u/step", state=at_page(page), action="factor").headers["Location"]
        assert client.get(back).location == BACK
        after = session_of(installation, client)
        assert (after.ref, after.acr, after.amr) == (before.ref, MULTI_FACTOR, frozenset({"mfa"}))


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("way", ["/oidc/logout", "/v2/logout"])
def test_signing_out_at_the_tenant_ends_the_session_here(
    installation: SignInWorld, tenant: RunningTenant, way: str
) -> None:
    with tenant_client(tenant) as at_tenant, tenant_client(tenant) as elsewhere:
        client, other = sign_in(installation, at_tenant, "chiyo"), sign_in(installation, elsewhere, "chiyo")
        ref = installation.ref(client)
        at_tenant.get(tenant.url(way))
        wait_until(lambda: not client.get("/auth/session").json()["authenticated"])
        ended = installation.storage.read.session_by_ref(ref)
        assert ended is not None
        assert ended.end_reason == "provider-logout"
        assert other.get("/auth/session").json()["authenticated"], "another session of the same person"


@pytest.mark.usefixtures("served")
def test_signing_out_after_a_step_up_ends_the_session_too(installation: SignInWorld, tenant: RunningTenant) -> None:
    with tenant_client(tenant) as at_tenant:
        client = sign_in(installation, at_tenant, "dev")
        state = at_page(at_tenant.get(client.get(CONFIRM).location))
        client.get(at_tenant.post("/u/login", state=state, person="dev").headers["Location"])
        assert installation.audit("app:session:step-up")
        at_tenant.get(tenant.url("/oidc/logout"))
        wait_until(lambda: not client.get("/auth/session").json()["authenticated"])
