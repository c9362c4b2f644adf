"""How clients authenticate at the token endpoint, and how it limits failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component.dev_tenant.support import (
    AUDIENCE,
    CALLBACK,
    VERIFIER,
    RunningTenant,
    TenantClient,
    call,
    running,
)
from tests.component.dev_tenant.token_requests import machine, refused


def test_a_machine_gets_its_own_token(tenant: RunningTenant) -> None:
    response = machine(tenant)
    assert set(response.json()) == {"access_token", "scope", "expires_in", "token_type"}
    claims = tenant.verify(response.json()["access_token"], audience=AUDIENCE)
    assert claims["sub"] == f"{tenant.tenant.credentials.machine_client_id}@clients"
    assert claims["gty"] == "client-credentials"
    assert claims["azp"] == tenant.tenant.credentials.machine_client_id
    assert claims["aud"] == AUDIENCE
    assert claims["scope"] == "read:messages"
    narrowed = machine(tenant, scope="read:reports").json()["access_token"]
    assert "scope" not in tenant.verify(narrowed, audience=AUDIENCE)


def test_a_machine_must_name_our_api_and_the_app_is_no_machine(tenant: RunningTenant) -> None:
    refused(machine(tenant, audience=""), 403, "access_denied")
    refused(machine(tenant, audience="https://other.example"), 403, "access_denied")
    refused(tenant.post_token(grant_type="client_credentials", audience=AUDIENCE), 400, "unauthorized_client")


def test_a_client_may_authenticate_by_basic_or_in_the_form(client: TenantClient) -> None:
    known = client.running.tenant.credentials
    form = {
        "grant_type": "authorization_code",
        "code": client.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    url = client.running.url("/oauth/token")
    both = call(
        "POST", url, data=form | {"client_secret": known.client_secret}, auth=(known.client_id, known.client_secret)
    )
    refused(both, 400, "invalid_request")
    assert call("POST", url, data=form, auth=(known.client_id, known.client_secret)).status_code == 200


@pytest.mark.parametrize(
    "proof",
    [
        {"client_secret": "wrong"},
        {"client_secret": ""},
        {"client_secret": "é"},
        {"client_id": "unknown"},
        {"client_id": "", "client_secret": ""},
        {"client_id": "unknown", "client_secret": "-" * 64},
    ],
)
def test_a_wrong_secret_and_an_unknown_client_get_the_same_answer(client: TenantClient, proof: dict[str, str]) -> None:
    refused(client.running.exchange(client.code(), **proof), 401, "access_denied", "Unauthorized")


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic /w==", "Basic Og==", "Basic YTpi", "Basic é", "basic YQ=="]
)
def test_an_invalid_basic_header_is_challenged(tenant: RunningTenant, header: str) -> None:
    response = call(
        "POST",
        tenant.url("/oauth/token"),
        data={"grant_type": "refresh_token", "refresh_token": "x"},
        headers={"Authorization": header.encode("latin-1")},
    )
    refused(response, 401, "access_denied", "Unauthorized")
    assert response.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 403, "unsupported_grant_type"),
        ({"grant_type": 'x"é'}, 403, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
    ],
)
def test_other_mistakes_have_auth0s_shape_too(
    tenant: RunningTenant, form: dict[str, str], status: int, error: str
) -> None:
    refused(tenant.post_token(**form), status, error)


def test_a_repeated_parameter_is_refused(tenant: RunningTenant) -> None:
    body = [("grant_type", "client_credentials"), ("audience", AUDIENCE), ("audience", "x")]
    refused(call("POST", tenant.url("/oauth/token"), data=body), 400, "invalid_request")


def test_failures_are_limited_for_one_client_without_stopping_the_other(tmp_path: Path) -> None:
    with running(tmp_path / "state", token_failures_per_minute=3) as tenant:
        for _ in range(3):
            refused(tenant.refresh("wrong"), 403, "invalid_grant")
        response = tenant.refresh("wrong")
        refused(response, 429, "too_many_attempts")
        assert int(response.headers["Retry-After"]) >= 1
        assert machine(tenant).status_code == 200
