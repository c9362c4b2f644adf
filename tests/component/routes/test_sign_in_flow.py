"""Sign-in and sign-out in a browser: the complete flow, and every rule that protects it from other clients."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from app.core.errors import SessionEnded
from app.core.records import EndReason
from component.oidc.provider import ANY_AGE_SECONDS
from component.routes.session import session_tag
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import HTTPS, Browser, LogBook, SignInWorld, query, world


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock) as installation:
        yield installation


def test_a_complete_sign_in_returns_to_the_requested_page_and_query(installation: SignInWorld) -> None:
    browser = installation.browser()
    parameters = query(installation.begin(browser, "/reports%3Fregion%3Demea%26year%3D2026"))
    assert parameters["response_type"] == "code"
    assert parameters["code_challenge_method"] == "S256"
    assert parameters["audience"] == installation.settings.audience
    assert parameters["redirect_uri"] == "http://localhost:8501/auth/callback"
    assert parameters["scope"].split() == ["openid", "profile", "email", "offline_access"]
    assert min(len(parameters[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    answer = browser.get(installation.fake.approve(browser.seen[-1].location, name="Ann Example"))
    assert answer.location == "http://localhost:8501/reports?region=emea&year=2026"
    payload = browser.get("/auth/session").json()
    assert payload.pop("expires_at")
    assert payload.pop("expires_in_seconds") == 3600
    assert payload.pop("can_stay") is True
    assert payload.pop("session") == session_tag(installation.ref(browser)) != installation.ref(browser)
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
    assert installation.browser().get("/auth/session").json() == {"authenticated": False}


def test_a_live_session_returns_to_the_page_at_once(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    assert browser.get("/auth/login?return_to=/reports%3Fa%3D1").location == "http://localhost:8501/reports?a=1"


def test_anonymous_requests_write_nothing(installation: SignInWorld) -> None:
    before = installation.dump()
    browser = installation.browser()
    installation.begin(browser)
    browser.get("/auth/session")
    browser.logout()
    assert browser.get("/auth/callback?state=made-up&code=x").status == 400
    assert browser.get(f"/auth/callback?state={'s' * 43}&code=x").status == 400
    assert installation.dump() == before


@pytest.mark.parametrize("base_url", ["http://localhost:8501", HTTPS])
def test_cookie_attributes(base_url: str) -> None:
    clock = FakeClock()
    production = "production" if base_url == HTTPS else "development"
    with (
        FakeProvider(clock.timestamp) as fake,
        world(fake, clock, app_base_url=base_url, gatehouse_env=production) as installation,
    ):
        browser = installation.sign_in()
        lines = [line for answer in browser.seen for line in answer.all("set-cookie")]
        kinds = {line.split("=")[0].split("-login-")[0] for line in lines}
        assert len(kinds) == 3  # browser, login transaction, session
        for line in lines:
            name, *attributes = [part.strip() for part in line.split(";")]
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes), line
            assert not any(part.startswith("Domain") for part in attributes)
            assert ("Secure" in attributes) is (base_url == HTTPS)
            assert name.startswith("__Host-gatehouse-") is (base_url == HTTPS)
        for answer in browser.seen:
            assert answer.header("cache-control") == "no-store"
            assert "cookie" in answer.header("vary").lower()


def test_two_installations_on_one_host_do_not_share_cookies(installation: SignInWorld) -> None:
    from component.http.cookies import Cookies

    assert Cookies("http://localhost:8501").session != Cookies("http://localhost:8502").session


def test_a_callback_works_once(installation: SignInWorld) -> None:
    browser = installation.browser()
    callback = installation.fake.approve(installation.begin(browser))
    kept = dict(browser.cookies)
    assert browser.get(callback).status == 303
    thief = Browser(installation.app, cookies=kept)
    answer = thief.get(callback)
    assert answer.status == 400
    assert "This sign-in is over" in answer.text
    assert installation.cookies.session not in thief.cookies
    assert len(installation.fake.forms) == 1  # the code never went to the provider twice


def test_a_callback_in_another_browser_is_refused(installation: SignInWorld) -> None:
    victim, attacker = installation.browser(), installation.browser()
    installation.begin(victim)
    callback = installation.fake.approve(installation.begin(attacker))
    assert victim.get(callback).status == 400
    # Even with the transaction's cookie planted: it is bound to the browser that began.
    planted = {name: value for name, value in attacker.cookies.items() if "-login-" in name}
    victim.cookies |= planted
    answer = victim.get(callback)
    assert answer.status == 400
    assert installation.cookies.session not in victim.cookies
    assert not installation.fake.forms


def test_a_transaction_cannot_be_moved_to_another_state(installation: SignInWorld) -> None:
    browser = installation.browser()
    first, second = installation.begin(browser), installation.begin(browser)
    names = [installation.cookies.login(query(url)["state"]) for url in (first, second)]
    browser.cookies[names[1]] = browser.cookies[names[0]]
    assert browser.get(installation.fake.approve(second)).status == 400


def test_a_transaction_that_was_altered_is_refused(installation: SignInWorld) -> None:
    browser = installation.browser()
    url = installation.begin(browser)
    name = installation.cookies.login(query(url)["state"])
    value = browser.cookies[name]
    for altered in (value[:-4], value[:40] + ("A" if value[40] != "A" else "B") + value[41:], "1.", "x", "1.é"):
        browser.cookies[name] = altered
        assert browser.get(installation.fake.approve(url)).status == 400
        browser.cookies[name] = value


def test_parallel_tabs_each_finish(installation: SignInWorld) -> None:
    browser = installation.browser()
    urls = [installation.begin(browser, f"/p{number}") for number in range(3)]
    for number in (1, 0, 2):
        assert browser.get(installation.fake.approve(urls[number])).location.endswith(f"/p{number}")


def test_at_most_five_transactions_and_the_oldest_goes(installation: SignInWorld) -> None:
    browser = installation.browser()
    urls = []
    for number in range(7):
        urls.append(installation.begin(browser, "/a%3F" + "q" * 1400 + str(number)))
        installation.clock.move(seconds=2)
        open_ones = installation.cookies.logins(browser.cookies)
        assert len(open_ones) <= 5
        assert all(len(name) + len(value) < 4000 for name, value in open_ones.items())
    states = [query(url)["state"] for url in urls]
    assert [installation.cookies.login(state) in browser.cookies for state in states] == [False] * 2 + [True] * 5
    assert browser.get(installation.fake.approve(urls[0])).status == 400
    assert browser.get(installation.fake.approve(urls[6])).status == 303


@pytest.mark.parametrize(("seconds", "status"), [(590, 303), (610, 400)])
def test_ten_minutes(installation: SignInWorld, seconds: int, status: int) -> None:
    browser = installation.browser()
    url = installation.begin(browser)
    installation.clock.move(seconds=seconds)
    assert browser.get(installation.fake.approve(url)).status == status


def test_a_replay_in_a_signed_in_browser_returns_to_the_page(installation: SignInWorld) -> None:
    browser = installation.browser()
    callback = installation.fake.approve(installation.begin(browser, "/reports"))
    kept = dict(browser.cookies)
    browser.get(callback)
    back = browser.get(callback)  # back button: the transaction is gone
    assert 'content="0; url=/auth/ended?sign_in=unknown"' in back.text
    assert browser.get("/auth/ended?sign_in=unknown").location == "http://localhost:8501/"
    browser.cookies |= kept
    assert browser.get(callback).location == "http://localhost:8501/reports"  # double click: it is not yet
    assert len(installation.audit("app:session:begin")) == 1
    assert not installation.audit("app:login:refuse")


@pytest.mark.parametrize("iss", ["https://evil.example/", "", "slash"])
def test_an_answer_of_another_provider_is_refused(installation: SignInWorld, iss: str) -> None:
    browser = installation.browser()
    state = query(installation.begin(browser))["state"]
    issuer = installation.fake.url.rstrip("/") if iss == "slash" else iss
    answer = browser.get(installation.fake.answer(state, code="a-code", iss=issuer))
    assert answer.status == 400
    assert not installation.fake.forms  # the code went nowhere


def test_iss_may_be_missing_where_it_is_not_promised() -> None:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake:
        fake.issuer.metadata_extra = {"authorization_response_iss_parameter_supported": False}
        with world(fake, clock) as installation:
            browser = installation.browser()
            callback = fake.approve(installation.begin(browser))
            assert browser.get(callback.replace("&iss=", "&ignored=")).status == 303


def test_a_nonce_of_another_sign_in_is_refused(installation: SignInWorld) -> None:
    browser = installation.browser()
    callback = installation.fake.approve(installation.begin(browser))
    next(iter(installation.fake.codes.values())).nonce = "n" * 43
    answer = browser.get(callback)
    assert answer.status == 400
    assert "did not match" in answer.text
    assert installation.cookies.session not in browser.cookies


def test_a_code_for_another_challenge_is_refused(installation: SignInWorld) -> None:
    """PKCE: the code of another sign-in cannot be exchanged."""
    browser, other = installation.browser(), installation.browser()
    url = installation.begin(browser)
    stolen = query(installation.fake.approve(installation.begin(other)))["code"]
    answer = browser.get(installation.fake.answer(query(url)["state"], code=stolen))
    assert answer.status == 400
    assert installation.cookies.session not in browser.cookies


def test_extra_parameters_do_not_matter(installation: SignInWorld) -> None:
    browser = installation.browser()
    callback = installation.fake.approve(installation.begin(browser))
    assert browser.get(callback + "&session_state=abc&scope=openid&anything=1").status == 303


def test_only_allowed_parameters_reach_the_provider(installation: SignInWorld) -> None:
    allowed = (
        "prompt=login&login_hint=ann@example.com&ui_locales=fr&screen_hint=signup&connection=google-oauth2"
        "&organization=org_1"
    )
    evil = (
        "scope=admin&redirect_uri=https://evil.example&response_mode=form_post&nonce=n&client_id=x&audience=y&max_age=0"
        "&acr_values=urn:made-up&claims=%7B%7D&id_token_hint=x"
    )
    parameters = query(installation.browser().get(f"/auth/login?return_to=/&{allowed}&{evil}").location)
    assert parameters["login_hint"] == "ann@example.com"
    assert parameters["prompt"] == "login"
    assert (parameters["connection"], parameters["organization"]) == ("google-oauth2", "org_1")
    assert parameters["scope"] == "openid profile email offline_access"
    assert parameters["redirect_uri"] == "http://localhost:8501/auth/callback"
    assert parameters["client_id"] == "client-one"
    assert parameters["nonce"] != "n"
    assert not {"response_mode", "acr_values", "claims", "id_token_hint"} & set(parameters)
    assert parameters["max_age"] == str(ANY_AGE_SECONDS)  # requires nothing, but makes providers report auth_time
    assert "prompt" not in query(installation.browser().get("/auth/login?prompt=none").location)


def test_an_organization_that_is_asked_for_is_the_one_of_the_id_token(installation: SignInWorld) -> None:
    link = "/auth/login?organization=org_1&return_to=/"
    for claims in ({}, {"org_id": "org_2"}, {"org_id": "ORG_1"}):
        browser = installation.browser()
        answer = browser.get(installation.fake.approve(browser.get(link).location, **claims))
        assert answer.status == 403
        assert "That was for another organization" in answer.text
        assert installation.cookies.session not in browser.cookies
    assert not installation.audit("app:session:begin")
    assert {event["reason"] for event in installation.audit("app:login:refuse")} == {"organization-mismatch"}
    browser = installation.browser()
    assert browser.get(installation.fake.approve(browser.get(link).location, org_id="org_1")).status == 303
    installation.sign_in(org_id="org_1")  # one that was not parameters for is nothing to us


@pytest.mark.parametrize(("prompts", "prompt"), [(["login", "select_account"], "select_account"), (["login"], "login")])
def test_another_account_is_asked_for_in_the_providers_words(prompts: list[str], prompt: str) -> None:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake:
        fake.issuer.metadata_extra = {"prompt_values_supported": prompts}
        with world(fake, clock) as installation:
            browser = installation.sign_in()
            before = installation.ref(browser)
            location = browser.get("/auth/login?another=1&return_to=/reports").location
            assert query(location)["prompt"] == prompt
            answer = browser.get(fake.approve(location, sub="auth0|bob", name="Bob"))
            assert answer.location == "http://localhost:8501/reports"
            assert browser.get("/auth/session").json()["name"] == "Bob"
            assert installation.ref(browser) != before


def test_a_new_sign_in_in_the_same_browser_ends_the_old_session(installation: SignInWorld) -> None:
    browser = installation.browser()
    second = installation.fake.approve(installation.begin(browser), sub="auth0|bob", name="Bob")
    installation.sign_in(browser)
    old_secret, old_ref = installation.secret(browser), installation.ref(browser)
    browser.get(second)
    assert installation.secret(browser) != old_secret
    assert installation.ref(browser) != old_ref
    with pytest.raises(SessionEnded):
        installation.sessions.resolve(old_secret)
    assert [event["reason"] for event in installation.audit("app:session:end")] == [EndReason.REPLACED]
    assert browser.get("/auth/session").json()["name"] == "Bob"
    assert len(installation.fake.revoked) == 1  # another person's tokens


def test_a_forwarded_host_cannot_change_the_redirect(installation: SignInWorld) -> None:
    """Redirects are built from the configured address, whatever the request says."""
    browser = installation.browser()
    callback = installation.fake.approve(installation.begin(browser))
    answer = browser.get(callback, x_forwarded_host="evil.example", x_forwarded_proto="https")
    assert answer.location == "http://localhost:8501/"


def test_the_sign_in_begins_at_the_configured_host(installation: SignInWorld) -> None:
    """The callback comes to the configured host, so the transaction's cookie has to be there."""
    browser = Browser(installation.app, "http://127.0.0.1:8501")
    first = browser.get("/auth/login?return_to=/reports%3Fa%3D1").location
    assert first == "http://localhost:8501/auth/login?at=home&return_to=%2Freports%3Fa%3D1"
    assert browser.get(first.removeprefix("http://localhost:8501")).location.startswith(
        installation.fake.url
    )  # no loop


