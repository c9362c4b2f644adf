"""Token refresh when the provider refuses, is down, or sends another response: which failures end a session."""

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
from tests.provider import FakeProvider, ProviderResponse
from tests.signin import SignInWorld, sign_in_world


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(FakeClock().timestamp) as installation:
        yield installation


@pytest.fixture
def installation(fake: FakeProvider) -> Iterator[SignInWorld]:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with sign_in_world(fake, clock) as installation:
        yield installation


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, "invalid_grant"), (400, "invalid_grant"), (401, "login_required"), (403, "mfa_required")],
)
def test_a_provider_that_refuses_ends_the_session(installation: SignInWorld, status: int, error: str) -> None:
    client = installation.sign_in()
    ref = installation.due(client)
    installation.fake.token_answer = lambda form: ProviderResponse({"error": error}, status)
    for _ in range(3):
        with pytest.raises(SessionEnded):
            installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 1
    with pytest.raises(SessionEnded, match="ended this sign-in"):
        installation.sessions.resolve(installation.secret(client))
    assert [event["reason"] for event in installation.audit("app:session:end")] == [EndReason.PROVIDER_REFUSED]
    assert [event["reason"] for event in installation.audit("app:token:refresh-fail")] == [error]


def test_a_page_learns_of_the_end_too(installation: SignInWorld) -> None:
    session = installation.sessions.resolve(installation.secret(installation.sign_in()))
    installation.clock.move(seconds=301)
    installation.fake.token_answer = lambda form: ProviderResponse({"error": "invalid_grant"}, 403)
    with pytest.raises(SessionEnded):
        installation.sessions.sync_if_due(session)


def test_a_mistake_in_our_own_settings_ends_no_session(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    installation.fake.token_answer = lambda form: ProviderResponse({"error": "invalid_client"}, 401)
    assert installation.sessions.access_token(ref) == installation.fake.issued[0]
    assert installation.sessions.by_ref(ref).ended_at is None


def test_a_provider_that_is_down(installation: SignInWorld) -> None:
    client = installation.sign_in()
    ref = installation.due(client)
    installation.fake.stop()
    assert (
        installation.sessions.access_token(ref) == installation.fake.issued[0]
    )  # the old one is used while it is valid
    installation.sessions.sync_if_due(installation.sessions.resolve(installation.secret(client)))  # and no page breaks
    assert len(installation.audit("app:token:refresh-fail")) == 1  # no further attempt during the pause
    installation.clock.move(seconds=45)
    with pytest.raises(ProviderUnavailable):
        installation.sessions.access_token(ref)
    assert client.get("/auth/session").json()["authenticated"] is True
    installation.fake.restart()
    installation.clock.move(seconds=PAUSE_SECONDS + 1)
    assert installation.sessions.access_token(ref) in installation.fake.issued  # recovered by itself


def test_tokens_without_an_id_token_and_without_rotation(installation: SignInWorld) -> None:
    installation.fake.rotate = False
    ref = installation.due(installation.sign_in())
    installation.sessions.access_token(ref)
    installation.clock.move(seconds=560)
    installation.sessions.access_token(ref)  # with the same refresh token again
    assert installation.fake.refreshes() == 2
    tokens = [form["refresh_token"] for form in installation.fake.forms if "refresh_token" in form]
    assert len(set(tokens)) == 1
    assert all("scope" not in form for form in installation.fake.forms if "refresh_token" in form)


def test_no_refresh_token_was_given(installation: SignInWorld) -> None:
    def without(form: dict[str, str]) -> ProviderResponse:
        answer = installation.fake._code(form)
        del answer.body["refresh_token"]
        return answer

    installation.fake.token_answer = without
    client = installation.sign_in()
    ref = installation.due(client)
    before = installation.dump()
    with pytest.raises(SignInAgain):
        installation.sessions.access_token(ref)
    installation.sessions.sync_if_due(
        installation.sessions.resolve(installation.secret(client))
    )  # no page breaks that needs no token
    assert installation.dump() == before
    assert installation.sessions.by_ref(ref).ended_at is None  # the session itself continues


def test_a_response_for_another_subject_ends_the_session(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    installation.fake.access_claims = {"sub": "auth0|mallory"}
    with pytest.raises(SessionEnded):
        installation.sessions.access_token(ref)
    with pytest.raises(SessionEnded):
        installation.sessions.by_ref(ref)
    assert installation.fake.issued[-1] in installation.fake.revoked


@pytest.mark.parametrize("error", [ProviderUnavailable, TokenInvalid])
def test_a_rotated_refresh_token_is_kept_when_the_new_token_cannot_be_verified(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch, error: type[GatehouseError]
) -> None:
    """Otherwise the next refresh would come with the old one, and the provider would take it for a theft."""
    ref = installation.due(installation.sign_in())
    old = installation.fake.issued[0]

    def refuse(token: str, *, from_provider: bool) -> AccessToken:
        assert from_provider
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(installation.verifier, "access_token", refuse)  # the keys cannot be read
        assert installation.sessions.access_token(ref) == old
    assert installation.sessions.access_token(ref) == old  # left alone for a while
    installation.clock.move(seconds=39)
    assert installation.sessions.access_token(ref) in installation.fake.issued[-2:]
    assert installation.fake.refreshes() == 2
    assert [event["reason"] for event in installation.audit("app:token:refresh-fail")] == [error.code]


def test_the_database_down_is_our_own_error(installation: SignInWorld) -> None:
    ref = installation.ref(installation.sign_in())
    with installation.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
        connection.commit()
    with pytest.raises(StorageUnavailable):
        installation.sessions.by_ref(ref)
    with pytest.raises(StorageUnavailable):
        installation.sessions.access_token(ref)
