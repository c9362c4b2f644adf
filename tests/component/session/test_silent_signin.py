"""Silent sign-in (``prompt=none``): once for a new access token without a refresh token, and never in a loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.errors import ProviderUnavailable, SignInAgain
from app.core.records import EndReason
from app.core.tokens.types import AccessToken
from tests.clock import FakeClock
from tests.component.session.removed_secret import seal_with_removed_secret
from tests.provider import FakeProvider, ProviderResponse
from tests.signin import CookieClient, SignInWorld, query, sign_in_world

SILENT_SIGN_IN = "/auth/login?silent=1&return_to=/reports%3Frange%3D7"


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock) as installation:

        def without_refresh_token(form: dict[str, str]) -> ProviderResponse:
            answer = fake._code(form)
            answer.body.pop("refresh_token", None)
            return answer

        fake.token_answer = without_refresh_token
        yield installation


def due(installation: SignInWorld) -> CookieClient:
    """A browser whose session has an access token that is about to expire, and no refresh token."""
    client = installation.sign_in()
    installation.clock.move(seconds=545)
    return client


def test_a_valid_token_starts_no_silent_sign_in(installation: SignInWorld) -> None:
    client = installation.sign_in()
    installation.clock.move(seconds=400)  # the rights are due for a refresh, but there is no refresh token
    assert installation.sessions.access_token(installation.ref(client)) == installation.fake.issued[0]
    assert client.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"


def test_one_silent_sign_in_stores_new_tokens_in_the_same_session(installation: SignInWorld) -> None:
    client = due(installation)
    ref, secret, before = (
        installation.ref(client),
        installation.secret(client),
        installation.sessions.by_ref(installation.ref(client)),
    )
    with pytest.raises(SignInAgain) as caught:
        installation.sessions.access_token(ref)
    assert caught.value.silent_sign_in
    authorize_url = client.get(SILENT_SIGN_IN).location
    assert query(authorize_url)["prompt"] == "none"
    installation.fake.access_claims = {"permissions": ["explore:api"]}
    assert client.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports?range=7"
    assert installation.sessions.access_token(ref) == installation.fake.issued[-3]
    after = installation.sessions.by_ref(ref)
    assert installation.secret(client) == secret
    assert (after.expires_at, after.authenticated_at) == (before.expires_at, before.authenticated_at)
    assert "explore:api" in installation.storage.read.grants(after.person.subject, installation.clock()).permissions
    assert installation.audit("app:session:end") == []
    # The next token can be refreshed in the same way.
    installation.clock.move(seconds=545)
    assert query(client.get(SILENT_SIGN_IN).location)["prompt"] == "none"


@pytest.mark.parametrize("error", ["login_required", "consent_required", "interaction_required", "anything"])
def test_a_refusal_returns_to_the_page_and_is_not_tried_again(installation: SignInWorld, error: str) -> None:
    client = due(installation)
    ref = installation.ref(client)
    authorize_url = client.get(SILENT_SIGN_IN).location
    answer = client.get(installation.fake.answer(query(authorize_url)["state"], error=error))
    assert answer.location == "http://localhost:8501/reports?range=7"
    assert client.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"  # no second try
    assert installation.sessions.access_token(ref) == installation.fake.issued[0]  # the token is used until it expires
    installation.clock.move(seconds=60)
    with pytest.raises(SignInAgain) as caught:
        installation.sessions.access_token(ref)
    assert not caught.value.silent_sign_in
    assert client.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"
    (event,) = installation.audit("app:token:refresh-fail")
    assert event["reason"] == (error if error != "anything" else "provider-refused")


def test_an_interactive_sign_in_starts_although_there_is_a_session(installation: SignInWorld) -> None:
    """Otherwise "Sign in" would redirect straight back to the page that requires it."""
    client = due(installation)
    ref = installation.ref(client)
    authorize_url = client.get("/auth/login?return_to=/reports").location
    assert "prompt" not in query(authorize_url)
    assert client.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports"
    assert installation.ref(client) != ref


@pytest.mark.parametrize("access_token_subject", ["auth0|ann", "auth0|bob"])
def test_another_user_at_the_provider_changes_nothing(installation: SignInWorld, access_token_subject: str) -> None:
    client = due(installation)
    installation.fake.access_claims = {"sub": access_token_subject}
    ref = installation.ref(client)
    authorize_url = client.get(SILENT_SIGN_IN).location
    assert (
        client.get(installation.fake.approve(authorize_url, sub="auth0|bob")).location
        == "http://localhost:8501/reports?range=7"
    )
    assert installation.ref(client) == ref
    assert installation.sessions.access_token(ref) == installation.fake.issued[0]
    assert installation.audit("app:token:refresh-fail")[0]["reason"] == "id-token:another-subject"


def test_no_silent_sign_in_after_a_sign_out(installation: SignInWorld) -> None:
    client = due(installation)
    authorize_url = client.get(SILENT_SIGN_IN).location
    client.logout()
    assert client.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"
    # A silent sign-in that was under way starts no session either.
    assert client.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports?range=7"
    assert client.get("/auth/session").json() == {"authenticated": False}
    assert installation.rows("sessions") == 1


BACK = "http://localhost:8501/reports?range=7"


def test_an_anonymous_user_is_signed_in_silently_with_a_session_at_the_provider(installation: SignInWorld) -> None:
    client = installation.client()
    parameters = query(client.get(SILENT_SIGN_IN + "&connection=google-oauth2&login_hint=a@b.example").location)
    assert (parameters["prompt"], parameters["connection"]) == ("none", "google-oauth2")
    assert "login_hint" not in parameters
    assert client.get(installation.fake.approve(client.responses[-1].location, name="Ann")).location == BACK
    assert client.get("/auth/session").json()["name"] == "Ann"
    assert len(installation.audit("app:session:begin")) == 1


@pytest.mark.parametrize("error", ["login_required", "consent_required", "interaction_required", "mfa_required"])
def test_for_an_anonymous_user_it_is_tried_once_and_a_refusal_is_not_reported(
    installation: SignInWorld, error: str
) -> None:
    client = installation.client()
    state = query(client.get(SILENT_SIGN_IN).location)["state"]
    assert client.get(installation.fake.answer(state, error=error)).location == BACK
    assert client.get(SILENT_SIGN_IN).location == BACK  # not in a loop
    assert client.get("/auth/session").json() == {"authenticated": False}
    assert not installation.audit("app:login:refuse")
    assert "prompt" not in query(installation.begin(client))  # an interactive sign-in works as usual


def test_for_an_anonymous_user_it_is_not_tried_after_a_sign_out_or_an_ended_session(
    installation: SignInWorld,
) -> None:
    client = installation.sign_in()
    client.logout()
    assert client.get(SILENT_SIGN_IN).location == BACK
    for end in ("time", "administrator"):
        client = installation.sign_in()
        if end == "time":
            installation.clock.move(hours=2)
        else:
            installation.sessions.end(installation.ref(client), EndReason.ENDED_BY_ADMIN, by="test")
        assert client.get(SILENT_SIGN_IN).location == BACK


def test_a_late_anonymous_silent_sign_in_does_not_replace_a_session(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.approve(client.get(SILENT_SIGN_IN).location, sub="auth0|bob")
    installation.sign_in(client)
    secret = installation.secret(client)
    assert client.get(callback).location == BACK
    assert installation.secret(client) == secret


def test_a_silent_sign_in_changes_no_other_session(installation: SignInWorld) -> None:
    client = due(installation)
    authorize_url = client.get(SILENT_SIGN_IN).location
    client.logout()
    installation.sign_in(client)
    secret, token = installation.secret(client), installation.sessions.access_token(installation.ref(client))
    client.get(installation.fake.approve(authorize_url))
    assert installation.secret(client) == secret
    assert installation.sessions.access_token(installation.ref(client)) == token


def test_a_silent_callback_works_once(installation: SignInWorld) -> None:
    client = due(installation)
    authorize_url = client.get(SILENT_SIGN_IN).location
    callback, cookies = installation.fake.approve(authorize_url), dict(client.cookies)
    client.get(callback)
    exchanged = len(installation.fake.forms)
    client.cookies = cookies
    assert client.get(callback).location == "http://localhost:8501/reports?range=7"
    assert len(installation.fake.forms) == exchanged


def test_an_unavailable_provider_redirects_back_to_the_page(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_: object) -> str:
        raise ProviderUnavailable

    client = due(installation)
    with monkeypatch.context() as patch:
        patch.setattr(installation.provider, "authorize_url", down)
        assert client.get(SILENT_SIGN_IN).location == "http://localhost:8501/reports?range=7"


def test_a_provider_that_fails_in_the_exchange_leads_back_to_the_page(installation: SignInWorld) -> None:
    client = due(installation)
    authorize_url = client.get(SILENT_SIGN_IN).location
    installation.fake.token_answer = lambda form: ProviderResponse("nonsense", 503)
    assert client.get(installation.fake.approve(authorize_url)).location == "http://localhost:8501/reports?range=7"
    assert installation.audit("app:token:refresh-fail")[0]["reason"] == "provider:status"


# Faults


def test_tokens_that_cannot_be_opened_are_replaced_by_a_silent_sign_in(installation: SignInWorld) -> None:
    client = due(installation)
    ref = installation.ref(client)
    seal_with_removed_secret(installation, ref)
    authorize_url = client.get(SILENT_SIGN_IN).location
    assert query(authorize_url)["prompt"] == "none"
    assert client.get(installation.fake.approve(authorize_url)).location == BACK
    assert installation.sessions.access_token(ref) in installation.fake.issued[-3:]


def test_an_attempt_that_is_not_needed_is_not_recorded(installation: SignInWorld) -> None:
    silent_sign_in, ref = installation.sessions.silent_sign_in, installation.ref(installation.sign_in())
    assert silent_sign_in.begin(ref) is False
    installation.clock.move(seconds=545)
    assert [silent_sign_in.begin(ref) for _ in range(2)] == [True, False]


def test_a_session_that_ends_during_the_exchange_gets_no_tokens(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = due(installation)
    ref = installation.ref(client)
    callback = installation.fake.approve(client.get(SILENT_SIGN_IN).location)
    verify = installation.verifier.access_token

    def ends(token: str, *, from_provider: bool) -> AccessToken:
        installation.end_session(ref)
        return verify(token, from_provider=from_provider)

    installation.fake.access_claims = {"roles": ["viewer"]}
    with monkeypatch.context() as patch:
        patch.setattr(installation.verifier, "access_token", ends)
        assert client.get(callback).location == BACK
    assert installation.storage.read.sealed_tokens(ref) is None
    assert not installation.storage.read.grants(installation.subject(), installation.clock()).roles
    assert client.get("/auth/session").json() == {"authenticated": False}
    assert [event["reason"] for event in installation.audit("app:token:refresh-fail")] == ["session-ended"]


def test_a_refusal_that_cannot_be_recorded_still_returns_to_the_page(installation: SignInWorld) -> None:
    client = due(installation)
    session = installation.sessions.by_ref(installation.ref(client))
    state = query(client.get(SILENT_SIGN_IN).location)["state"]
    with installation.storage.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_events RENAME TO gone")
    installation.sessions.silent_sign_in.refused(session, "login_required")
    assert client.get(installation.fake.answer(state, error="login_required")).location == BACK
    assert installation.sessions.by_ref(installation.ref(client)).ended_at is None
