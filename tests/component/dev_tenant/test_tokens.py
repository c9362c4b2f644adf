"""The tenant's tokens: their shapes, and that codes and refresh tokens are admitted once, in time, by their client."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from component.dev_tenant.ledger import Finding
from tests.component.dev_tenant.support import (
    AUDIENCE,
    CALLBACK,
    ROLES_CLAIM,
    VERIFIER,
    Browser,
    Running,
    answer,
    browsing,
    call,
    running,
)


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("tenant") / "state") as started:
        yield started


@pytest.fixture
def browser(tenant: Running) -> Iterator[Browser]:
    with browsing(tenant) as opened:
        yield opened


def refused(response: requests.Response, status: int, error: str, description: str | None = None) -> None:
    """Auth0's error shape, and nothing of it may be stored."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error", "error_description"}
    assert body["error"] == error
    assert description is None or body["error_description"] == description
    assert response.headers["Cache-Control"] == "no-store"


def userinfo(tenant: Running, token: str) -> requests.Response:
    return call("GET", tenant.url("/userinfo"), headers={"Authorization": f"Bearer {token}"})


def machine(tenant: Running, **form: str) -> requests.Response:
    known = tenant.tenant.credentials
    return tenant.post_token(
        **(
            {
                "grant_type": "client_credentials",
                "client_id": known.machine_client_id,
                "client_secret": known.machine_client_secret,
                "audience": AUDIENCE,
            }
            | form
        )
    )


def test_the_access_token_has_auth0s_shape(browser: Browser) -> None:
    tokens = browser.tokens("dev")
    assert set(tokens) == {"access_token", "id_token", "refresh_token", "scope", "expires_in", "token_type"}
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 600
    header = jwt.get_unverified_header(tokens["access_token"])
    assert header == {"alg": "RS256", "typ": "JWT", "kid": browser.running.tenant.keys.kid}
    claims = browser.running.verify(tokens["access_token"], audience=AUDIENCE)
    assert claims.pop("exp") - claims.pop("iat") == 600
    assert claims == {
        "iss": browser.running.issuer,
        "sub": "auth0|dev",
        "aud": [AUDIENCE, f"{browser.running.issuer}userinfo"],
        "azp": browser.running.client_id,
        "scope": "email offline_access openid profile read:messages",
        "permissions": ["explore:api", "read:messages"],
        ROLES_CLAIM: ["developer"],
    }
    assert tokens["scope"] == claims["scope"]


def test_the_rfc_9068_dialect(tmp_path: Path) -> None:
    with running(tmp_path / "state", dialect="rfc9068_profile_authz") as tenant, browsing(tenant) as browser:
        token = browser.tokens("dev")["access_token"]
        assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
        claims = tenant.verify(token, audience=AUDIENCE)
        assert claims["client_id"] == tenant.client_id
        assert claims["jti"]
        assert "azp" not in claims


def test_the_id_token_has_auth0s_shape(browser: Browser) -> None:
    tokens = browser.tokens("ada")
    claims = browser.running.verify(tokens["id_token"], audience=browser.running.client_id)
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert claims.pop("picture").startswith("https://s.gravatar.com/avatar/")
    assert claims.pop("auth_time") <= claims.pop("iat") < claims.pop("exp")
    assert claims.pop("sid")
    assert claims.pop("updated_at").endswith("Z")
    assert claims == {
        "iss": browser.running.issuer,
        "sub": "auth0|ada",
        "aud": browser.running.client_id,
        "nonce": "a-nonce",
        "name": "Ada Okafor",
        "nickname": "ada",
        "email": "ada@gatehouse.example",
        "email_verified": True,
        ROLES_CLAIM: ["administrator"],
    }


def test_scope_opens_claims_and_tokens(browser: Browser) -> None:
    tokens = browser.tokens("ada", scope="openid")
    claims = browser.running.verify(tokens["id_token"], audience=browser.running.client_id)
    assert not {"name", "email", "picture", "nickname"} & set(claims)
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid"
    assert "id_token" not in browser.tokens("ada", scope="profile")
    assert "id_token" not in browser.tokens("ada", scope=None)


