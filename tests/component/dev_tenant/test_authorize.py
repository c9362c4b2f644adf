"""The tenant's ``/authorize`` and its pages: redirects, errors, and the steps of a sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.component.dev_tenant.support import (
    APP_URL,
    AUDIENCE,
    CALLBACK,
    CHALLENGE,
    MFA,
    ROLES_CLAIM,
    VERIFIER,
    Browser,
    Running,
    answer,
    browsing,
    heading,
    running,
)


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    extra = (f"{APP_URL}/other/callback",)
    with running(tmp_path_factory.mktemp("tenant") / "state", extra_redirect_uris=extra) as started:
        yield started


@pytest.fixture
def browser(tenant: Running) -> Iterator[Browser]:
    with browsing(tenant) as opened:
        yield opened


def id_claims(browser: Browser, **changes: str | None) -> dict[str, Any]:
    """The ID token of a sign-in that needs no page."""
    code = answer(browser.authorize(**changes))["code"]
    token = browser.running.exchange(code).json()["id_token"]
    return browser.running.verify(token, audience=browser.running.client_id)


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
def test_only_an_exact_return_address_is_ever_redirected_to(browser: Browser, redirect_uri: str | None) -> None:
    response = browser.authorize(redirect_uri=redirect_uri)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "<script" not in response.text


@pytest.mark.parametrize("client_id", [None, "", "unknown", "\x00", "é", "machine"])
def test_an_unknown_client_is_never_redirected(browser: Browser, client_id: str | None) -> None:
    if client_id == "machine":
        client_id = browser.running.tenant.credentials.machine_client_id
    response = browser.authorize(client_id=client_id)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert heading(response) == "This sign-in link does not work"


def test_a_repeated_return_address_is_not_answered(browser: Browser) -> None:
    url = browser.authorize(state=None).request.url or ""
    response = browser.get(f"{url}&redirect_uri=https%3A%2F%2Fevil.example")
    assert response.status_code == 400


def test_an_extra_registered_return_address_works(browser: Browser) -> None:
    response = browser.pick("ada", redirect_uri=f"{APP_URL}/other/callback")
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
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    response = browser.authorize(**changes)
    assert response.headers["Location"].startswith(f"{CALLBACK}?")
    parameters = answer(response)
    assert parameters["error"] == error
    assert parameters["error_description"]
    assert parameters["state"] == "a-state"
    assert parameters["iss"] == browser.running.issuer
    assert "code" not in parameters


def test_a_repeated_parameter_is_refused(browser: Browser) -> None:
    url = browser.authorize().request.url or ""
    for name in ("scope=openid", "nonce=b", "prompt=login", "prompt=none", "audience=x", "unknown=1&unknown=2"):
        assert (
            answer(browser.get(f"{url}&{'prompt=login&' if 'prompt' in name else ''}{name}"))["error"]
            == "invalid_request"
        )


def test_a_sign_in_answers_with_code_state_and_issuer_only(browser: Browser) -> None:
    parameters = answer(browser.pick("ada", state="a b&c=d é".replace("é", '"')))
    assert set(parameters) == {"code", "state", "iss"}
    assert parameters["state"] == 'a b&c=d "'
    assert parameters["iss"] == browser.running.issuer
    assert "state" not in answer(browser.authorize(state=None))


def test_the_tenant_session_makes_the_second_sign_in_silent(browser: Browser) -> None:
    browser.pick("bruno")
    assert "code" in answer(browser.authorize())
    assert "code" in answer(browser.authorize(prompt="none"))
    with browsing(browser.running) as other:
        assert answer(other.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_some_prompts_ask_again_although_there_is_a_session(browser: Browser, prompt: str) -> None:
    browser.pick("bruno")
    assert "/u/login?" in browser.authorize(prompt=prompt).headers["Location"]


def test_max_age_asks_again_once_the_sign_in_is_older(tmp_path: Any) -> None:
    with running(tmp_path / "state") as tenant, browsing(tenant) as browser:
        browser.pick("bruno")
        first = id_claims(browser)["auth_time"]
        assert "/u/login?" in browser.authorize(max_age="0").headers["Location"]
        tenant.clock.move(seconds=100)
        assert id_claims(browser, max_age="200")["auth_time"] == first
        assert "/u/login?" in browser.authorize(max_age="50").headers["Location"]
        assert answer(browser.authorize(max_age="50", prompt="none"))["error"] == "login_required"
        browser.pick("bruno", max_age="50")
        assert id_claims(browser, max_age="50")["auth_time"] >= first + 100


def test_signing_in_again_keeps_the_sid_of_the_same_person_only(browser: Browser) -> None:
    browser.pick("bruno")
    first = id_claims(browser)["sid"]
    cookie = browser.http.cookies.get_dict()
    browser.pick("bruno", prompt="login")
    assert id_claims(browser)["sid"] == first
    assert browser.http.cookies.get_dict() != cookie
    browser.pick("chiyo", prompt="login")
    assert id_claims(browser)["sid"] != first


def test_the_session_cookie_is_closed_to_scripts_and_foreign_sites_and_named_by_port(browser: Browser) -> None:
    header = browser.pick("ada").headers["Set-Cookie"]
    port = browser.running.config.netloc.rpartition(":")[2]
    assert header.startswith(f"auth0_{port}=")
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "Domain" not in header


def test_a_tenant_session_ends_by_time(tmp_path: Any) -> None:
    with running(tmp_path / "state", session_seconds=60) as tenant, browsing(tenant) as browser:
        browser.pick("ada")
        tenant.clock.move(seconds=61)
        assert answer(browser.authorize(prompt="none"))["error"] == "login_required"


def test_a_second_factor_is_requested_and_reported_in_the_token(browser: Browser) -> None:
    page = browser.pick("ada", acr_values=MFA)
    assert "/u/step?" in page.headers["Location"]
    token = answer(page)["state"]
    assert heading(browser.get(page.headers["Location"])) == "Confirm a second factor"
    done = browser.post("/u/step", state=token, action="factor")
    response = browser.running.exchange(answer(done)["code"])
    claims = browser.running.verify(response.json()["id_token"], audience=browser.running.client_id)
    assert claims["acr"] == MFA
    assert claims["amr"] == ["mfa"]
    assert id_claims(browser, acr_values=MFA)["acr"] == MFA


def test_a_session_without_a_second_factor_is_stepped_up(browser: Browser) -> None:
    browser.pick("ada")
    assert "acr" not in id_claims(browser)
    assert answer(browser.authorize(acr_values=MFA, prompt="none"))["error"] == "interaction_required"
    page = browser.authorize(acr_values=MFA)
    assert "/u/step?" in page.headers["Location"]
    assert "code" in answer(browser.post("/u/step", state=answer(page)["state"], action="factor"))


def test_the_second_factor_cannot_be_skipped(browser: Browser) -> None:
    token = browser.begin(acr_values=MFA)
    for form in ({"action": "factor"}, {"action": "consent"}, {"action": ""}):
        assert "code" not in answer(browser.post("/u/step", state=token, **form))
    browser.post("/u/login", state=token, person="ada")
    assert "code" not in answer(browser.post("/u/step", state=token, action="consent"))


def test_a_step_does_not_outlive_the_session_it_leans_on(browser: Browser) -> None:
    browser.pick("ada")
    page = browser.authorize(acr_values=MFA)
    browser.running.tenant.end_sessions("ada", notify=False)
    response = browser.post("/u/step", state=answer(page)["state"], action="factor")
    assert "/u/login?" in response.headers["Location"]


def test_consent_is_asked_for_and_may_be_refused(browser: Browser) -> None:
    token = answer(browser.pick("ada", prompt="login consent"))["state"]
    assert "code" in answer(browser.post("/u/step", state=token, action="consent"))
    token = answer(browser.authorize(prompt="consent"))["state"]
    assert answer(browser.post("/u/step", state=token, action="cancel"))["error"] == "access_denied"


def test_an_organization_is_carried_into_both_tokens(browser: Browser) -> None:
    tokens = browser.tokens("ada", organization="org_abc")
    for name, audience in (("id_token", browser.running.client_id), ("access_token", AUDIENCE)):
        assert browser.running.verify(tokens[name], audience=audience)["org_id"] == "org_abc"


def test_the_page_says_for_which_organization_and_through_which_connection(browser: Browser) -> None:
    page = browser.get(browser.authorize(organization="org_abc", connection="<i>x").headers["Location"]).text
    assert "<strong>org_abc</strong>" in page
    assert "<strong>&lt;i&gt;x</strong>" in page
    plain = browser.get(browser.authorize().headers["Location"]).text
    assert "the organization" not in plain
    assert "the connection" not in plain


def test_cancelling_goes_back_to_the_app(browser: Browser) -> None:
    token = browser.begin()
    parameters = answer(browser.post("/u/login", state=token, action="cancel"))
    assert parameters["error"] == "access_denied"
    assert parameters["state"] == "a-state"
    assert browser.post("/u/login", state=token, person="ada").status_code == 400


def test_a_blocked_person_is_refused_as_auth0_does(browser: Browser) -> None:
    parameters = answer(browser.pick("frank"))
    assert parameters["error"] == "unauthorized"
    assert parameters["error_description"] == "user is blocked"
    assert answer(browser.authorize(prompt="none"))["error"] == "login_required"


def test_a_user_blocked_while_signed_in_is_refused(tmp_path: Any) -> None:
    with running(tmp_path / "state") as tenant, browsing(tenant) as browser:
        browser.pick("ada")
        tenant.tenant.set_access("ada", blocked=True)
        assert answer(browser.authorize())["error"] == "unauthorized"


def test_the_page_lists_all_people_with_stable_names(browser: Browser) -> None:
    page = browser.get(browser.authorize(login_hint="bruno@gatehouse.example").headers["Location"])
    for key, name in (("ada", "Ada Okafor"), ("eva", "Eva Novak"), ("frank", "Frank Moreau")):
        assert f'name="person" value="{key}"' in page.text
        assert name in page.text
    assert 'id="make-up"' in page.text
    assert 'id="cancel"' in page.text
    assert page.text.count("The app suggests this one.") == 1
    assert "Local development tenant" in page.text
    assert "<script" not in page.text


def test_the_sign_up_hint_unfolds_the_form_and_a_strange_hint_is_shown_as_text(browser: Browser) -> None:
    response = browser.authorize(screen_hint="signup", login_hint='"><b>x@y.example')
    page = browser.get(response.headers["Location"]).text
    assert '<details class="card" open>' in page
    assert "<b>x" not in page
    assert "&lt;b&gt;x@y.example" in page


def test_a_made_up_person_has_the_chosen_roles_and_stays_in_the_list(browser: Browser) -> None:
    form = {
        "action": "make-up",
        "new_name": "Gil <Doe>",
        "new_email": "Gil@made-up.example",
        "new_roles": ["viewer", "emperor"],
        "new_permissions": ["explore:api", "own:everything"],
    }
    response = browser.post("/u/login", state=browser.begin(), **form)
    tokens = browser.running.exchange(answer(response)["code"]).json()
    claims = browser.running.verify(tokens["id_token"], audience=browser.running.client_id)
    assert claims["name"] == "Gil <Doe>"
    assert claims["email_verified"] is False
    assert claims["sub"].startswith("auth0|")
    assert claims[ROLES_CLAIM] == ["viewer"]
    access = browser.running.verify(tokens["access_token"], audience=AUDIENCE)
    assert access["permissions"] == ["explore:api", "read:reports"]
    page = browser.get(browser.authorize(prompt="login").headers["Location"]).text
    assert "Gil &lt;Doe&gt;" in page
    again = browser.post("/u/login", state=browser.begin(prompt="login"), **(form | {"new_verified": "yes"}))
    tokens = browser.running.exchange(answer(again)["code"]).json()
    second = browser.running.verify(tokens["id_token"], audience=browser.running.client_id)
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
def test_a_form_that_does_not_fit_says_why_and_keeps_what_was_typed(
    browser: Browser, name: str, email: str, part: str
) -> None:
    response = browser.post("/u/login", state=browser.begin(), action="make-up", new_name=name, new_email=email)
    assert response.status_code == 400
    assert part in response.text
    assert f'value="{email}"' in response.text


def test_an_unknown_person_is_not_signed_in(browser: Browser) -> None:
    response = browser.post("/u/login", state=browser.begin(), person="unknown")
    assert response.status_code == 400
    assert "Pick one of the people" in response.text


def test_a_form_works_only_in_the_browser_that_began_the_sign_in(browser: Browser) -> None:
    token = browser.begin()
    with browsing(browser.running) as other:
        assert other.post("/u/login", state=token, person="ada").status_code == 400
        assert other.get(browser.running.url("/u/login"), state=token).status_code == 400
        other.begin()
        assert other.post("/u/login", state=token, person="ada").status_code == 400
    assert "code" in answer(browser.post("/u/login", state=token, person="ada"))


def test_a_form_sent_by_another_site_is_refused(browser: Browser) -> None:
    token = browser.begin()
    for origin in ("https://evil.example", "null", APP_URL):
        response = browser.http.post(
            browser.running.url("/u/login"),
            data={"state": token, "person": "ada"},
            headers={"Origin": origin},
            allow_redirects=False,
            timeout=10,
        )
        assert response.status_code == 403
    own = {"Origin": browser.running.config.origin}
    response = browser.http.post(
        browser.running.url("/u/login"),
        data={"state": token, "person": "ada"},
        headers=own,
        allow_redirects=False,
        timeout=10,
    )
    assert "code" in answer(response)


def test_a_sign_in_is_answered_once_and_ends_by_time(tmp_path: Any) -> None:
    with running(tmp_path / "state", sign_in_seconds=60) as tenant, browsing(tenant) as browser:
        token = browser.begin()
        assert "code" in answer(browser.post("/u/login", state=token, person="ada"))
        assert browser.post("/u/login", state=token, person="ada").status_code == 400
        token = browser.begin(prompt="login")
        tenant.clock.move(seconds=61)
        assert heading(browser.post("/u/login", state=token, person="ada")) == "This sign-in is over"


def test_parallel_sign_ins_of_one_browser_do_not_disturb_each_other(browser: Browser) -> None:
    first, second = browser.begin(state="one"), browser.begin(state="two")
    assert answer(browser.post("/u/login", state=second, person="ada"))["state"] == "two"
    assert answer(browser.post("/u/login", state=first, person="ada"))["state"] == "one"


def test_sign_in_posts_are_limited(tmp_path: Any) -> None:
    with running(tmp_path / "state", sign_ins_per_minute=3) as tenant, browsing(tenant) as browser:
        token = browser.begin()
        statuses = [browser.post("/u/login", state=token, person="unknown").status_code for _ in range(4)]
        assert statuses == [400, 400, 400, 429]
        assert int(browser.post("/u/login", state=token, person="ada").headers["Retry-After"]) >= 1
