"""The steps of a sign-in at the tenant: session, prompts, second factor and consent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.component.dev_tenant.support import (
    MFA,
    TenantClient,
    answer,
    heading,
    running,
    tenant_client,
)


def id_claims(client: TenantClient, **changes: str | None) -> dict[str, Any]:
    """The ID token of a sign-in that needs no page."""
    code = answer(client.authorize(**changes))["code"]
    token = client.running.exchange(code).json()["id_token"]
    return client.running.verify(token, audience=client.running.client_id)


def test_the_tenant_session_makes_the_second_sign_in_silent(client: TenantClient) -> None:
    client.pick("bruno")
    assert "code" in answer(client.authorize())
    assert "code" in answer(client.authorize(prompt="none"))
    with tenant_client(client.running) as other:
        assert answer(other.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_some_prompts_ask_again_although_there_is_a_session(client: TenantClient, prompt: str) -> None:
    client.pick("bruno")
    assert "/u/login?" in client.authorize(prompt=prompt).headers["Location"]


def test_max_age_asks_again_once_the_sign_in_is_older(tmp_path: Any) -> None:
    with running(tmp_path / "state") as tenant, tenant_client(tenant) as client:
        client.pick("bruno")
        first = id_claims(client)["auth_time"]
        assert "/u/login?" in client.authorize(max_age="0").headers["Location"]
        tenant.clock.move(seconds=100)
        assert id_claims(client, max_age="200")["auth_time"] == first
        assert "/u/login?" in client.authorize(max_age="50").headers["Location"]
        assert answer(client.authorize(max_age="50", prompt="none"))["error"] == "login_required"
        client.pick("bruno", max_age="50")
        assert id_claims(client, max_age="50")["auth_time"] >= first + 100


def test_signing_in_again_keeps_the_sid_of_the_same_person_only(client: TenantClient) -> None:
    client.pick("bruno")
    first = id_claims(client)["sid"]
    cookie = client.http.cookies.get_dict()
    client.pick("bruno", prompt="login")
    assert id_claims(client)["sid"] == first
    assert client.http.cookies.get_dict() != cookie
    client.pick("chiyo", prompt="login")
    assert id_claims(client)["sid"] != first


def test_the_session_cookie_is_closed_to_scripts_and_foreign_sites_and_named_by_port(client: TenantClient) -> None:
    header = client.pick("ada").headers["Set-Cookie"]
    port = client.running.config.netloc.rpartition(":")[2]
    assert header.startswith(f"auth0_{port}=")
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "Domain" not in header


def test_a_tenant_session_ends_by_time(tmp_path: Any) -> None:
    with running(tmp_path / "state", session_seconds=60) as tenant, tenant_client(tenant) as client:
        client.pick("ada")
        tenant.clock.move(seconds=61)
        assert answer(client.authorize(prompt="none"))["error"] == "login_required"


def test_a_second_factor_is_requested_and_reported_in_the_token(client: TenantClient) -> None:
    page = client.pick("ada", acr_values=MFA)
    assert "/u/step?" in page.headers["Location"]
    token = answer(page)["state"]
    assert heading(client.get(page.headers["Location"])) == "Confirm a second factor"
    done = client.post("/u/step", state=token, action="factor")
    response = client.running.exchange(answer(done)["code"])
    claims = client.running.verify(response.json()["id_token"], audience=client.running.client_id)
    assert claims["acr"] == MFA
    assert claims["amr"] == ["mfa"]
    assert id_claims(client, acr_values=MFA)["acr"] == MFA


def test_a_session_without_a_second_factor_is_stepped_up(client: TenantClient) -> None:
    client.pick("ada")
    assert "acr" not in id_claims(client)
    assert answer(client.authorize(acr_values=MFA, prompt="none"))["error"] == "interaction_required"
    page = client.authorize(acr_values=MFA)
    assert "/u/step?" in page.headers["Location"]
    assert "code" in answer(client.post("/u/step", state=answer(page)["state"], action="factor"))


def test_the_second_factor_cannot_be_skipped(client: TenantClient) -> None:
    token = client.begin(acr_values=MFA)
    for form in ({"action": "factor"}, {"action": "consent"}, {"action": ""}):
        assert "code" not in answer(client.post("/u/step", state=token, **form))
    client.post("/u/login", state=token, person="ada")
    assert "code" not in answer(client.post("/u/step", state=token, action="consent"))


def test_a_step_ends_with_the_session_that_it_needs(client: TenantClient) -> None:
    client.pick("ada")
    page = client.authorize(acr_values=MFA)
    client.running.tenant.end_sessions("ada", notify=False)
    response = client.post("/u/step", state=answer(page)["state"], action="factor")
    assert "/u/login?" in response.headers["Location"]


def test_consent_is_requested_and_may_be_refused(client: TenantClient) -> None:
    token = answer(client.pick("ada", prompt="login consent"))["state"]
    assert "code" in answer(client.post("/u/step", state=token, action="consent"))
    token = answer(client.authorize(prompt="consent"))["state"]
    assert answer(client.post("/u/step", state=token, action="cancel"))["error"] == "access_denied"


def test_a_blocked_person_is_refused_as_auth0_does(client: TenantClient) -> None:
    parameters = answer(client.pick("frank"))
    assert parameters["error"] == "unauthorized"
    assert parameters["error_description"] == "user is blocked"
    assert answer(client.authorize(prompt="none"))["error"] == "login_required"


def test_a_user_blocked_while_signed_in_is_refused(tmp_path: Any) -> None:
    with running(tmp_path / "state") as tenant, tenant_client(tenant) as client:
        client.pick("ada")
        tenant.tenant.set_access("ada", blocked=True)
        assert answer(client.authorize())["error"] == "unauthorized"