def test_scope_is_narrowed_to_what_is_assigned_but_permissions_are_everything(browser: Browser) -> None:
    token = browser.tokens("bruno", scope="openid read:reports read:messages own:everything")["access_token"]
    claims = browser.running.verify(token, audience=AUDIENCE)
    assert claims["scope"] == "openid read:reports"
    assert claims["permissions"] == ["explore:files", "export:reports", "read:reports"]


def test_without_an_audience_the_access_token_is_opaque_and_opens_userinfo_only(browser: Browser) -> None:
    tokens = browser.tokens("bruno", audience=None)
    assert "." not in tokens["access_token"]
    assert tokens["scope"] == "email offline_access openid profile"
    claims = userinfo(browser.running, tokens["access_token"]).json()
    assert claims["sub"] == "auth0|bruno"
    assert claims["email"] == "bruno@gatehouse.example"


@pytest.mark.parametrize(
    "verifier", ["", "w" * 43, VERIFIER[:-1], "é" * 43, "v" * 129, VERIFIER + "\n"], ids=lambda value: str(len(value))
)
def test_a_code_needs_its_verifier(browser: Browser, verifier: str) -> None:
    code = browser.code()
    refused(
        browser.running.exchange(code, code_verifier=verifier), 403, "invalid_grant", "Failed to verify code verifier"
    )
    refused(browser.running.exchange(code), 403, "invalid_grant")


def test_a_code_is_bound_to_its_return_address_and_its_client(browser: Browser) -> None:
    refused(browser.running.exchange(browser.code(), redirect_uri=f"{CALLBACK}/"), 400, "invalid_grant")
    refused(browser.running.exchange(browser.code(), redirect_uri=""), 400, "invalid_grant")
    code = browser.code()
    known = browser.running.tenant.credentials
    other = {"client_id": known.machine_client_id, "client_secret": known.machine_client_secret}
    refused(browser.running.exchange(code, **other), 400, "unauthorized_client")
    assert browser.running.tenant.ledger.redeem(code, known.machine_client_id) is Finding.UNKNOWN
    assert browser.running.exchange(code).status_code == 200


def test_a_code_lives_for_sixty_seconds(tmp_path: Path) -> None:
    with running(tmp_path / "state") as tenant, browsing(tenant) as browser:
        early, late = browser.code(), answer(browser.authorize())["code"]
        tenant.clock.move(seconds=55)
        assert tenant.exchange(early).status_code == 200
        tenant.clock.move(seconds=7)
        refused(tenant.exchange(late), 403, "invalid_grant", "Invalid authorization code")


def test_a_code_used_twice_is_refused_and_its_tokens_are_revoked(browser: Browser) -> None:
    code = browser.code()
    tokens = browser.running.exchange(code).json()
    second = browser.running.refresh(tokens["refresh_token"]).json()
    assert userinfo(browser.running, second["access_token"]).status_code == 200
    refused(browser.running.exchange(code), 403, "invalid_grant", "Invalid authorization code")
    refused(browser.running.refresh(second["refresh_token"]), 403, "invalid_grant")
    for issued in (tokens, second):
        assert userinfo(browser.running, issued["access_token"]).status_code == 401


def test_a_refresh_rotates_the_token_and_reads_the_rights_again(browser: Browser) -> None:
    tenant = browser.running
    first = browser.tokens("eva")
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


def test_a_refresh_may_narrow_the_scope_but_not_widen_it(browser: Browser) -> None:
    first = browser.tokens("ada", scope="openid offline_access read:messages")
    second = browser.running.refresh(first["refresh_token"], scope="openid").json()
    assert second["scope"] == "openid"
    refused(browser.running.refresh(second["refresh_token"], scope="openid read:reports"), 400, "invalid_scope")


