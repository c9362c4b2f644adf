"""Sessions: beginning, finding, ending, the refresh lease, consumed states and what is purged."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event

from app.core.errors import Conflict
from app.core.principal import Subject
from app.core.records import EndReason, Person, SealedTokens
from db import Database
from tests.db.builders import ANN, BOB, HOUR, ISSUER, NOW, SECOND, digest, new_session, signed_in, written

MINUTE = timedelta(minutes=1)


def test_a_session_is_found_by_secret_and_by_reference(database: Database) -> None:
    person = Person(ANN, "Ann Ample", "Ann@example.org", True, "https://pics.example/a.png")
    new = new_session(
        acr="high", amr=frozenset({"pwd", "otp"}), user_agent="Browser", address="192.0.2.7", provider_sid="sid-1"
    )
    with database.unit_of_work() as unit:
        unit.save_person(person, NOW)
        unit.begin_session(new, NOW)
        assert unit.session_by_ref("ref-1") is not None
        unit.commit()
    stored = database.read.session_by_secret(new.secret_hash)
    assert stored is not None
    assert stored == database.read.session_by_ref("ref-1")
    assert (stored.ref, stored.acr, stored.amr, stored.user_agent, stored.address) == (
        "ref-1",
        "high",
        frozenset({"pwd", "otp"}),
        "Browser",
        "192.0.2.7",
    )
    assert (stored.created_at, stored.last_seen_at, stored.rights_synced_at) == (NOW, NOW, NOW)
    assert (stored.authenticated_at, stored.expires_at) == (NOW - SECOND, NOW + 8 * HOUR)
    assert (stored.ended_at, stored.end_reason, stored.access_expires_at) == (None, None, NOW + HOUR)
    assert stored.policy_version == database.read.policy_version()
    assert stored.person.subject == ANN
    assert (stored.person.name, stored.person.email, stored.person.email_verified) == (
        "Ann Ample",
        "Ann@example.org",
        True,
    )
    assert (stored.person.first_seen_at, stored.person.last_seen_at, stored.person.blocked) == (NOW, NOW, False)


def test_unknown_references_return_nothing(database: Database) -> None:
    assert database.read.session_by_secret(b"x" * 32) is None
    assert database.read.session_by_ref("unknown") is None
    assert database.read.session_by_ref("\ud800") is None
    assert database.read.sealed_tokens("unknown") is None
    assert database.read.sessions_of(ANN, NOW) == ()


def test_a_second_session_with_the_same_reference_or_secret_is_refused(database: Database) -> None:
    signed_in(database)
    for again in (new_session(secret_hash=digest("other")), new_session("ref-2", secret_hash=digest("secret ref-1"))):
        with pytest.raises(Conflict) as caught, database.unit_of_work() as unit:
            unit.begin_session(again, NOW)
        assert caught.value.__context__ is None
    assert len(database.read.sessions_of(ANN, NOW)) == 1


def test_ending_erases_tokens_and_happens_once(database: Database) -> None:
    signed_in(database)
    assert database.read.sealed_tokens("ref-1") is not None
    assert written(database, lambda unit: unit.end_session("ref-1", EndReason.SIGNED_OUT, NOW + SECOND))
    assert not written(database, lambda unit: unit.end_session("ref-1", EndReason.BLOCKED, NOW + HOUR))
    assert not written(database, lambda unit: unit.end_session("unknown", EndReason.BLOCKED, NOW))
    stored = database.read.session_by_ref("ref-1")
    assert stored is not None
    assert (stored.ended_at, stored.end_reason) == (NOW + SECOND, EndReason.SIGNED_OUT)
    assert stored.access_expires_at is None
    assert database.read.sealed_tokens("ref-1") is None


def test_ending_all_but_one_and_then_everywhere(database: Database) -> None:
    for ref in ("a", "b", "c"):
        signed_in(database, ref)
    signed_in(database, "other", BOB)
    ended = written(database, lambda unit: unit.end_sessions_of(ANN, EndReason.ENDED_BY_PERSON, NOW, keep="b"))
    assert sorted(ended) == ["a", "c"]
    person = database.read.person(ANN)
    assert person is not None
    assert person.signed_out_at is None
    ended = written(database, lambda unit: unit.end_sessions_of(ANN, EndReason.ENDED_BY_ADMIN, NOW + SECOND))
    assert list(ended) == ["b"]
    person = database.read.person(ANN)
    assert person is not None
    assert person.signed_out_at == NOW + SECOND
    assert [session.ref for session in database.read.sessions_of(BOB, NOW)] == ["other"]
    unknown = Subject(ISSUER, "unknown")
    assert written(database, lambda unit: unit.end_sessions_of(unknown, EndReason.BLOCKED, NOW)) == ()


def test_sessions_of_lists_live_ones_newest_first(database: Database) -> None:
    signed_in(database, "old")
    with database.unit_of_work() as unit:
        unit.begin_session(new_session("new"), NOW + SECOND)
        unit.begin_session(new_session("over", expires_at=NOW + SECOND), NOW)
        unit.begin_session(new_session("ended"), NOW)
        unit.end_session("ended", EndReason.SIGNED_OUT, NOW)
        unit.commit()
    assert [session.ref for session in database.read.sessions_of(ANN, NOW + SECOND)] == ["new", "old"]


def test_touching_moves_last_seen_forward_only(database: Database) -> None:
    signed_in(database)
    assert touched(database, NOW + MINUTE)
    assert not touched(database, NOW)
    stored = database.read.session_by_ref("ref-1")
    assert stored is not None
    assert (stored.last_seen_at, stored.person.last_seen_at) == (NOW + MINUTE, NOW + MINUTE)


def touched(database: Database, at: datetime, *, idle: timedelta = HOUR) -> bool:
    return bool(written(database, lambda unit: unit.touch_session("ref-1", lambda: at, idle=idle)))


def test_touching_brings_no_session_back(database: Database) -> None:
    """Both lifetimes end at their very moment."""
    signed_in(database, expires_at=NOW + HOUR)
    assert not touched(database, NOW + 10 * MINUTE, idle=10 * MINUTE)
    assert touched(database, NOW + 10 * MINUTE - SECOND, idle=10 * MINUTE)
    assert not touched(database, NOW + HOUR)
    assert touched(database, NOW + HOUR - SECOND)
    written(database, lambda unit: unit.end_session("ref-1", EndReason.SIGNED_OUT, NOW))
    assert not touched(database, NOW + HOUR - SECOND / 2)
    stored = database.read.session_by_ref("ref-1")
    assert stored is not None
    assert stored.last_seen_at == stored.person.last_seen_at == NOW + HOUR - SECOND


def test_the_moment_of_a_touch_is_read_when_the_unit_is_open_for_writing(database: Database) -> None:
    signed_in(database)
    from_micros = NOW + MINUTE

    def waited(_: Connection) -> None:
        nonlocal from_micros
        from_micros = NOW + 11 * MINUTE

    event.listen(database.engine, "begin", waited)
    try:
        result = written(database, lambda unit: unit.touch_session("ref-1", lambda: from_micros, idle=10 * MINUTE))
    finally:
        event.remove(database.engine, "begin", waited)
    assert (from_micros, result) == (NOW + 11 * MINUTE, False)


def test_one_holds_the_refresh_lease_until_it_ends(database: Database) -> None:
    signed_in(database)

    def take(owner: str, now: datetime) -> SealedTokens | None:
        with database.unit_of_work() as unit:
            lease = unit.take_refresh_lease("ref-1", owner, now, now + 10 * SECOND)
            unit.commit()
        return lease

    lease = take("one", NOW)
    assert lease is not None
    assert (lease.sealed, lease.lease_owner, lease.lease_until) == (b"sealed ref-1", "one", NOW + 10 * SECOND)
    assert take("two", NOW + SECOND) is None
    assert take("one", NOW + SECOND) is not None
    assert take("two", NOW + 11 * SECOND) is not None
    assert take("one", NOW + 12 * SECOND) is None
    written(database, lambda unit: unit.release_refresh_lease("ref-1", "one"))
    assert take("one", NOW + 12 * SECOND) is None, "only the owner releases it"
    written(database, lambda unit: unit.release_refresh_lease("ref-1", "two"))
    assert take("one", NOW + 12 * SECOND) is not None
    written(database, lambda unit: unit.end_session("ref-1", EndReason.SIGNED_OUT, NOW))
    assert take("one", NOW + HOUR) is None, "an ended session is not refreshed"


def test_refreshed_tokens_are_stored_by_the_leases_owner_only(database: Database) -> None:
    signed_in(database)

    def store(owner: str) -> bool:
        with database.unit_of_work() as unit:
            stored = unit.store_refreshed(
                "ref-1",
                owner,
                sealed=b"fresh",
                access_token_hash=digest("fresh"),
                access_expires_at=NOW + 2 * HOUR,
                now=NOW + HOUR,
            )
            unit.commit()
        return stored

    assert not store("one")
    written(database, lambda unit: unit.take_refresh_lease("ref-1", "one", NOW, NOW + SECOND))
    assert not store("two")
    assert store("one")
    kept = database.read.sealed_tokens("ref-1")
    assert kept is not None
    assert (kept.sealed, kept.access_expires_at, kept.rights_synced_at) == (b"fresh", NOW + 2 * HOUR, NOW + HOUR)
    assert (kept.lease_owner, kept.lease_until) == ("", None)
    for token in ("fresh", "token ref-1"):
        assert database.read.bearer_facts(digest(token), ANN, "our-client").session is not None
    written(database, lambda unit: unit.take_refresh_lease("ref-1", "one", NOW, NOW + SECOND))
    written(database, lambda unit: unit.end_session("ref-1", EndReason.SIGNED_OUT, NOW))
    assert not store("one"), "signed out meanwhile"
    assert database.read.sealed_tokens("ref-1") is None


def test_bearer_facts(database: Database) -> None:
    signed_in(database)
    version = database.read.policy_version()
    facts = database.read.bearer_facts(digest("token ref-1"), ANN, "our-client")
    assert facts.session == database.read.session_by_ref("ref-1")
    assert (facts.person, facts.own_client, facts.policy_version) == (database.read.person(ANN), True, version)
    other = database.read.bearer_facts(digest("another"), ANN, "another-client")
    assert (other.session, other.person, other.own_client) == (None, database.read.person(ANN), False)
    unknown = database.read.bearer_facts(digest("another"), BOB, "our-client")
    assert (unknown.session, unknown.person, unknown.own_client) == (None, None, True)
    assert database.read.bearer_facts(digest("token ref-1"), BOB, "our-client").session is None, (
        "not that subject's token"
    )
    elsewhere = Subject("https://elsewhere.example/", ANN.subject)
    assert not database.read.bearer_facts(digest("x"), elsewhere, "our-client").own_client
    hostile = database.read.bearer_facts(digest("x"), Subject(ISSUER, "a\x00\ud800"), "our-client")
    assert (hostile.session, hostile.person, hostile.policy_version) == (None, None, version)


def test_a_login_state_is_consumed_once_and_deleted_when_expired(database: Database) -> None:

    def consume(name: str, expires: datetime, now: datetime) -> bool:
        return bool(written(database, lambda unit: unit.consume_once(digest(name), expires, now)))

    assert consume("a", NOW + SECOND, NOW)
    assert not consume("a", NOW + SECOND, NOW)
    assert consume("b", NOW + HOUR, NOW + 2 * SECOND)
    assert consume("a", NOW + HOUR, NOW + 2 * SECOND), "expired, so deleted"
    assert not consume("b", NOW + HOUR, NOW + 2 * SECOND)


def test_purging_deletes_expired_rows_only(database: Database) -> None:
    signed_in(database, "live", access_expires_at=NOW - 2 * HOUR)
    signed_in(database, "over", expires_at=NOW - timedelta(days=31))
    signed_in(database, "ended")
    signed_in(database, "recent", expires_at=NOW - timedelta(days=29))
    with database.unit_of_work() as unit:
        unit.end_session("ended", EndReason.SIGNED_OUT, NOW - timedelta(days=31))
        unit.consume_once(digest("a"), NOW - SECOND, NOW - HOUR)
        unit.commit()
    assert written(database, lambda unit: unit.purge(NOW)) == 4
    assert [database.read.session_by_ref(ref) is not None for ref in ("live", "over", "ended", "recent")] == [
        True,
        False,
        False,
        True,
    ]
    assert database.read.bearer_facts(digest("token live"), ANN, "our-client").session is None
    assert written(database, lambda unit: unit.purge(NOW)) == 0
