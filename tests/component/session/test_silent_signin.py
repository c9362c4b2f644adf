"""Without a refresh token: one silent sign-in for an access token, for a live session only, never in a circle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.errors import ProviderUnavailable, SignInAgain
from app.core.records import EndReason
from tests.clock import FakeClock
from tests.provider import Answer, FakeProvider
from tests.signin import Browser, SignInWorld, query, world

SILENT = "/auth/login?silent=1&return_to=/reports%3Frange%3D7"


@pytest.fixture
def here() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock) as made:

        def without_refresh_token(form: dict[str, str]) -> Answer:
            answer = fake._code(form)
            answer.body.pop("refresh_token", None)
            return answer

        fake.token_answer = without_refresh_token
        yield made


def due(here: SignInWorld) -> Browser:
    """A browser whose session has a token that is about to expire, and nothing to renew it with."""
    browser = here.sign_in()
    here.clock.move(seconds=545)
    return browser


def test_while_the_token_lasts_nothing_is_tried(here: SignInWorld) -> None:
    browser = here.sign_in()
    here.clock.move(seconds=400)  # rights are older than the limit; there is nothing to renew them with
    assert here.sessions.access_token(here.ref(browser)) == here.fake.issued[0]
    assert browser.get(SILENT).location == "http://localhost:8501/reports?range=7"


def test_one_silent_sign_in_brings_new_tokens_into_the_same_session(here: SignInWorld) -> None:
    browser = due(here)
    ref, secret, before = here.ref(browser), here.secret(browser), here.sessions.by_ref(here.ref(browser))
    with pytest.raises(SignInAgain) as caught:
        here.sessions.access_token(ref)
    assert caught.value.silent_sign_in
    asked = browser.get(SILENT).location
    assert query(asked)["prompt"] == "none"
    here.fake.access_claims = {"permissions": ["explore:api"]}
    assert browser.get(here.fake.approve(asked)).location == "http://localhost:8501/reports?range=7"
    assert here.sessions.access_token(ref) == here.fake.issued[-3]
    after = here.sessions.by_ref(ref)
    assert here.secret(browser) == secret
    assert (after.expires_at, after.authenticated_at) == (before.expires_at, before.authenticated_at)
    assert "explore:api" in here.storage.read.grants(after.person.subject, here.clock()).permissions
    assert here.audit("app:session:end") == []
    # The next token may be renewed in the same way.
    here.clock.move(seconds=545)
    assert query(browser.get(SILENT).location)["prompt"] == "none"


@pytest.mark.parametrize("error", ["login_required", "consent_required", "interaction_required", "anything"])
def test_a_refusal_comes_back_to_the_page_and_is_not_tried_again(here: SignInWorld, error: str) -> None:
    browser = due(here)
    ref = here.ref(browser)
    asked = browser.get(SILENT).location
    answer = browser.get(here.fake.answer(query(asked)["state"], error=error))
    assert answer.location == "http://localhost:8501/reports?range=7"
    assert browser.get(SILENT).location == "http://localhost:8501/reports?range=7"  # no second try
    assert here.sessions.access_token(ref) == here.fake.issued[0]  # it goes on until it is over
    here.clock.move(seconds=60)
    with pytest.raises(SignInAgain) as caught:
        here.sessions.access_token(ref)
    assert not caught.value.silent_sign_in
    assert browser.get(SILENT).location == "http://localhost:8501/reports?range=7"
    (event,) = here.audit("app:token:refresh-fail")
    assert event["reason"] == (error if error != "anything" else "provider-refused")


def test_then_signing_in_leads_on_although_there_is_a_session(here: SignInWorld) -> None:
    """Else "Sign in" would lead straight back to the page that asks for it."""
    browser = due(here)
    ref = here.ref(browser)
    asked = browser.get("/auth/login?return_to=/reports").location
    assert "prompt" not in query(asked)
    assert browser.get(here.fake.approve(asked)).location == "http://localhost:8501/reports"
    assert here.ref(browser) != ref


@pytest.mark.parametrize("whose_access_token", ["auth0|ann", "auth0|bob"])
def test_another_person_at_the_provider_changes_nothing(here: SignInWorld, whose_access_token: str) -> None:
    browser = due(here)
    here.fake.access_claims = {"sub": whose_access_token}
    ref = here.ref(browser)
    asked = browser.get(SILENT).location
    assert browser.get(here.fake.approve(asked, sub="auth0|bob")).location == "http://localhost:8501/reports?range=7"
    assert here.ref(browser) == ref
    assert here.sessions.access_token(ref) == here.fake.issued[0]
    assert here.audit("app:token:refresh-fail")[0]["reason"] == "id-token:another-subject"


def test_never_after_a_sign_out(here: SignInWorld) -> None:
    browser = due(here)
    asked = browser.get(SILENT).location
    browser.logout()
    assert browser.get(SILENT).location == "http://localhost:8501/reports?range=7"
    # One that was under way signs nobody in again either.
    assert browser.get(here.fake.approve(asked)).location == "http://localhost:8501/reports?range=7"
    assert browser.get("/auth/session").json() == {"authenticated": False}
    assert here.rows("sessions") == 1


BACK = "http://localhost:8501/reports?range=7"


def test_nobody_is_signed_in_silently_where_the_provider_knows_them(here: SignInWorld) -> None:
    browser = here.browser()
    asked = query(browser.get(SILENT + "&connection=google-oauth2&login_hint=a@b.example").location)
    assert (asked["prompt"], asked["connection"]) == ("none", "google-oauth2")
    assert "login_hint" not in asked
    assert browser.get(here.fake.approve(browser.seen[-1].location, name="Ann")).location == BACK
    assert browser.get("/auth/session").json()["name"] == "Ann"
    assert len(here.audit("app:session:begin")) == 1


@pytest.mark.parametrize("error", ["login_required", "consent_required", "interaction_required", "mfa_required"])
def test_for_nobody_it_is_tried_once_and_a_refusal_leads_back_without_a_word(here: SignInWorld, error: str) -> None:
    browser = here.browser()
    state = query(browser.get(SILENT).location)["state"]
    assert browser.get(here.fake.answer(state, error=error)).location == BACK
    assert browser.get(SILENT).location == BACK  # not in a circle
    assert browser.get("/auth/session").json() == {"authenticated": False}
    assert not here.audit("app:login:refuse")
    assert "prompt" not in query(here.begin(browser))  # signing in by hand goes on as ever


def test_for_nobody_it_is_never_tried_right_after_a_sign_out_nor_in_place_of_an_ended_session(
    here: SignInWorld,
) -> None:
    browser = here.sign_in()
    browser.logout()
    assert browser.get(SILENT).location == BACK
    for end in ("time", "administrator"):
        browser = here.sign_in()
        if end == "time":
            here.clock.move(hours=2)
        else:
            here.sessions.end(here.ref(browser), EndReason.ENDED_BY_ADMIN, by="test")
        assert browser.get(SILENT).location == BACK


def test_one_for_nobody_that_comes_back_when_somebody_is_there_changes_nothing(here: SignInWorld) -> None:
    browser = here.browser()
    callback = here.fake.approve(browser.get(SILENT).location, sub="auth0|bob")
    here.sign_in(browser)
    secret = here.secret(browser)
    assert browser.get(callback).location == BACK
    assert here.secret(browser) == secret


def test_another_session_than_the_one_it_was_for_is_left_alone(here: SignInWorld) -> None:
    browser = due(here)
    asked = browser.get(SILENT).location
    browser.logout()
    here.sign_in(browser)
    secret, token = here.secret(browser), here.sessions.access_token(here.ref(browser))
    browser.get(here.fake.approve(asked))
    assert here.secret(browser) == secret
    assert here.sessions.access_token(here.ref(browser)) == token


def test_an_answer_works_once(here: SignInWorld) -> None:
    browser = due(here)
    asked = browser.get(SILENT).location
    callback, cookies = here.fake.approve(asked), dict(browser.cookies)
    browser.get(callback)
    exchanged = len(here.fake.forms)
    browser.cookies = cookies
    assert browser.get(callback).location == "http://localhost:8501/reports?range=7"
    assert len(here.fake.forms) == exchanged


def test_a_provider_that_does_not_answer_leads_back_to_the_page(
    here: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_: object) -> str:
        raise ProviderUnavailable

    browser = due(here)
    with monkeypatch.context() as patch:
        patch.setattr(here.provider, "authorize_url", down)
        assert browser.get(SILENT).location == "http://localhost:8501/reports?range=7"


def test_a_provider_that_fails_in_the_exchange_leads_back_to_the_page(here: SignInWorld) -> None:
    browser = due(here)
    asked = browser.get(SILENT).location
    here.fake.token_answer = lambda form: Answer("nonsense", 503)
    assert browser.get(here.fake.approve(asked)).location == "http://localhost:8501/reports?range=7"
    assert here.audit("app:token:refresh-fail")[0]["reason"] == "provider:status"