def test_a_reused_refresh_token_ends_its_family(browser: Browser) -> None:
    first = browser.tokens()["refresh_token"]
    other = browser.tokens(prompt="login")["refresh_token"]
    second = browser.running.refresh(first).json()["refresh_token"]
    third = browser.running.refresh(second).json()
    refused(browser.running.refresh(first), 403, "invalid_grant", "Unknown or invalid refresh token.")
    refused(browser.running.refresh(third["refresh_token"]), 403, "invalid_grant", "Unknown or invalid refresh token.")
    assert userinfo(browser.running, third["access_token"]).status_code == 401
    assert browser.running.refresh(other).status_code == 200


def test_the_overlap_admits_the_previous_token_only_and_only_for_its_time(tmp_path: Path) -> None:
    with running(tmp_path / "state", refresh_overlap_seconds=30) as tenant, browsing(tenant) as browser:
        first = browser.tokens()["refresh_token"]
        second = tenant.refresh(first).json()["refresh_token"]
        assert tenant.refresh(first).status_code == 200
        assert tenant.refresh(second).status_code == 200
        refused(tenant.refresh(first), 403, "invalid_grant")
        first = browser.tokens(prompt="login")["refresh_token"]
        second = tenant.refresh(first).json()["refresh_token"]
        tenant.clock.move(seconds=31)
        refused(tenant.refresh(first), 403, "invalid_grant")
        refused(tenant.refresh(second), 403, "invalid_grant")


def test_refresh_tokens_end_by_time_and_with_their_person(tmp_path: Path) -> None:
    with running(tmp_path / "state", refresh_token_seconds=100) as tenant, browsing(tenant) as browser:
        token = browser.tokens()["refresh_token"]
        tenant.tenant.set_access("ada", blocked=True)
        refused(tenant.refresh(token), 403, "invalid_grant", "Unknown or invalid refresh token.")
        tenant.tenant.set_access("ada", blocked=False)
        token = tenant.refresh(token).json()["refresh_token"]
        tenant.clock.move(seconds=101)
        refused(tenant.refresh(token), 403, "invalid_grant", "Unknown or invalid refresh token.")


@pytest.mark.parametrize("token", ["", "x", "é", "x" * 1000])
def test_an_unknown_refresh_token_is_refused(tenant: Running, token: str) -> None:
    response = tenant.refresh(token)
    assert response.status_code in {400, 403}
    assert response.json()["error"] in {"invalid_request", "invalid_grant"}


def test_a_machine_gets_its_own_token(tenant: Running) -> None:
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


def test_a_machine_must_name_our_api_and_the_app_is_no_machine(tenant: Running) -> None:
    refused(machine(tenant, audience=""), 403, "access_denied")
    refused(machine(tenant, audience="https://other.example"), 403, "access_denied")
    refused(tenant.post_token(grant_type="client_credentials", audience=AUDIENCE), 400, "unauthorized_client")


def test_a_client_may_authenticate_by_basic_or_in_the_form(browser: Browser) -> None:
    known = browser.running.tenant.credentials
    form = {
        "grant_type": "authorization_code",
        "code": browser.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    url = browser.running.url("/oauth/token")
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
def test_a_wrong_secret_and_an_unknown_client_get_the_same_answer(browser: Browser, proof: dict[str, str]) -> None:
    refused(browser.running.exchange(browser.code(), **proof), 401, "access_denied", "Unauthorized")


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic /w==", "Basic Og==", "Basic YTpi", "Basic é", "basic YQ=="]
)
def test_a_basic_header_that_proves_nothing_is_challenged(tenant: Running, header: str) -> None:
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
def test_other_mistakes_have_auth0s_shape_too(tenant: Running, form: dict[str, str], status: int, error: str) -> None:
    refused(tenant.post_token(**form), status, error)


def test_a_repeated_parameter_is_refused(tenant: Running) -> None:
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


