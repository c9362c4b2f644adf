"""The pages of the tenant: its list of people, made-up people, forms, and limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.component.dev_tenant.support import (
    APP_URL,
    AUDIENCE,
    ROLES_CLAIM,
    TenantClient,
    answer,
    heading,
    running,
    tenant_client,
)


def test_the_page_names_the_organization_and_the_connection(client: TenantClient) -> None:
    page = client.get(client.authorize(organization="org_abc", connection="<i>x").headers["Location"]).text
    assert "<strong>org_abc</strong>" in page
    assert "<strong>&lt;i&gt;x</strong>" in page
    plain = client.get(client.authorize().headers["Location"]).text
    assert "the organization" not in plain
    assert "the connection" not in plain


def test_cancelling_returns_to_the_app(client: TenantClient) -> None:
    token = client.begin()
    parameters = answer(client.post("/u/login", state=token, action="cancel"))
    assert parameters["error"] == "access_denied"
    assert parameters["state"] == "a-state"
    assert client.post("/u/login", state=token, person="ada").status_code == 400


def test_the_page_lists_all_people_with_stable_names(client: TenantClient) -> None:
    page = client.get(client.authorize(login_hint="bruno@gatehouse.example").headers["Location"])
    for key, name in (("ada", "Ada Okafor"), ("eva", "Eva Novak"), ("frank", "Frank Moreau")):
        assert f'name="person" value="{key}"' in page.text
        assert name in page.text
    assert 'id="make-up"' in page.text
    assert 'id="cancel"' in page.text
    assert page.text.count("The app suggests this one.") == 1
    assert "Local development tenant" in page.text
    assert "<script" not in page.text


def test_the_sign_up_hint_unfolds_the_form_and_a_strange_hint_is_shown_as_text(client: TenantClient) -> None:
    response = client.authorize(screen_hint="signup", login_hint='"><b>x@y.example')
    page = client.get(response.headers["Location"]).text
    assert '<details class="card" open>' in page
    assert "<b>x" not in page
    assert "&lt;b&gt;x@y.example" in page


def test_a_made_up_person_has_the_chosen_roles_and_stays_in_the_list(client: TenantClient) -> None:
    form = {
        "action": "make-up",
        "new_name": "Gil <Doe>",
        "new_email": "Gil@made-up.example",
        "new_roles": ["viewer", "emperor"],
        "new_permissions": ["explore:api", "own:everything"],
    }
    response = client.post("/u/login", state=client.begin(), **form)
    tokens = client.running.exchange(answer(response)["code"]).json()
    claims = client.running.verify(tokens["id_token"], audience=client.running.client_id)
    assert claims["name"] == "Gil <Doe>"
    assert claims["email_verified"] is False
    assert claims["sub"].startswith("auth0|")
    assert claims[ROLES_CLAIM] == ["viewer"]
    access = client.running.verify(tokens["access_token"], audience=AUDIENCE)
    assert access["permissions"] == ["explore:api", "read:reports"]
    page = client.get(client.authorize(prompt="login").headers["Location"]).text
    assert "Gil &lt;Doe&gt;" in page
    again = client.post("/u/login", state=client.begin(prompt="login"), **(form | {"new_verified": "yes"}))
    tokens = client.running.exchange(answer(again)["code"]).json()
    second = client.running.verify(tokens["id_token"], audience=client.running.client_id)
    assert second["sub"] == claims["sub"]
    assert second["email_verified"] is True


@pytest.mark.parametrize(
    ("name", "email", "part"),
    [
        ("", "a@b.example", "a name"),
        ("x" * 81, "a@b.example", "a name"),
        ("a\x00b", "a@b.example", "a name"),
        ("Zed", "", "an e-mail address"),
        ("Zed", "not-an-address", "an e-mail address"),
        ("Zed", "ADA@gatehouse.example", "belongs to Ada Okafor"),
    ],
)
def test_an_invalid_form_shows_the_reason_and_keeps_its_values(
    client: TenantClient, name: str, email: str, part: str
) -> None:
    response = client.post("/u/login", state=client.begin(), action="make-up", new_name=name, new_email=email)
    assert response.status_code == 400
    assert part in response.text
    assert f'value="{email}"' in response.text


def test_an_unknown_person_is_not_signed_in(client: TenantClient) -> None:
    response = client.post("/u/login", state=client.begin(), person="unknown")
    assert response.status_code == 400
    assert "Pick one of the people" in response.text


def test_a_form_works_only_in_the_browser_that_began_the_sign_in(client: TenantClient) -> None:
    token = client.begin()
    with tenant_client(client.running) as other:
        assert other.post("/u/login", state=token, person="ada").status_code == 400
        assert other.get(client.running.url("/u/login"), state=token).status_code == 400
        other.begin()
        assert other.post("/u/login", state=token, person="ada").status_code == 400
    assert "code" in answer(client.post("/u/login", state=token, person="ada"))


def test_a_form_sent_by_another_site_is_refused(client: TenantClient) -> None:
    token = client.begin()
    for origin in ("https://evil.example", "null", APP_URL):
        response = client.http.post(
            client.running.url("/u/login"),
            data={"state": token, "person": "ada"},
            headers={"Origin": origin},
            allow_redirects=False,
            timeout=10,
        )
        assert response.status_code == 403
    own = {"Origin": client.running.config.origin}
    response = client.http.post(
        client.running.url("/u/login"),
        data={"state": token, "person": "ada"},
        headers=own,
        allow_redirects=False,
        timeout=10,
    )
    assert "code" in answer(response)


def test_a_sign_in_is_answered_once_and_ends_by_time(tmp_path: Any) -> None:
    with running(tmp_path / "state", sign_in_seconds=60) as tenant, tenant_client(tenant) as client:
        token = client.begin()
        assert "code" in answer(client.post("/u/login", state=token, person="ada"))
        assert client.post("/u/login", state=token, person="ada").status_code == 400
        token = client.begin(prompt="login")
        tenant.clock.move(seconds=61)
        assert heading(client.post("/u/login", state=token, person="ada")) == "This sign-in is over"


def test_parallel_sign_ins_of_one_browser_do_not_disturb_each_other(client: TenantClient) -> None:
    first, second = client.begin(state="one"), client.begin(state="two")
    assert answer(client.post("/u/login", state=second, person="ada"))["state"] == "two"
    assert answer(client.post("/u/login", state=first, person="ada"))["state"] == "one"


def test_sign_in_posts_are_limited(tmp_path: Any) -> None:
    with running(tmp_path / "state", sign_ins_per_minute=3) as tenant, tenant_client(tenant) as client:
        token = client.begin()
        statuses = [client.post("/u/login", state=token, person="unknown").status_code for _ in range(4)]
        assert statuses == [400, 400, 400, 429]
        assert int(client.post("/u/login", state=token, person="ada").headers["Retry-After"]) >= 1