def test_no_token_appears_outside_of_the_exchange(installation: SignInWorld) -> None:
    """Not in an answer, a header, a cookie, the log, or the database in clear; nor is the cookie's secret stored."""
    book = LogBook()
    root = logging.getLogger()
    level = root.level
    root.addHandler(book)
    root.setLevel(logging.DEBUG)
    try:
        browser = installation.sign_in()
        secret = installation.secret(browser)
        installation.clock.move(seconds=590)
        installation.sessions.access_token(installation.ref(browser))
        browser.get("/auth/session")
        browser.get("/")
        hidden = [secret, *installation.fake.issued, "client-secret"]
        stored = installation.dump()
        browser.logout()
    finally:
        root.removeHandler(book)
        root.setLevel(level)
    assert len(installation.fake.issued) == 5  # three at sign-in, two at refresh
    verifiers = [form["code_verifier"] for form in installation.fake.forms if "code_verifier" in form]
    for token in hidden + verifiers:
        tail = token.rpartition(".")[2]
        for answer in browser.seen:
            sent = [value for name, value in answer.headers if not value.startswith(f"{installation.cookies.session}=")]
            assert tail not in answer.text
            assert tail not in " ".join(sent)
        assert not [line for line in book.lines if tail in line]
        assert tail.encode() not in stored