def test_userinfo_wants_a_live_token_of_this_tenant_in_the_header(browser: Browser) -> None:
    tenant = browser.running
    tokens = browser.tokens("bruno", scope="openid email")
    claims = userinfo(tenant, tokens["access_token"]).json()
    assert claims == {
        "sub": "auth0|bruno",
        "email": "bruno@gatehouse.example",
        "email_verified": True,
        ROLES_CLAIM: ["analyst"],
    }
    url = tenant.url("/userinfo")
    for wrong in (tokens["id_token"], tokens["access_token"] + "x", "", "é"):
        headers = {"Authorization": f"Bearer {wrong}".encode("latin-1")}
        refused(call("GET", url, headers=headers), 401, "invalid_token")
    without = call("GET", url, params={"access_token": tokens["access_token"]})
    refused(without, 401, "invalid_token")
    assert without.headers["WWW-Authenticate"] == "Bearer"
    no_openid = browser.tokens("bruno", scope="email")["access_token"]
    refused(userinfo(tenant, no_openid), 401, "invalid_token")


def test_access_tokens_end_by_time(tmp_path: Path) -> None:
    with running(tmp_path / "state", access_token_seconds=5) as tenant, browsing(tenant) as browser:
        tokens = browser.tokens()
        assert tokens["expires_in"] == 5
        claims = tenant.verify(tokens["access_token"], audience=AUDIENCE)
        assert claims["exp"] - claims["iat"] == 5
        tenant.clock.move(seconds=6)
        refused(userinfo(tenant, tokens["access_token"]), 401, "invalid_token")


def test_revoking_ends_the_family_and_says_nothing_about_unknown_tokens(browser: Browser) -> None:
    tenant = browser.running
    known = {"client_id": tenant.client_id, "client_secret": tenant.tenant.credentials.client_secret}
    tokens = browser.tokens()
    url = tenant.url("/oauth/revoke")
    assert call("POST", url, data=known | {"token": "unknown"}).status_code == 200
    assert call("POST", url, data=known | {"token": tokens["refresh_token"]}).status_code == 200
    refused(tenant.refresh(tokens["refresh_token"]), 403, "invalid_grant")
    assert userinfo(tenant, tokens["access_token"]).status_code == 401
    tokens = browser.tokens(prompt="login")
    assert call("POST", url, data=known | {"token": tokens["access_token"]}).status_code == 200
    assert userinfo(tenant, tokens["access_token"]).status_code == 401
    assert tenant.refresh(tokens["refresh_token"]).status_code == 200


def test_only_its_own_client_revokes_a_token(browser: Browser) -> None:
    tenant = browser.running
    token = browser.tokens()["refresh_token"]
    url = tenant.url("/oauth/revoke")
    refused(call("POST", url, data={"token": token}), 401, "access_denied")
    wrong = {"client_id": tenant.client_id, "client_secret": "wrong", "token": token}
    refused(call("POST", url, data=wrong), 401, "access_denied")
    known = tenant.tenant.credentials
    other = {"client_id": known.machine_client_id, "client_secret": known.machine_client_secret, "token": token}
    assert call("POST", url, data=other).status_code == 400
    assert tenant.refresh(token).status_code == 200


def test_the_key_set_shows_no_private_part_and_follows_a_rotation(tmp_path: Path) -> None:
    with running(tmp_path / "state") as tenant, browsing(tenant) as browser:
        old = browser.tokens()["access_token"]
        kid = tenant.tenant.rotate_key()
        new = browser.tokens(prompt="login")["access_token"]
        assert jwt.get_unverified_header(new)["kid"] == kid
        for token in (old, new):
            assert tenant.verify(token, audience=AUDIENCE)
        keys = call("GET", tenant.url("/.well-known/jwks.json")).json()["keys"]
        assert [set(key) for key in keys] == [{"kty", "n", "e", "kid", "use", "alg"}] * 2
        tenant.tenant.rotate_key(keep_old=False)
        assert len(call("GET", tenant.url("/.well-known/jwks.json")).json()["keys"]) == 1


def test_discovery_describes_the_tenant(tenant: Running) -> None:
    metadata: dict[str, Any] = call("GET", tenant.url("/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == tenant.issuer
    assert tenant.issuer.endswith("/")
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["backchannel_logout_session_supported"] is True
    for name, value in metadata.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(tenant.issuer), name
            assert call("GET", value).status_code != 404, name
