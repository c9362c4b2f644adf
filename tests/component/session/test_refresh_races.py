"""Token refresh while something else happens to the session: another process, a sign-out, a fault of the database."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from app.core.errors import SessionEnded, SessionExpired
from app.core.records import EndReason, SealedTokens
from component.session.refresh import LEASE_SECONDS, TokenRefresh
from tests.component.session.removed_secret import seal_with_removed_secret
from tests.provider import ProviderResponse
from tests.signin import SignInWorld


def refresh_of(installation: SignInWorld) -> TokenRefresh:
    return installation.sessions._token_refresh


def test_a_caller_that_waited_for_a_refresh_without_a_result_refreshes_itself(installation: SignInWorld) -> None:
    """A page that does not wait for the lease of another process has no token for those that wait for the page."""
    ref = installation.due(installation.sign_in())
    refreshes = refresh_of(installation)._refreshes

    class WithoutResult(Future[str | None]):
        def result(self, timeout: float | None = None) -> None:
            del refreshes[ref]

    refreshes[ref] = WithoutResult()
    assert installation.sessions.access_token(ref) in installation.fake.issued[-2:]
    assert installation.fake.refreshes() == 1
    assert refreshes == {}


def test_a_caller_that_waits_for_a_lease_uses_the_token_that_another_process_has_stored(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = installation.due(installation.sign_in())
    other, tokens = installation.more_sessions(), list[str]()

    def refreshed_by_another(ref: str, owner: str) -> None:
        tokens.append(other.access_token(ref))

    monkeypatch.setattr(refresh_of(installation), "_take_lease", refreshed_by_another)
    assert [installation.sessions.access_token(ref)] == tokens
    assert installation.fake.refreshes() == 1


def test_a_session_that_ends_after_the_lease_was_taken_is_not_refreshed(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = installation.due(installation.sign_in())
    take = refresh_of(installation)._take_lease

    def ends(ref: str, owner: str) -> SealedTokens | None:
        leased = take(ref, owner)
        assert leased is not None
        installation.end_session(ref)
        return leased

    monkeypatch.setattr(refresh_of(installation), "_take_lease", ends)
    with pytest.raises(SessionEnded):
        installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 0


def test_a_refresh_that_outlasts_its_lease_returns_the_token_of_the_process_that_took_it_over(
    installation: SignInWorld,
) -> None:
    installation.fake.rotate = False
    ref = installation.due(installation.sign_in())
    other, tokens = installation.more_sessions(), list[str]()

    def slow(form: dict[str, str]) -> ProviderResponse:
        installation.fake.token_answer = None
        installation.clock.move(seconds=LEASE_SECONDS + 1)
        tokens.append(other.access_token(ref))
        return installation.fake._refresh(form)

    installation.fake.token_answer = slow
    assert [installation.sessions.access_token(ref)] == tokens
    assert installation.fake.refreshes() == 2
    assert installation.fake.revoked == []  # both tokens are of one family
    assert installation.sessions.access_token(ref) == tokens[0]


def test_a_refusal_after_a_sign_out_does_not_end_the_session_again(installation: SignInWorld) -> None:
    client = installation.sign_in()
    ref = installation.due(client)

    def refused_after_sign_out(form: dict[str, str]) -> ProviderResponse:
        assert client.logout().status == 200
        return ProviderResponse({"error": "invalid_grant"}, 403)

    installation.fake.token_answer = refused_after_sign_out
    with pytest.raises(SessionEnded):
        installation.sessions.access_token(ref)
    assert [event["reason"] for event in installation.audit("app:session:end")] == [EndReason.SIGNED_OUT]
    assert [event["reason"] for event in installation.audit("app:token:refresh-fail")] == ["invalid_grant"]


def test_a_token_that_cannot_be_revoked_does_not_hide_the_end_of_the_session(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    installation.fake.access_claims = {"sub": "auth0|mallory"}
    installation.fake.revoke_status = 503
    with pytest.raises(SessionEnded, match="another account"):
        installation.sessions.access_token(ref)
    assert installation.fake.revoked == [installation.fake.issued[-1]]  # it was tried


def test_a_lease_that_cannot_be_released_does_not_fail_the_refresh(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = installation.due(installation.sign_in())
    store, engine = refresh_of(installation)._store, installation.storage.engine

    def stored_last(*values: Any) -> str:
        token = store(*values)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
        return token

    monkeypatch.setattr(refresh_of(installation), "_store", stored_last)
    token = installation.sessions.access_token(ref)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO sessions")
    assert token in installation.fake.issued[-2:]
    assert installation.sessions.access_token(ref) == token


def test_a_session_without_stored_tokens_has_ended(installation: SignInWorld) -> None:
    """As one that ends between the check of the session and the refresh."""
    ref = installation.ref(installation.sign_in())
    installation.end_session(ref)
    with pytest.raises(SessionEnded):
        refresh_of(installation).access_token(ref)


def test_tokens_sealed_with_a_removed_secret_require_a_new_sign_in_for_calls_only(installation: SignInWorld) -> None:
    client = installation.sign_in()
    ref = installation.due(client)
    seal_with_removed_secret(installation, ref)
    with pytest.raises(SessionExpired, match="Sign in again to continue"):
        installation.sessions.access_token(ref)
    installation.sessions.sync_if_due(installation.sessions.by_ref(ref))  # no page breaks that needs no token
    assert installation.fake.refreshes() == 0
    assert client.get("/auth/session").json()["authenticated"] is True
