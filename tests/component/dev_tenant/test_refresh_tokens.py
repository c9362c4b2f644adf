"""The refresh tokens of the tenant: rotation, reuse, lifetime and revocation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component.dev_tenant.support import (
    AUDIENCE,
    ROLES_CLAIM,
    RunningTenant,
    TenantClient,
    call,
    running,
    tenant_client,
)
from tests.component.dev_tenant.token_requests import refused, userinfo


def test_a_code_used_twice_is_refused_and_its_tokens_are_revoked(client: TenantClient) -> None:
    code = client.code()
    tokens = client.running.exchange(code).json()
    second = client.running.refresh(tokens["refresh_token"]).json()
    assert userinfo(client.running, second["access_token"]).status_code == 200
    refused(client.running.exchange(code), 403, "invalid_grant", "Invalid authorization code")
    refused(client.running.refresh(second["refresh_token"]), 403, "invalid_grant")
    for issued in (tokens, second):
        assert userinfo(client.running, issued["access_token"]).status_code == 401


def test_a_refresh_rotates_the_token_and_reads_the_rights_again(client: TenantClient) -> None:
    tenant = client.running
    first = client.tokens("eva")
    before = tenant.verify(first["id_token"], audience=tenant.client_id)
    tenant.tenant.set_access("eva", roles={"viewer"}, permissions={"explore:api"})
    try:
        second = tenant.refresh(first["refresh_token"]).json()
    finally:
        tenant.tenant.set_access("eva", roles=(), permissions=())
    assert second["refresh_token"] != first["refresh_token"]
    access = tenant.verify(second["access_token"], audience=AUDIENCE)
    assert access["permissions"] == ["explore:api", "read:reports"]
    assert access[ROLES_CLAIM] == ["viewer"]
    after = tenant.verify(second["id_token"], audience=tenant.client_id)
    assert "nonce" not in after
    assert (after["sid"], after["auth_time"], after["sub"]) == (before["sid"], before["auth_time"], before["sub"])


def test_a_refresh_may_narrow_the_scope_but_not_widen_it(client: TenantClient) -> None:
    first = client.tokens("ada", scope="openid offline_access read:messages")
    second = client.running.refresh(first["refresh_token"], scope="openid").json()
    assert second["scope"] == "openid"
    refused(client.running.refresh(second["refresh_token"], scope="openid read:reports"), 400, "invalid_scope")


def test_a_reused_refresh_token_ends_its_family(client: TenantClient) -> None:
    first = client.tokens()["refresh_token"]
    other = client.tokens(prompt="login")["refresh_token"]
    second = client.running.refresh(first).json()["refresh_token"]
    third = client.running.refresh(second).json()
    refused(client.running.refresh(first), 403, "invalid_grant", "Unknown or invalid refresh token.")
    refused(client.running.refresh(third["refresh_token"]), 403, "invalid_grant", "Unknown or invalid refresh token.")
    assert userinfo(client.running, third["access_token"]).status_code == 401
    assert client.running.refresh(other).status_code == 200


def test_the_overlap_admits_the_previous_token_only_and_only_for_its_time(tmp_path: Path) -> None:
    with running(tmp_path / "state", refresh_overlap_seconds=30) as tenant, tenant_client(tenant) as client:
        first = client.tokens()["refresh_token"]
        second = tenant.refresh(first).json()["refresh_token"]
        assert tenant.refresh(first).status_code == 200
        assert tenant.refresh(second).status_code == 200
        refused(tenant.refresh(first), 403, "invalid_grant")
        first = client.tokens(prompt="login")["refresh_token"]
        second = tenant.refresh(first).json()["refresh_token"]
        tenant.clock.move(seconds=31)
        refused(tenant.refresh(first), 403, "invalid_grant")
        refused(tenant.refresh(second), 403, "invalid_grant")


def test_refresh_tokens_end_by_time_and_with_their_person(tmp_path: Path) -> None:
    with running(tmp_path / "state", refresh_token_seconds=100) as tenant, tenant_client(tenant) as client:
        token = client.tokens()["refresh_token"]
        tenant.tenant.set_access("ada", blocked=True)
        refused(tenant.refresh(token), 403, "invalid_grant", "Unknown or invalid refresh token.")
        tenant.tenant.set_access("ada", blocked=False)
        token = tenant.refresh(token).json()["refresh_token"]
        tenant.clock.move(seconds=101)
        refused(tenant.refresh(token), 403, "invalid_grant", "Unknown or invalid refresh token.")


@pytest.mark.parametrize("token", ["", "x", "é", "x" * 1000])
def test_an_unknown_refresh_token_is_refused(tenant: RunningTenant, token: str) -> None:
    response = tenant.refresh(token)
    assert response.status_code in {400, 403}
    assert response.json()["error"] in {"invalid_request", "invalid_grant"}


def test_revoking_ends_the_family_and_says_nothing_about_unknown_tokens(client: TenantClient) -> None:
    tenant = client.running
    known = {"client_id": tenant.client_id, "client_secret": tenant.tenant.credentials.client_secret}
    tokens = client.tokens()
    url = tenant.url("/oauth/revoke")
    assert call("POST", url, data=known | {"token": "unknown"}).status_code == 200
    assert call("POST", url, data=known | {"token": tokens["refresh_token"]}).status_code == 200
    refused(tenant.refresh(tokens["refresh_token"]), 403, "invalid_grant")
    assert userinfo(tenant, tokens["access_token"]).status_code == 401
    tokens = client.tokens(prompt="login")
    assert call("POST", url, data=known | {"token": tokens["access_token"]}).status_code == 200
    assert userinfo(tenant, tokens["access_token"]).status_code == 401
    assert tenant.refresh(tokens["refresh_token"]).status_code == 200


def test_only_its_own_client_revokes_a_token(client: TenantClient) -> None:
    tenant = client.running
    token = client.tokens()["refresh_token"]
    url = tenant.url("/oauth/revoke")
    refused(call("POST", url, data={"token": token}), 401, "access_denied")
    wrong = {"client_id": tenant.client_id, "client_secret": "wrong", "token": token}
    refused(call("POST", url, data=wrong), 401, "access_denied")
    known = tenant.tenant.credentials
    other = {"client_id": known.machine_client_id, "client_secret": known.machine_client_secret, "token": token}
    assert call("POST", url, data=other).status_code == 400
    assert tenant.refresh(token).status_code == 200
