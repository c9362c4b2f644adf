"""The steps of a sign-in at the tenant: session, prompts, second factor and consent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.component.dev_tenant.support import (
    MFA,
    Browser,
    answer,
    browsing,
    heading,
    running,
)


def id_claims(browser: Browser, **changes: str | None) -> dict[str, Any]:
    """The ID token of a sign-in that needs no page."""
    code = answer(browser.authorize(**changes))["code"]
    token = browser.running.exchange(code).json()["id_token"]
    return browser.running.verify(token, audience=browser.running.client_id)


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


def test_a_step_ends_with_the_session_that_it_needs(browser: Browser) -> None:
    browser.pick("ada")
    page = browser.authorize(acr_values=MFA)
    browser.running.tenant.end_sessions("ada", notify=False)
    response = browser.post("/u/step", state=answer(page)["state"], action="factor")
    assert "/u/login?" in response.headers["Location"]


def test_consent_is_requested_and_may_be_refused(browser: Browser) -> None:
    token = answer(browser.pick("ada", prompt="login consent"))["state"]
    assert "code" in answer(browser.post("/u/step", state=token, action="consent"))
    token = answer(browser.authorize(prompt="consent"))["state"]
    assert answer(browser.post("/u/step", state=token, action="cancel"))["error"] == "access_denied"


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
