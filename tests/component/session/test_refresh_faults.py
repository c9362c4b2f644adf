"""Renewing tokens when the provider refuses, is down, or answers something else: what ends a session, what does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.errors import (
    GatehouseError,
    ProviderUnavailable,
    SessionEnded,
    SignInAgain,
    StorageUnavailable,
    TokenInvalid,
)
from app.core.records import EndReason
from app.core.tokens.types import AccessToken
from component.session.refresh import PAUSE_SECONDS
from tests.clock import FakeClock
from tests.provider import Answer, FakeProvider
from tests.signin import SignInWorld, world


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(FakeClock().timestamp) as made:
        yield made


@pytest.fixture
def here(fake: FakeProvider) -> Iterator[SignInWorld]:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with world(fake, clock) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, "invalid_grant"), (400, "invalid_grant"), (401, "login_required"), (403, "mfa_required")],
)
def test_a_provider_that_refuses_ends_the_session(here: SignInWorld, status: int, error: str) -> None:
    browser = here.sign_in()
    ref = here.due(browser)
    here.fake.token_answer = lambda form: Answer({"error": error}, status)
    for _ in range(3):
        with pytest.raises(SessionEnded):
            here.sessions.access_token(ref)
    assert here.fake.refreshes() == 1
    with pytest.raises(SessionEnded, match="ended this sign-in"):
        here.sessions.resolve(here.secret(browser))
    assert [event["reason"] for event in here.audit("app:session:end")] == [EndReason.PROVIDER_REFUSED]
    assert [event["reason"] for event in here.audit("app:token:refresh-fail")] == [error]


def test_the_page_hears_of_it_too(here: SignInWorld) -> None:
    session = here.sessions.resolve(here.secret(here.sign_in()))
    here.clock.move(seconds=301)
    here.fake.token_answer = lambda form: Answer({"error": "invalid_grant"}, 403)
    with pytest.raises(SessionEnded):
        here.sessions.sync_if_due(session)


def test_a_mistake_in_our_own_settings_ends_nobody(here: SignInWorld) -> None:
    ref = here.due(here.sign_in())
    here.fake.token_answer = lambda form: Answer({"error": "invalid_client"}, 401)
    assert here.sessions.access_token(ref) == here.fake.issued[0]
    assert here.sessions.by_ref(ref).ended_at is None


def test_a_provider_that_is_down(here: SignInWorld) -> None:
    browser = here.sign_in()
    ref = here.due(browser)
    here.fake.stop()
    assert here.sessions.access_token(ref) == here.fake.issued[0]  # the old one goes on while it lasts
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))  # and no page breaks
    assert len(here.audit("app:token:refresh-fail")) == 1  # it is left alone for a while
    here.clock.move(seconds=45)
    with pytest.raises(ProviderUnavailable):
        here.sessions.access_token(ref)
    assert browser.get("/auth/session").json()["authenticated"] is True
    here.fake.restart()
    here.clock.move(seconds=PAUSE_SECONDS + 1)
    assert here.sessions.access_token(ref) in here.fake.issued  # recovered by itself


def test_tokens_without_an_id_token_and_without_rotation(here: SignInWorld) -> None:
    here.fake.rotate = False
    ref = here.due(here.sign_in())
    here.sessions.access_token(ref)
    here.clock.move(seconds=560)
    here.sessions.access_token(ref)  # with the same refresh token again
    assert here.fake.refreshes() == 2
    given = [form["refresh_token"] for form in here.fake.forms if "refresh_token" in form]
    assert len(set(given)) == 1
    assert all("scope" not in form for form in here.fake.forms if "refresh_token" in form)


def test_no_refresh_token_was_given(here: SignInWorld) -> None:
    def without(form: dict[str, str]) -> Answer:
        answer = here.fake._code(form)
        del answer.body["refresh_token"]
        return answer

    here.fake.token_answer = without
    browser = here.sign_in()
    ref = here.due(browser)
    before = here.dump()
    with pytest.raises(SignInAgain):
        here.sessions.access_token(ref)
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))  # no page breaks that needs no token
    assert here.dump() == before
    assert here.sessions.by_ref(ref).ended_at is None  # the session itself goes on


def test_an_answer_for_somebody_else_ends_the_session(here: SignInWorld) -> None:
    ref = here.due(here.sign_in())
    here.fake.access_claims = {"sub": "auth0|mallory"}
    with pytest.raises(SessionEnded):
        here.sessions.access_token(ref)
    with pytest.raises(SessionEnded):
        here.sessions.by_ref(ref)
    assert here.fake.issued[-1] in here.fake.revoked


@pytest.mark.parametrize("error", [ProviderUnavailable, TokenInvalid])
def test_a_rotated_refresh_token_is_kept_when_the_new_token_cannot_be_verified(
    here: SignInWorld, monkeypatch: pytest.MonkeyPatch, error: type[GatehouseError]
) -> None:
    """Otherwise the next refresh would come with the old one, and the provider would take it for a theft."""
    ref = here.due(here.sign_in())
    old = here.fake.issued[0]

    def refuse(token: str, *, from_provider: bool) -> AccessToken:
        assert from_provider
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(here.verifier, "access_token", refuse)  # the keys cannot be read
        assert here.sessions.access_token(ref) == old
    assert here.sessions.access_token(ref) == old  # left alone for a while
    here.clock.move(seconds=39)
    assert here.sessions.access_token(ref) in here.fake.issued[-2:]
    assert here.fake.refreshes() == 2
    assert [event["reason"] for event in here.audit("app:token:refresh-fail")] == [error.code]


def test_the_database_down_is_our_own_error(here: SignInWorld) -> None:
    ref = here.ref(here.sign_in())
    with here.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
        connection.commit()
    with pytest.raises(StorageUnavailable):
        here.sessions.by_ref(ref)
    with pytest.raises(StorageUnavailable):
        here.sessions.access_token(ref)
