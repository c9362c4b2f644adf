"""The tenant's ``/authorize``: redirects, parameters and errors."""

from __future__ import annotations

import pytest

from tests.component.dev_tenant.support import (
    APP_URL,
    AUDIENCE,
    CALLBACK,
    CHALLENGE,
    VERIFIER,
    TenantClient,
    answer,
    heading,
)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        APP_URL,
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}#x",
        f"{CALLBACK}x",
        CALLBACK.upper(),
        CALLBACK.replace("localhost", "LOCALHOST"),
        CALLBACK.replace("localhost", "127.0.0.1"),
        f"{CALLBACK}/../callback",
        f" {CALLBACK}",
        f"{APP_URL}@evil.example/auth/callback",
        "https://evil.example/auth/callback",
        'x"><script>',
    ],
)
def test_only_an_exact_return_address_is_ever_redirected_to(client: TenantClient, redirect_uri: str | None) -> None:
    response = client.authorize(redirect_uri=redirect_uri)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "<script" not in response.text


@pytest.mark.parametrize("client_id", [None, "", "unknown", "\x00", "é", "machine"])
def test_an_unknown_client_is_never_redirected(client: TenantClient, client_id: str | None) -> None:
    if client_id == "machine":
        client_id = client.running.tenant.credentials.machine_client_id
    response = client.authorize(client_id=client_id)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert heading(response) == "This sign-in link does not work"


def test_a_repeated_return_address_is_refused(client: TenantClient) -> None:
    url = client.authorize(state=None).request.url or ""
    response = client.get(f"{url}&redirect_uri=https%3A%2F%2Fevil.example")
    assert response.status_code == 400


def test_an_extra_registered_return_address_works(client: TenantClient) -> None:
    response = client.pick("ada", redirect_uri=f"{APP_URL}/other/callback")
    assert response.headers["Location"].startswith(f"{APP_URL}/other/callback?code=")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "x"}, "invalid_request"),
        ({"code_challenge": "!" * 43}, "invalid_request"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": 'co"de'}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"prompt": "shout"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": ""}, "invalid_request"),
        ({"organization": "a b"}, "invalid_request"),
        ({"audience": "https://other.example/api"}, "access_denied"),
        ({"scope": "openid é"}, "invalid_request"),
        ({"nonce": "\n"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_other_errors_go_back_to_the_app_with_state_and_issuer(
    client: TenantClient, changes: dict[str, str | None], error: str
) -> None:
    response = client.authorize(**changes)
    assert response.headers["Location"].startswith(f"{CALLBACK}?")
    parameters = answer(response)
    assert parameters["error"] == error
    assert parameters["error_description"]
    assert parameters["state"] == "a-state"
    assert parameters["iss"] == client.running.issuer
    assert "code" not in parameters


def test_a_repeated_parameter_is_refused(client: TenantClient) -> None:
    url = client.authorize().request.url or ""
    for name in ("scope=openid", "nonce=b", "prompt=login", "prompt=none", "audience=x", "unknown=1&unknown=2"):
        assert (
            answer(client.get(f"{url}&{'prompt=login&' if 'prompt' in name else ''}{name}"))["error"]
            == "invalid_request"
        )


def test_a_sign_in_answers_with_code_state_and_issuer_only(client: TenantClient) -> None:
    parameters = answer(client.pick("ada", state="a b&c=d é".replace("é", '"')))
    assert set(parameters) == {"code", "state", "iss"}
    assert parameters["state"] == 'a b&c=d "'
    assert parameters["iss"] == client.running.issuer
    assert "state" not in answer(client.authorize(state=None))


def test_an_organization_is_carried_into_both_tokens(client: TenantClient) -> None:
    tokens = client.tokens("ada", organization="org_abc")
    for name, audience in (("id_token", client.running.client_id), ("access_token", AUDIENCE)):
        assert client.running.verify(tokens[name], audience=audience)["org_id"] == "org_abc"
