"""Sign-in and sign-out in a browser: the complete flow, and every rule that protects it from other clients."""

from __future__ import annotations

import logging

import pytest

from app.core.errors import SessionEnded
from app.core.records import EndReason
from component.oidc.authorization_parameters import ANY_AGE_SECONDS
from component.routes.session import session_tag
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import HTTPS, CookieClient, LogBook, SignInWorld, query, sign_in_world


def test_a_complete_sign_in_returns_to_the_requested_page_and_query(installation: SignInWorld) -> None:
    client = installation.client()
    parameters = query(installation.begin(client, "/reports%3Fregion%3Demea%26year%3D2026"))
    assert parameters["response_type"] == "code"
    assert parameters["code_challenge_method"] == "S256"
    assert parameters["audience"] == installation.settings.audience
    assert parameters["redirect_uri"] == "http://localhost:8501/auth/callback"
    assert parameters["scope"].split() == ["openid", "profile", "email", "offline_access"]
    assert min(len(parameters[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    answer = client.get(installation.fake.approve(client.responses[-1].location, name="Ann Example"))
    assert answer.location == "http://localhost:8501/reports?region=emea&year=2026"
    payload = client.get("/auth/session").json()
    assert payload.pop("expires_at")
    assert payload.pop("expires_in_seconds") == 3600
    assert payload.pop("can_stay") is True
    assert payload.pop("session") == session_tag(installation.ref(client)) != installation.ref(client)
    assert payload == {
        "authenticated": True,
        "issuer": installation.fake.url,
        "subject": "auth0|ann",
        "name": "Ann Example",
    }
    assert installation.fake.forms[0]["redirect_uri"] == parameters["redirect_uri"]
    (event,) = installation.audit("app:session:begin")
    assert event["actor"].startswith("auth0|ann at ")
    assert event["address"] == "203.0.113.7"


def test_an_anonymous_browser_is_reported_as_not_authenticated(installation: SignInWorld) -> None:
    assert installation.client().get("/auth/session").json() == {"authenticated": False}


def test_a_live_session_returns_to_the_page_at_once(installation: SignInWorld) -> None:
    client = installation.sign_in()
    assert client.get("/auth/login?return_to=/reports%3Fa%3D1").location == "http://localhost:8501/reports?a=1"


def test_anonymous_requests_write_nothing(installation: SignInWorld) -> None:
    before = installation.dump()
    client = installation.client()
    installation.begin(client)
    client.get("/auth/session")
    client.logout()
    assert client.get("/auth/callback?state=made-up&code=x").status == 400
    assert client.get(f"/auth/callback?state={'s' * 43}&code=x").status == 400
    assert installation.dump() == before


@pytest.mark.parametrize("base_url", ["http://localhost:8501", HTTPS])
def test_cookie_attributes(base_url: str) -> None:
    clock = FakeClock()
    production = "production" if base_url == HTTPS else "development"
    with (
        FakeProvider(clock.timestamp) as fake,
        sign_in_world(fake, clock, app_base_url=base_url, gatehouse_env=production) as installation,
    ):
        client = installation.sign_in()
        lines = [line for answer in client.responses for line in answer.all("set-cookie")]
        kinds = {line.split("=")[0].split("-login-")[0] for line in lines}
        assert len(kinds) == 3  # browser, login transaction, session
        for line in lines:
            name, *attributes = [part.strip() for part in line.split(";")]
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes), line
            assert not any(part.startswith("Domain") for part in attributes)
            assert ("Secure" in attributes) is (base_url == HTTPS)
            assert name.startswith("__Host-gatehouse-") is (base_url == HTTPS)
        for answer in client.responses:
            assert answer.header("cache-control") == "no-store"
            assert "cookie" in answer.header("vary").lower()


def test_two_installations_on_one_host_do_not_share_cookies(installation: SignInWorld) -> None:
    from component.http.cookies import Cookies

    assert Cookies("http://localhost:8501").session != Cookies("http://localhost:8502").session


def test_only_allowed_parameters_reach_the_provider(installation: SignInWorld) -> None:
    allowed = (
        "prompt=login&login_hint=ann@example.com&ui_locales=fr&screen_hint=signup&connection=google-oauth2"
        "&organization=org_1"
    )
    evil = (
        "scope=admin&redirect_uri=https://evil.example&response_mode=form_post&nonce=n&client_id=x&audience=y&max_age=0"
        "&acr_values=urn:made-up&claims=%7B%7D&id_token_hint=x"
    )
    parameters = query(installation.client().get(f"/auth/login?return_to=/&{allowed}&{evil}").location)
    assert parameters["login_hint"] == "ann@example.com"
    assert parameters["prompt"] == "login"
    assert (parameters["connection"], parameters["organization"]) == ("google-oauth2", "org_1")
    assert parameters["scope"] == "openid profile email offline_access"
    assert parameters["redirect_uri"] == "http://localhost:8501/auth/callback"
    assert parameters["client_id"] == "client-one"
    assert parameters["nonce"] != "n"
    assert not {"response_mode", "acr_values", "claims", "id_token_hint"} & set(parameters)
    assert parameters["max_age"] == str(ANY_AGE_SECONDS)  # requires nothing, but makes providers report auth_time
    assert "prompt" not in query(installation.client().get("/auth/login?prompt=none").location)


def test_the_id_token_must_name_the_requested_organization(installation: SignInWorld) -> None:
    link = "/auth/login?organization=org_1&return_to=/"
    for claims in ({}, {"org_id": "org_2"}, {"org_id": "ORG_1"}):
        client = installation.client()
        answer = client.get(installation.fake.approve(client.get(link).location, **claims))
        assert answer.status == 403
        assert "That was for another organization" in answer.text
        assert installation.cookies.session not in client.cookies
    assert not installation.audit("app:session:begin")
    assert {event["reason"] for event in installation.audit("app:login:refuse")} == {"organization-mismatch"}
    client = installation.client()
    assert client.get(installation.fake.approve(client.get(link).location, org_id="org_1")).status == 303
    installation.sign_in(org_id="org_1")  # an organization that was not requested is ignored


@pytest.mark.parametrize(("prompts", "prompt"), [(["login", "select_account"], "select_account"), (["login"], "login")])
def test_another_account_is_requested_with_a_prompt_that_the_provider_supports(prompts: list[str], prompt: str) -> None:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake:
        fake.issuer.metadata_extra = {"prompt_values_supported": prompts}
        with sign_in_world(fake, clock) as installation:
            client = installation.sign_in()
            before = installation.ref(client)
            location = client.get("/auth/login?another=1&return_to=/reports").location
            assert query(location)["prompt"] == prompt
            answer = client.get(fake.approve(location, sub="auth0|bob", name="Bob"))
            assert answer.location == "http://localhost:8501/reports"
            assert client.get("/auth/session").json()["name"] == "Bob"
            assert installation.ref(client) != before


def test_a_new_sign_in_in_the_same_browser_ends_the_old_session(installation: SignInWorld) -> None:
    client = installation.client()
    second = installation.fake.approve(installation.begin(client), sub="auth0|bob", name="Bob")
    installation.sign_in(client)
    old_secret, old_ref = installation.secret(client), installation.ref(client)
    client.get(second)
    assert installation.secret(client) != old_secret
    assert installation.ref(client) != old_ref
    with pytest.raises(SessionEnded):
        installation.sessions.resolve(old_secret)
    assert [event["reason"] for event in installation.audit("app:session:end")] == [EndReason.REPLACED]
    assert client.get("/auth/session").json()["name"] == "Bob"
    assert len(installation.fake.revoked) == 1  # another person's tokens


def test_a_forwarded_host_cannot_change_the_redirect(installation: SignInWorld) -> None:
    """Redirects are built from the configured address, whatever the headers of the request."""
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client))
    answer = client.get(callback, x_forwarded_host="evil.example", x_forwarded_proto="https")
    assert answer.location == "http://localhost:8501/"


