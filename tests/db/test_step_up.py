"""Sessions after a fresh sign-in, and sessions found as the provider knows them."""

from __future__ import annotations

import pytest

from app.core.principal import Subject
from app.core.records import EndReason
from db import Database
from tests.db.builders import ANN, BOB, HOUR, ISSUER, NOW, SECOND, digest, signed_in, stepped_up, written


def test_a_session_continues_with_new_secret_tokens_and_factors(database: Database) -> None:
    signed_in(database, acr="low", amr=frozenset({"pwd"}), provider_sid="sid-1", user_agent="Browser")
    signed_in(database, "other")
    before = database.read.session_by_ref("ref-1")
    other = database.read.session_by_ref("other")
    assert before is not None
    fresh = stepped_up(acr="high", amr=frozenset({"pwd", "mfa"}), provider_sid="sid-2")
    assert written(database, lambda unit: unit.step_up_session(fresh, NOW + HOUR))
    after = database.read.session_by_ref("ref-1")
    assert after is not None
    assert after == database.read.session_by_secret(fresh.secret_hash)
    assert database.read.session_by_secret(digest("secret ref-1")) is None, "the old secret is worth nothing"
    assert (after.authenticated_at, after.last_seen_at, after.rights_synced_at) == (NOW + HOUR,) * 3
    assert (after.acr, after.amr) == ("high", frozenset({"pwd", "mfa"}))
    kept = ("ref", "created_at", "expires_at", "user_agent", "ended_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    sealed = database.read.sealed_tokens("ref-1")
    assert sealed is not None
    assert (sealed.sealed, sealed.access_expires_at) == (b"fresh ref-1", NOW + 2 * HOUR)
    for token in ("token ref-1", "fresh token ref-1"):
        assert database.read.bearer_facts(digest(token), ANN, "our-client").session == after
    assert database.read.session_by_ref("other") == other


def test_a_session_that_is_over_stays_over(database: Database) -> None:
    signed_in(database)
    written(database, lambda unit: unit.end_session("ref-1", EndReason.ENDED_BY_ADMIN, NOW))
    ended = database.read.session_by_ref("ref-1")
    assert not written(database, lambda unit: unit.step_up_session(stepped_up(), NOW + SECOND))
    assert not written(database, lambda unit: unit.step_up_session(stepped_up("unknown"), NOW + SECOND))
    assert database.read.session_by_ref("ref-1") == ended
    assert database.read.bearer_facts(digest("fresh token ref-1"), ANN, "our-client").session is None


def test_a_refresh_under_way_does_not_put_the_old_tokens_back(database: Database) -> None:
    signed_in(database)
    written(database, lambda unit: unit.take_refresh_lease("ref-1", "one", NOW, NOW + HOUR))
    written(database, lambda unit: unit.step_up_session(stepped_up(), NOW + SECOND))
    assert not written(
        database,
        lambda unit: unit.store_refreshed(
            "ref-1",
            "one",
            sealed=b"late",
            access_token_hash=digest("late"),
            access_expires_at=NOW + HOUR,
            now=NOW + 2 * SECOND,
        ),
    )
    sealed = database.read.sealed_tokens("ref-1")
    assert sealed is not None
    assert sealed.sealed == b"fresh ref-1"


ELSEWHERE = Subject("https://elsewhere.example/", ANN.subject)


@pytest.mark.parametrize(
    ("sid", "subject", "stored"),
    [
        ("sid-1", "", {"one", "bob"}),
        ("sid-1", ANN.subject, {"one"}),
        ("", ANN.subject, {"one", "two", "none"}),
        ("sid-2", ANN.subject, {"two"}),
        ("sid-3", ANN.subject, set()),
        ("sid-9", "", set()),
        ("", "", set()),
        ("\x00", ANN.subject, set()),
        ("", "a\x00\ud800", set()),
        ("\ud800", "", set()),
    ],
)
def test_sessions_as_the_provider_knows_them(database: Database, sid: str, subject: str, stored: set[str]) -> None:
    signed_in(database, "one", provider_sid="sid-1")
    signed_in(database, "two", provider_sid="sid-2")
    signed_in(database, "none")
    signed_in(database, "over", provider_sid="sid-1")
    written(database, lambda unit: unit.end_session("over", EndReason.SIGNED_OUT, NOW))
    signed_in(database, "bob", BOB, provider_sid="sid-1")
    signed_in(database, "elsewhere", ELSEWHERE, provider_sid="sid-1")
    with database.unit_of_work() as unit:
        sessions = unit.sessions_at_provider(ISSUER, sid=sid, subject=subject)
    assert {session.ref for session in sessions} == stored
