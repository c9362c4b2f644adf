"""Silent sign-in (``prompt=none``): once for a new access token without a refresh token, and never in a loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.errors import ProviderUnavailable, SignInAgain
from app.core.records import EndReason
from tests.clock import FakeClock
from tests.provider import Answer, FakeProvider
from tests.signin import Browser, SignInWorld, query, world

SILENT_SIGN_IN = "/auth/login?silent=1&return_to=/reports%3Frange%3D7"


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock) as installation:

        def without_refresh_token(form: dict[str, str]) -> Answer:
            answer = fake._code(form)
            answer.body.pop("refresh_token", None)
            return answer

        fake.token_answer = without_refresh_token
        yield installation


def due(installation: SignInWorld) -> Browser:
    """A browser whose session has an access token that is about to expire, and no refresh token."""
    browser = installation.sign_in()
    installation.clock.move(seconds=545)
    return browser


def test_a_valid_token_starts_no_silent_sign_in(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    installation.clock.move(seconds=400)  # the rights are due for a refresh, but there is no refresh token
    assert installation.sessions.access_token(installation.ref(browser)) == installation.fake.issued[0]
    assert browser.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"


def test_one_silent_sign_in_stores_new_tokens_in_the_same_session(installation: SignInWorld) -> None:
    browser = due(installation)
    ref, secret, before = (
        installation.ref(browser),
        installation.secret(browser),
        installation.sessions.by_ref(installation.ref(browser)),
    )
    with pytest.raises(SignInAgain) as caught:
        installation.sessions.access_token(ref)
    assert caught.value.silent_sign_in
    authorize_url = browser.get(SILENT_SIGN_IN).location
    assert query(authorize_url)["prompt"] == "none"
    installation.fake.access_claims = {"permissions": ["explore:api"]}
    assert browser.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports?range=7"
    assert installation.sessions.access_token(ref) == installation.fake.issued[-3]
    after = installation.sessions.by_ref(ref)
    assert installation.secret(browser) == secret
    assert (after.expires_at, after.authenticated_at) == (before.expires_at, before.authenticated_at)
    assert "explore:api" in installation.storage.read.grants(after.person.subject, installation.clock()).permissions
    assert installation.audit("app:session:end") == []
    # The next token can be refreshed in the same way.
    installation.clock.move(seconds=545)
    assert query(browser.get(SILENT_SIGN_IN).location)["prompt"] == "none"


@pytest.mark.parametrize("error", ["login_required", "consent_required", "interaction_required", "anything"])
def test_a_refusal_returns_to_the_page_and_is_not_tried_again(installation: SignInWorld, error: str) -> None:
    browser = due(installation)
    ref = installation.ref(browser)
    authorize_url = browser.get(SILENT_SIGN_IN).location
    answer = browser.get(installation.fake.answer(query(authorize_url)["state"], error=error))
    assert answer.location == "http://localhost:8501/reports?range=7"
    assert browser.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"  # no second try
    assert installation.sessions.access_token(ref) == installation.fake.issued[0]  # the token is used until it expires
    installation.clock.move(seconds=60)
    with pytest.raises(SignInAgain) as caught:
        installation.sessions.access_token(ref)
    assert not caught.value.silent_sign_in
    assert browser.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"
    (event,) = installation.audit("app:token:refresh-fail")
    assert event["reason"] == (error if error != "anything" else "provider-refused")


def test_an_interactive_sign_in_starts_although_there_is_a_session(installation: SignInWorld) -> None:
    """Otherwise "Sign in" would redirect straight back to the page that requires it."""
    browser = due(installation)
    ref = installation.ref(browser)
    authorize_url = browser.get("/auth/login?return_to=/reports").location
    assert "prompt" not in query(authorize_url)
    assert browser.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports"
    assert installation.ref(browser) != ref


@pytest.mark.parametrize("access_token_subject", ["auth0|ann", "auth0|bob"])
def test_another_user_at_the_provider_changes_nothing(installation: SignInWorld, access_token_subject: str) -> None:
    browser = due(installation)
    installation.fake.access_claims = {"sub": access_token_subject}
    ref = installation.ref(browser)
    authorize_url = browser.get(SILENT_SIGN_IN).location
    assert (
        browser.get(installation.fake.approve(authorize_url, sub="auth0|bob")).location
        == "http://localhost:8501/reports?range=7"
    )
    assert installation.ref(browser) == ref
    assert installation.sessions.access_token(ref) == installation.fake.issued[0]
    assert installation.audit("app:token:refresh-fail")[0]["reason"] == "id-token:another-subject"


def test_no_silent_sign_in_after_a_sign_out(installation: SignInWorld) -> None:
    browser = due(installation)
    authorize_url = browser.get(SILENT_SIGN_IN).location
    browser.logout()
    assert browser.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"
    # A silent sign-in that was under way starts no session either.
    assert browser.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports?range=7"
    assert browser.get("/auth/session").json() == {"authenticated": False}
    assert installation.rows("sessions") == 1


BACK = "http://localhost:8501/reports?range=7"


def test_an_anonymous_user_is_signed_in_silently_with_a_session_at_the_provider(installation: SignInWorld) -> None:
    browser = installation.browser()
    parameters = query(browser.get(SILENT_SIGN_IN + "&connection=google-oauth2&login_hint=a@b.example").location)
    assert (parameters["prompt"], parameters["connection"]) == ("none", "google-oauth2")
    assert "login_hint" not in parameters
    assert browser.get(installation.fake.approve(browser.seen[-1].location, name="Ann")).location == BACK
    assert browser.get("/auth/session").json()["name"] == "Ann"
    assert len(installation.audit("app:session:begin")) == 1


@pytest.mark.parametrize("error", ["login_required", "consent_required", "interaction_required", "mfa_required"])
def test_for_an_anonymous_user_it_is_tried_once_and_a_refusal_is_not_reported(
    installation: SignInWorld, error: str
) -> None:
    browser = installation.browser()
    state = query(browser.get(SILENT_SIGN_IN).location)["state"]
    assert browser.get(installation.fake.answer(state, error=error)).location == BACK
    assert browser.get(SILENT_SIGN_IN).location == BACK  # not in a loop
    assert browser.get("/auth/session").json() == {"authenticated": False}
    assert not installation.audit("app:login:refuse")
    assert "prompt" not in query(installation.begin(browser))  # an interactive sign-in works as usual


def test_for_an_anonymous_user_it_is_not_tried_after_a_sign_out_or_an_ended_session(
    installation: SignInWorld,
) -> None:
    browser = installation.sign_in()
    browser.logout()
    assert browser.get(SILENT_SIGN_IN).location == BACK
    for end in ("time", "administrator"):
        browser = installation.sign_in()
        if end == "time":
            installation.clock.move(hours=2)
        else:
            installation.sessions.end(installation.ref(browser), EndReason.ENDED_BY_ADMIN, by="test")
        assert browser.get(SILENT_SIGN_IN).location == BACK


def test_a_late_anonymous_silent_sign_in_does_not_replace_a_session(installation: SignInWorld) -> None:
    browser = installation.browser()
    callback = installation.fake.approve(browser.get(SILENT_SIGN_IN).location, sub="auth0|bob")
    installation.sign_in(browser)
    secret = installation.secret(browser)
    assert browser.get(callback).location == BACK
    assert installation.secret(browser) == secret


def test_a_silent_sign_in_changes_no_other_session(installation: SignInWorld) -> None:
    browser = due(installation)
    authorize_url = browser.get(SILENT_SIGN_IN).location
    browser.logout()
    installation.sign_in(browser)
    secret, token = installation.secret(browser), installation.sessions.access_token(installation.ref(browser))
    browser.get(installation.fake.approve(authorize_url))
    assert installation.secret(browser) == secret
    assert installation.sessions.access_token(installation.ref(browser)) == token


def test_a_silent_callback_works_once(installation: SignInWorld) -> None:
    browser = due(installation)
    authorize_url = browser.get(SILENT_SIGN_IN).location
    callback, cookies = installation.fake.approve(authorize_url), dict(browser.cookies)
    browser.get(callback)
    exchanged = len(installation.fake.forms)
    browser.cookies = cookies
    assert browser.get(callback).location == "http://localhost:8501/reports?range=7"
    assert len(installation.fake.forms) == exchanged


def test_an_unavailable_provider_redirects_back_to_the_page(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_: object) -> str:
        raise ProviderUnavailable

    browser = due(installation)
    with monkeypatch.context() as patch:
        patch.setattr(installation.provider, "authorize_url", down)
        assert browser.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"


def test_a_provider_that_fails_in_the_exchange_leads_back_to_the_page(installation: SignInWorld) -> None:
    browser = due(installation)
    authorize_url = browser.get(SILENT_SIGN_IN).location
    installation.fake.token_answer = lambda form: Answer("nonsense", 503)
    assert browser.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports?range=7"
    assert installation.audit("app:token:refresh-fail")[0]["reason"] == "provider:status"