def test_the_sign_in_begins_at_the_configured_host(installation: SignInWorld) -> None:
    """The callback uses the configured host, so the transaction's cookie must be set there."""
    client = CookieClient(installation.app, "http://127.0.0.1:8501")
    first = client.get("/auth/login?return_to=/reports%3Fa%3D1").location
    assert first == "http://localhost:8501/auth/login?at=home&return_to=%2Freports%3Fa%3D1"
    assert client.get(first.removeprefix("http://localhost:8501")).location.startswith(installation.fake.url)  # no loop


def test_no_token_appears_outside_of_the_exchange(installation: SignInWorld) -> None:
    """Not in an answer, a header, a cookie, the log, or the database in clear; nor is the cookie's secret stored."""
    book = LogBook()
    root = logging.getLogger()
    level = root.level
    root.addHandler(book)
    root.setLevel(logging.DEBUG)
    try:
        client = installation.sign_in()
        secret = installation.secret(client)
        installation.clock.move(seconds=590)
        installation.sessions.access_token(installation.ref(client))
        client.get("/auth/session")
        client.get("/")
        hidden = [secret, *installation.fake.issued, "client-secret"]
        stored = installation.dump()
        client.logout()
    finally:
        root.removeHandler(book)
        root.setLevel(level)
    assert len(installation.fake.issued) == 5  # three at sign-in, two at refresh
    verifiers = [form["code_verifier"] for form in installation.fake.forms if "code_verifier" in form]
    for token in hidden + verifiers:
        tail = token.rpartition(".")[2]
        for answer in client.responses:
            sent = [value for name, value in answer.headers if not value.startswith(f"{installation.cookies.session}=")]
            assert tail not in answer.text
            assert tail not in " ".join(sent)
        assert not [line for line in book.lines if tail in line]
        assert tail.encode() not in stored
