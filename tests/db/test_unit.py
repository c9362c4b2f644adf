"""The unit of work itself: kept only when committed, one at a time, and over when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core.audit import AuditKind, Outcome
from app.core.errors import StorageUnavailable
from app.core.ports import Reader, Storage
from app.core.records import EndReason, Person
from db import Database, verify_chain
from tests.db.builders import ANN, BOB, NOW, event, grant, new_session, signed_in, stepped_up, token_rights, written

NAIVE = datetime(2026, 3, 1, 12, 0)  # noqa: DTZ001 - what must be refused


def test_the_database_implements_the_storage_port(database: Database) -> None:
    storage: Storage = database  # checked by mypy
    with storage.unit_of_work() as unit:
        unit.commit()
    reader: Reader = storage.read
    assert reader.policy_version() > 0


def test_without_a_commit_nothing_is_stored(database: Database) -> None:
    version = database.read.policy_version()
    with database.unit_of_work() as unit:
        unit.save_person(Person(ANN, "Ann"), NOW)
        unit.add_grant(grant("viewer"), NOW)
        unit.record(event())

    def fail() -> None:
        with database.unit_of_work() as unit:
            unit.save_person(Person(BOB, "Bob"), NOW)
            unit.record(event())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert database.read.person(ANN) is None
    assert database.read.person(BOB) is None
    assert database.read.policy_version() == version
    assert verify_chain(database).events == 0


def test_a_unit_that_does_nothing_needs_no_transaction(database: Database) -> None:
    with database.unit_of_work(), database.unit_of_work() as inner:
        inner.commit()


def test_a_unit_is_closed_after_commit(database: Database) -> None:
    with database.unit_of_work() as unit:
        unit.commit()
        with pytest.raises(RuntimeError, match="closed"):
            unit.commit()
        with pytest.raises(RuntimeError, match="closed"):
            unit.record(event())
        with pytest.raises(RuntimeError, match="closed"):
            unit.session_by_ref("x")


def test_a_nested_unit_of_work_is_refused_at_once(database: Database) -> None:
    with database.unit_of_work() as unit:
        unit.save_person(Person(ANN), NOW)
        with pytest.raises(RuntimeError, match="open already"), database.unit_of_work() as inner:
            inner.save_person(Person(BOB), NOW)
        unit.commit()
    assert database.read.person(ANN) is not None


def test_the_version_and_the_audit_move_with_the_change(database: Database) -> None:
    version = database.read.policy_version()
    with database.unit_of_work() as unit:
        unit.add_grant(grant("viewer"), NOW)
        unit.add_grant(grant("analyst"), NOW)
        unit.record(event(AuditKind.GRANT_ADD))
        unit.record(event(AuditKind.GRANT_ADD))
        unit.commit()
    assert database.read.policy_version() == version + 1
    assert verify_chain(database).events == 2


def test_a_commit_that_cannot_write_its_audit_keeps_nothing(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_events RENAME TO audit_away")

    def change() -> None:
        with database.unit_of_work() as unit:
            unit.add_grant(grant("viewer"), NOW)
            unit.record(event(AuditKind.GRANT_ADD))
            unit.commit()

    with pytest.raises(StorageUnavailable):
        change()
    assert database.read.person(ANN) is None
    assert not database.read.grants(ANN, NOW).roles


def test_naive_times_are_refused_everywhere(database: Database) -> None:
    signed_in(database)
    with database.unit_of_work() as unit:
        calls: list[Any] = [
            lambda: database.read.grants(ANN, NAIVE),
            lambda: database.read.sessions_of(ANN, NAIVE),
            lambda: unit.record(event(at=NAIVE)),
            lambda: unit.save_person(Person(ANN), NAIVE),
            lambda: unit.record_subject(ANN, NAIVE, machine=False),
            lambda: unit.begin_session(new_session("x"), NAIVE),
            lambda: unit.begin_session(new_session("x", expires_at=NAIVE), NOW),
            lambda: unit.begin_session(new_session("x", access_expires_at=NAIVE), NOW),
            lambda: unit.begin_session(new_session("x", authenticated_at=NAIVE), NOW),
            lambda: unit.end_session("ref-1", EndReason.EXPIRED, NAIVE),
            lambda: unit.end_sessions_of(ANN, EndReason.EXPIRED, NAIVE),
            lambda: unit.touch_session("ref-1", lambda: NAIVE, idle=timedelta(hours=1)),
            lambda: unit.take_refresh_lease("ref-1", "me", NAIVE, NOW),
            lambda: unit.take_refresh_lease("ref-1", "me", NOW, NAIVE),
            lambda: unit.store_refreshed(
                "ref-1", "me", sealed=b"", access_token_hash=b"", access_expires_at=NAIVE, now=NOW
            ),
            lambda: unit.step_up_session(stepped_up(), NAIVE),
            lambda: unit.step_up_session(stepped_up(authenticated_at=NAIVE), NOW),
            lambda: unit.step_up_session(stepped_up(access_expires_at=NAIVE), NOW),
            lambda: unit.consume_once(b"x", NAIVE, NOW),
            lambda: unit.consume_once(b"x", NOW, NAIVE),
            lambda: unit.sync_token_rights(ANN, token_rights(at=NAIVE), implicit_role_mapping=True, now=NOW),
            lambda: unit.sync_token_rights(ANN, token_rights(), implicit_role_mapping=True, now=NAIVE),
            lambda: unit.add_grant(grant("viewer"), NAIVE),
            lambda: unit.add_grant(grant("viewer", expires_at=NAIVE), NOW),
            lambda: unit.revoke_grant(grant("viewer"), NAIVE),
            lambda: unit.administrators(NAIVE),
            lambda: unit.purge(NAIVE),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="zone"):
                call()


def test_times_of_other_zones_come_back_as_utc(database: Database) -> None:
    from datetime import timezone

    local = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    written(database, lambda unit: unit.save_person(Person(ANN), local))
    stored = database.read.person(ANN)
    assert stored is not None
    assert stored.last_seen_at == NOW
    assert stored.last_seen_at.utcoffset() == timedelta(0)


def test_usage_counts_by_utc_day(database: Database) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    tick = timedelta(microseconds=1)
    today = midnight.date()
    day = timedelta(days=1)
    with database.unit_of_work() as unit:
        for kind, at, outcome in (
            (AuditKind.SESSION_BEGIN, midnight, Outcome.SUCCEEDED),
            (AuditKind.SESSION_BEGIN, midnight + day - tick, Outcome.SUCCEEDED),
            (AuditKind.SESSION_BEGIN, midnight, Outcome.FAILED),
            (AuditKind.SESSION_BEGIN, midnight - tick, Outcome.SUCCEEDED),
            (AuditKind.PAGE_DENY, midnight, Outcome.REFUSED),
            (AuditKind.FUNCTION_DENY, midnight, Outcome.REFUSED),
            (AuditKind.ENDPOINT_DENY, midnight, Outcome.REFUSED),
            (AuditKind.BEARER_REFUSE, midnight, Outcome.REFUSED),
            (AuditKind.PAGE_DENY, midnight + day, Outcome.REFUSED),
        ):
            unit.record(event(kind, at, outcome=outcome, actor="known subject"))
        unit.record(event(AuditKind.ENDPOINT_DENY, midnight, outcome=Outcome.REFUSED, details={"count": 10_000}))
        unit.add_page_views({(today, "/"): 2, (today, "/reports"): 1})
        unit.add_page_views({(today, "/"): 3, (today - day, "/"): 1})
        unit.commit()
    before, stored, after = database.read.usage(today - day, today + day)
    assert (before.day, before.sign_ins, before.refusals, before.page_views) == (today - day, 1, 0, {"/": 1})
    assert (stored.day, stored.sign_ins, stored.refusals, stored.page_views) == (today, 2, 3, {"/": 5, "/reports": 1})
    assert (after.day, after.sign_ins, after.refusals, after.page_views) == (today + day, 0, 1, {})
    assert [entry.day for entry in database.read.usage(today, today)] == [today]
    assert database.read.usage(today, today - day) == ()
