"""The complete flow with the real local tenant: sign-in, refresh with rotation, a change of rights, sign-out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.errors import SessionEnded
from app.core.principal import Subject
from app.core.records import EndReason
from tests.clock import FakeClock
from tests.component.dev_tenant.support import RunningTenant, TenantClient, running, tenant_client
from tests.provider import FakeProvider
from tests.signin import SignInWorld, sign_in_world


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTenant]:
    with running(tmp_path_factory.mktemp("tenant")) as started:
        yield started


@pytest.fixture
def installation(tenant: RunningTenant) -> Iterator[SignInWorld]:
    clock = FakeClock()
    tenant.clock.ahead = timedelta()
    unused = FakeProvider(clock.timestamp)
    credentials = tenant.tenant.credentials
    settings: dict[str, Any] = {
        "oidc_issuer": tenant.issuer,
        "auth0_audience": tenant.config.audience,
        "auth0_client_id": credentials.client_id,
        "auth0_client_secret": SecretStr(credentials.client_secret),
    }
    with sign_in_world(unused, clock, with_real_keys=True, **settings) as installation:
        yield installation


def sign_in(installation: SignInWorld, at_tenant: TenantClient, person: str) -> str:
    """The session's reference after a complete sign-in on the tenant's page."""
    client = installation.client()
    page = at_tenant.get(installation.begin(client, "/reports%3Fa%3D1"))
    assert page.status_code in {302, 303}
    state = page.headers["Location"].partition("state=")[2]
    back = at_tenant.post("/u/login", state=state, person=person).headers["Location"]
    assert client.get(back).location == "http://localhost:8501/reports?a=1"
    return installation.ref(client)


def test_from_the_page_to_the_session_and_out(installation: SignInWorld, tenant: RunningTenant) -> None:
    with tenant_client(tenant) as at_tenant:
        ref = sign_in(installation, at_tenant, "bruno")
        session = installation.sessions.by_ref(ref)
        assert session.person.name == "Bruno Silva"
        grants = installation.storage.read.grants(session.person.subject, installation.clock())
        assert set(grants.roles) == {"analyst"}
        assert {"read:reports", "export:reports", "explore:files"} <= set(grants.permissions)

        tenant.tenant.set_access("bruno", roles=["viewer"])
        installation.clock.move(seconds=301)
        tenant.clock.ahead = installation.clock.ahead
        installation.sessions.sync_if_due(installation.sessions.by_ref(ref))
        grants = installation.storage.read.grants(Subject(tenant.issuer, "auth0|bruno"), installation.clock())
        assert set(grants.roles) == {"viewer"}
        assert "export:reports" not in grants.permissions

        first = installation.sessions.access_token(ref)
        installation.clock.move(seconds=560)
        tenant.clock.ahead = installation.clock.ahead
        second = installation.sessions.access_token(ref)
        assert first != second  # with the rotated refresh token

        assert len(tenant.tenant.sessions()) == 1
        client = installation.client()
        logout_hint = installation.sessions.end(ref, EndReason.SIGNED_OUT, by="test")
        out = installation.provider.logout_url(logout_hint or "")
        assert out is not None
        assert at_tenant.get(out).headers["Location"] == "http://localhost:8501"
        assert tenant.tenant.sessions() == []
        assert client.get("/auth/session").json() == {"authenticated": False}


def test_a_user_blocked_at_the_tenant_is_refused(installation: SignInWorld, tenant: RunningTenant) -> None:
    with tenant_client(tenant) as at_tenant:
        client = installation.client()
        page = at_tenant.get(installation.begin(client))
        state = page.headers["Location"].partition("state=")[2]
        back = at_tenant.post("/u/login", state=state, person="frank").headers["Location"]
        answer = client.get(back)
        assert answer.status == 403
        assert "Your account is blocked" in answer.text


def test_a_person_blocked_meanwhile_loses_the_session_at_the_next_refresh(
    installation: SignInWorld, tenant: RunningTenant
) -> None:
    with tenant_client(tenant) as at_tenant:
        ref = sign_in(installation, at_tenant, "chiyo")
        tenant.tenant.set_access("chiyo", blocked=True)
        try:
            installation.clock.move(seconds=301)
            tenant.clock.ahead = installation.clock.ahead
            with pytest.raises(SessionEnded):
                installation.sessions.sync_if_due(installation.sessions.by_ref(ref))
        finally:
            tenant.tenant.set_access("chiyo", blocked=False)
