"""The tenant's tokens: their shapes, and that codes are accepted once, in time, from their client."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jwt
import pytest

from component.dev_tenant.issued_grants import Finding
from tests.component.dev_tenant.support import (
    AUDIENCE,
    CALLBACK,
    ROLES_CLAIM,
    VERIFIER,
    RunningTenant,
    TenantClient,
    answer,
    call,
    running,
    tenant_client,
)
from tests.component.dev_tenant.token_requests import refused, userinfo


def test_the_access_token_has_auth0s_shape(client: TenantClient) -> None:
    tokens = client.tokens("dev")
    assert set(tokens) == {"access_token", "id_token", "refresh_token", "scope", "expires_in", "token_type"}
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 600
    header = jwt.get_unverified_header(tokens["access_token"])
    assert header == {"alg": "RS256", "typ": "JWT", "kid": client.running.tenant.keys.kid}
    claims = client.running.verify(tokens["access_token"], audience=AUDIENCE)
    assert claims.pop("exp") - claims.pop("iat") == 600
    assert claims == {
        "iss": client.running.issuer,
        "sub": "auth0|dev",
        "aud": [AUDIENCE, f"{client.running.issuer}userinfo"],
        "azp": client.running.client_id,
        "scope": "email offline_access openid profile read:messages",
        "permissions": ["explore:api", "read:messages"],
        ROLES_CLAIM: ["developer"],
    }
    assert tokens["scope"] == claims["scope"]


def test_the_rfc_9068_dialect(tmp_path: Path) -> None:
    with running(tmp_path / "state", dialect="rfc9068_profile_authz") as tenant, tenant_client(tenant) as client:
        token = client.tokens("dev")["access_token"]
        assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
        claims = tenant.verify(token, audience=AUDIENCE)
        assert claims["client_id"] == tenant.client_id
        assert claims["jti"]
        assert "azp" not in claims


def test_the_id_token_has_auth0s_shape(client: TenantClient) -> None:
    tokens = client.tokens("ada")
    claims = client.running.verify(tokens["id_token"], audience=client.running.client_id)
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert claims.pop("picture").startswith("https://s.gravatar.com/avatar/")
    assert claims.pop("auth_time") <= claims.pop("iat") < claims.pop("exp")
    assert claims.pop("sid")
    assert claims.pop("updated_at").endswith("Z")
    assert claims == {
        "iss": client.running.issuer,
        "sub": "auth0|ada",
        "aud": client.running.client_id,
        "nonce": "a-nonce",
        "name": "Ada Okafor",
        "nickname": "ada",
        "email": "ada@gatehouse.example",
        "email_verified": True,
        ROLES_CLAIM: ["administrator"],
    }


def test_scope_opens_claims_and_tokens(client: TenantClient) -> None:
    tokens = client.tokens("ada", scope="openid")
    claims = client.running.verify(tokens["id_token"], audience=client.running.client_id)
    assert not {"name", "email", "picture", "nickname"} & set(claims)
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid"
    assert "id_token" not in client.tokens("ada", scope="profile")
    assert "id_token" not in client.tokens("ada", scope=None)


def test_scope_is_narrowed_to_what_is_assigned_but_permissions_are_everything(client: TenantClient) -> None:
    token = client.tokens("bruno", scope="openid read:reports read:messages own:everything")["access_token"]
    claims = client.running.verify(token, audience=AUDIENCE)
    assert claims["scope"] == "openid read:reports"
    assert claims["permissions"] == ["explore:files", "export:reports", "read:reports"]


def test_without_an_audience_the_access_token_is_opaque_and_opens_userinfo_only(client: TenantClient) -> None:
    tokens = client.tokens("bruno", audience=None)
    assert "." not in tokens["access_token"]
    assert tokens["scope"] == "email offline_access openid profile"
    claims = userinfo(client.running, tokens["access_token"]).json()
    assert claims["sub"] == "auth0|bruno"
    assert claims["email"] == "bruno@gatehouse.example"


@pytest.mark.parametrize(
    "verifier", ["", "w" * 43, VERIFIER[:-1], "é" * 43, "v" * 129, VERIFIER + "\n"], ids=lambda value: str(len(value))
)
def test_a_code_needs_its_verifier(client: TenantClient, verifier: str) -> None:
    code = client.code()
    refused(
        client.running.exchange(code, code_verifier=verifier), 403, "invalid_grant", "Failed to verify code verifier"
    )
    refused(client.running.exchange(code), 403, "invalid_grant")


def test_a_code_is_bound_to_its_return_address_and_its_client(client: TenantClient) -> None:
    refused(client.running.exchange(client.code(), redirect_uri=f"{CALLBACK}/"), 400, "invalid_grant")
    refused(client.running.exchange(client.code(), redirect_uri=""), 400, "invalid_grant")
    code = client.code()
    known = client.running.tenant.credentials
    other = {"client_id": known.machine_client_id, "client_secret": known.machine_client_secret}
    refused(client.running.exchange(code, **other), 400, "unauthorized_client")
    assert client.running.tenant.issued_grants.redeem(code, known.machine_client_id) is Finding.UNKNOWN
    assert client.running.exchange(code).status_code == 200


def test_a_code_lives_for_sixty_seconds(tmp_path: Path) -> None:
    with running(tmp_path / "state") as tenant, tenant_client(tenant) as client:
        early, late = client.code(), answer(client.authorize())["code"]
        tenant.clock.move(seconds=55)
        assert tenant.exchange(early).status_code == 200
        tenant.clock.move(seconds=7)
        refused(tenant.exchange(late), 403, "invalid_grant", "Invalid authorization code")


def test_userinfo_wants_a_live_token_of_this_tenant_in_the_header(client: TenantClient) -> None:
    tenant = client.running
    tokens = client.tokens("bruno", scope="openid email")
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
    no_openid = client.tokens("bruno", scope="email")["access_token"]
    refused(userinfo(tenant, no_openid), 401, "invalid_token")


def test_access_tokens_end_by_time(tmp_path: Path) -> None:
    with running(tmp_path / "state", access_token_seconds=5) as tenant, tenant_client(tenant) as client:
        tokens = client.tokens()
        assert tokens["expires_in"] == 5
        claims = tenant.verify(tokens["access_token"], audience=AUDIENCE)
        assert claims["exp"] - claims["iat"] == 5
        tenant.clock.move(seconds=6)
        refused(userinfo(tenant, tokens["access_token"]), 401, "invalid_token")


def test_the_key_set_shows_no_private_part_and_follows_a_rotation(tmp_path: Path) -> None:
    with running(tmp_path / "state") as tenant, tenant_client(tenant) as client:
        old = client.tokens()["access_token"]
        kid = tenant.tenant.rotate_key()
        new = client.tokens(prompt="login")["access_token"]
        assert jwt.get_unverified_header(new)["kid"] == kid
        for token in (old, new):
            assert tenant.verify(token, audience=AUDIENCE)
        keys = call("GET", tenant.url("/.well-known/jwks.json")).json()["keys"]
        assert [set(key) for key in keys] == [{"kty", "n", "e", "kid", "use", "alg"}] * 2
        tenant.tenant.rotate_key(keep_old=False)
        assert len(call("GET", tenant.url("/.well-known/jwks.json")).json()["keys"]) == 1


def test_discovery_describes_the_tenant(tenant: RunningTenant) -> None:
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
