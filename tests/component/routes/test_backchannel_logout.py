"""``POST /auth/backchannel-logout``: the sessions that a logout token ends, and how often it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app.core.errors import SessionEnded, StorageUnavailable
from app.core.records import EndReason, Session
from db.database import DatabaseUnitOfWork
from tests.component.routes.logout_tokens import is_live, post_logout_token
from tests.issuer import ABSENT
from tests.signin import SignInWorld


def test_the_session_with_that_id_ends_and_no_other(installation: SignInWorld) -> None:
    first, second = installation.sign_in(), installation.sign_in(sid="session-2")
    bob = installation.sign_in(sub="auth0|bob", sid="session-3")
    change_counters = installation.storage.read.change_counters().sessions_ended
    ref = installation.ref(first)
    answer = post_logout_token(installation, sid="session-1")
    assert (answer.status, answer.body, answer.header("cache-control")) == (200, b"", "no-store")
    assert [is_live(installation, client) for client in (first, second, bob)] == [False, True, True]
    assert installation.storage.read.change_counters().sessions_ended == change_counters + 1, (
        "so the watcher of every process notifies the tabs"
    )
    with pytest.raises(SessionEnded) as caught:
        installation.sessions.by_ref(ref)
    assert caught.value.detail == "You signed out at the sign-in provider."
    (event,) = installation.audit("app:session:end")
    assert (event["reason"], event["actor"], event["target"]) == (
        "provider-logout",
        "system",
        f"auth0|ann at {installation.fake.url}",
    )
    assert event["correlation_id"] == answer.header("x-correlation-id")
    assert installation.storage.read.sealed_tokens(ref) is None


def test_refresh_tokens_of_ended_sessions_are_revoked_at_the_provider_after_the_response(
    installation: SignInWorld,
) -> None:
    installation.sign_in()
    installation.sign_in(sid="session-2")
    had = list(installation.fake.refresh_tokens)
    assert len(had) == 2
    assert post_logout_token(installation, sid="session-1").status == 200
    assert installation.fake.revoked == had[:1]
    assert post_logout_token(installation, sid=ABSENT).status == 200
    assert installation.fake.revoked == had


def test_a_provider_that_refuses_the_revocation_changes_nothing(installation: SignInWorld) -> None:
    client = installation.sign_in()
    installation.fake.revoke_status = 500
    assert post_logout_token(installation, sid="session-1").status == 200
    assert not is_live(installation, client)


def test_without_a_session_id_all_of_the_subject_end(installation: SignInWorld) -> None:
    first, second = installation.sign_in(), installation.sign_in(sid="session-2")
    bob = installation.sign_in(sub="auth0|bob", sid="session-1")
    assert post_logout_token(installation, sid=ABSENT).status == 200
    assert [is_live(installation, client) for client in (first, second, bob)] == [False, False, True]
    assert len(installation.audit("app:session:end")) == 2


@pytest.mark.parametrize(
    ("claims", "left"),
    [
        ({"sid": "session-9"}, [True, True]),  # an unknown session id never ends all sessions
        ({"sid": "session-1", "sub": "auth0|bob"}, [True, True]),  # a session of another subject
        ({"sid": "session-1", "sub": ABSENT}, [False, True]),
        ({"sub": "auth0|bob", "sid": ABSENT}, [True, True]),
    ],
)
def test_the_session_id_and_the_subject_select_the_sessions(
    installation: SignInWorld, claims: dict[str, Any], left: list[bool]
) -> None:
    first, second = installation.sign_in(), installation.sign_in(sid="session-2")
    assert post_logout_token(installation, **claims).status == 200
    assert [is_live(installation, client) for client in (first, second)] == left


def test_a_logout_token_without_a_matching_session_is_no_error(installation: SignInWorld) -> None:
    assert post_logout_token(installation).status == 200
    assert not installation.audit("app:session:end")


def test_a_token_works_once(installation: SignInWorld) -> None:
    client = installation.sign_in()
    claims = {"jti": "the-same", "sid": ABSENT, "iat": int(installation.clock.timestamp()) + 5}
    assert post_logout_token(installation, **claims).status == 200
    assert not is_live(installation, client)
    again = installation.sign_in(client)
    assert post_logout_token(installation, **claims).status == 400
    assert is_live(installation, again)
    (event,) = installation.audit("app:logout:refuse")
    assert (event["reason"], event["address"]) == ("logout-token:replayed", "203.0.113.7")


def test_a_token_is_remembered_for_its_lifetime(installation: SignInWorld) -> None:
    client = installation.sign_in()
    claims = {
        "jti": "the-same",
        "iat": int(installation.clock.timestamp()),
        "exp": int(installation.clock.timestamp()) + 120,
    }
    assert post_logout_token(installation, **claims).status == 200
    installation.sign_in(client)
    for seconds in (100, 45):  # within its lifetime, within the leeway; other tokens purge the expired ones
        installation.clock.move(seconds=seconds)
        assert post_logout_token(installation, sub="auth0|unknown").status == 200
        assert post_logout_token(installation, **claims).status == 400
    installation.clock.move(seconds=60)
    assert post_logout_token(installation, **claims).status == 400, "expired"
    assert is_live(installation, client)


def test_a_session_started_after_the_token_was_issued_continues(installation: SignInWorld) -> None:
    """Signed out at the provider and in again before the token arrived."""
    before = installation.sign_in()
    issued = int(installation.clock.timestamp()) + 1
    installation.clock.move(seconds=5)
    after = installation.sign_in()
    assert post_logout_token(installation, sid=ABSENT, iat=issued).status == 200
    assert [is_live(installation, client) for client in (before, after)] == [False, True]


def test_a_session_started_within_the_same_second_ends(installation: SignInWorld) -> None:
    client = installation.sign_in()
    created_at = installation.sessions.resolve(installation.secret(client)).created_at
    assert post_logout_token(installation, iat=int(created_at.timestamp())).status == 200
    assert not is_live(installation, client)


def test_an_unavailable_database_does_not_use_up_the_token(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = installation.sign_in()
    claims = {"jti": "the-same", "iat": int(installation.clock.timestamp()) + 1}

    def down(*_: object) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as patch:
        patch.setattr("db.database.DatabaseUnitOfWork.end_session", down)
        assert post_logout_token(installation, **claims).status == 400
    assert is_live(installation, client)
    assert post_logout_token(installation, **claims).status == 200
    assert not is_live(installation, client)


def test_an_ended_session_keeps_its_reason(installation: SignInWorld) -> None:
    client = installation.sign_in()
    ref = installation.ref(client)
    installation.sessions.end(ref, EndReason.ENDED_BY_ADMIN, by="admin")
    assert post_logout_token(installation).status == 200
    session = installation.storage.read.session_by_ref(ref)
    assert session is not None
    assert session.end_reason is EndReason.ENDED_BY_ADMIN


def test_a_session_that_ends_meanwhile_is_neither_ended_again_nor_revoked(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another process ends it after it was listed here."""
    ref = installation.ref(installation.sign_in())
    sessions_at_provider = DatabaseUnitOfWork.sessions_at_provider

    def ended_after(unit: DatabaseUnitOfWork, issuer: str, *, sid: str = "", subject: str = "") -> Sequence[Session]:
        sessions = sessions_at_provider(unit, issuer, sid=sid, subject=subject)
        assert [unit.end_session(each.ref, EndReason.ENDED_BY_ADMIN, installation.clock()) for each in sessions] == [
            True
        ]
        return sessions

    monkeypatch.setattr(DatabaseUnitOfWork, "sessions_at_provider", ended_after)
    assert post_logout_token(installation).status == 200
    session = installation.storage.read.session_by_ref(ref)
    assert session is not None
    assert session.end_reason is EndReason.ENDED_BY_ADMIN
    assert not installation.audit("app:session:end")
    assert installation.fake.revoked == []
