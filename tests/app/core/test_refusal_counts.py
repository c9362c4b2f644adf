"""Failures of anonymous clients: counted, bounded in memory and rows, written in the background and at the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import services as composition
from app import testing
from app.core import correlation
from app.core.audit import AuditKind, Outcome
from app.core.errors import StorageUnavailable
from app.core.keyring import Keyring
from app.core.refusal_counts import MANY, MAX_KEYS, MAX_ROWS, RefusalCounts
from db import Database, open_database
from db.database import DatabaseUnitOfWork
from tests.clock import FakeClock
from tests.waiting import wait_until


@pytest.fixture
def database() -> Iterator[Database]:
    opened = open_database(testing.settings(), Keyring(["k" * 40]))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def rows(database: Database) -> list[dict[str, Any]]:
    with database.engine.connect() as connection:
        events = connection.execute(text("SELECT * FROM audit_events ORDER BY seq")).mappings().all()
    return [{**row, "details": json.loads(row["details"])} for row in events]


def total(database: Database) -> int:
    return sum(row["details"]["count"] for row in rows(database))


def test_one_row_for_each_kind_reason_address_and_minute(database: Database, clock: FakeClock) -> None:
    refusals = RefusalCounts(database, clock=clock)
    first = correlation.begin()
    for _ in range(100):
        refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address="203.0.113.1")
        correlation.begin()
    refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address="203.0.113.2")
    refusals.record(AuditKind.LOGIN_REFUSE, "state-mismatch", address="203.0.113.1", outcome=Outcome.FAILED)
    refusals.record(AuditKind.BEARER_REFUSE, "token-invalid", address="203.0.113.1")
    assert rows(database) == []
    refusals.close()
    refusals.close()
    counted = {(row["kind"], row["reason"], row["address"]): row for row in rows(database)}
    assert len(counted) == 4
    assert total(database) == 103
    many = counted["app:login:refuse", "access_denied", "203.0.113.1"]
    assert many["correlation_id"] == first
    assert many["outcome"] == "refused"
    assert counted["app:login:refuse", "state-mismatch", "203.0.113.1"]["outcome"] == "failed"
    assert all(row["actor"] == "nobody" and row["correlation_id"] for row in counted.values())


def test_each_minute_has_its_own(database: Database, clock: FakeClock) -> None:
    refusals = RefusalCounts(database, clock=clock)
    for _ in range(3):
        refusals.record(AuditKind.BEARER_REFUSE, "token-invalid", address="203.0.113.1")
        clock.move(seconds=60)
    refusals.close()
    assert [row["details"] for row in rows(database)] == [{"count": 1}] * 3


def test_any_number_of_addresses_and_reasons_is_a_bounded_number_of_rows(database: Database, clock: FakeClock) -> None:
    refusals = RefusalCounts(database, clock=clock)
    for number in range(10_000):
        refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address=f"2001:db8::{number:x}")
        assert refusals.waiting() <= MAX_KEYS + 1
    for number in range(10_000):
        clock.move(seconds=1)
        for kind in AuditKind:
            refusals.record(kind, f"reason {number}", address=f"2001:db8::{number:x}")
    assert refusals.waiting() <= MAX_ROWS
    refusals.close()
    assert len(rows(database)) <= MAX_ROWS
    assert any(row["address"] == MANY for row in rows(database))
    assert total(database) == 10_000 + 10_000 * len(AuditKind)
    print(f"{total(database):,} failures of 20,000 addresses: {len(rows(database))} rows")


class Failing:
    """A database that cannot be written for a while."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.down = True
        self.tries = 0

    def unit_of_work(self) -> AbstractContextManager[Any]:
        self.tries += 1
        if self.down:
            raise StorageUnavailable
        return self._database.unit_of_work()


def test_counts_wait_bounded_until_storage_answers_again(database: Database, clock: FakeClock) -> None:
    storage: Any = Failing(database)
    refusals = RefusalCounts(storage, clock=clock)
    for _ in range(500):
        clock.move(seconds=60)
        refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address="203.0.113.1")
        refusals.flush()
        assert refusals.waiting() <= MAX_ROWS
    storage.down = False
    refusals.close()
    assert total(database) == 500
    oldest = min(row["at"] for row in rows(database))
    assert clock().timestamp() * 1_000_000 - oldest > timedelta(minutes=490) / timedelta(microseconds=1)


def test_it_is_written_by_itself_outside_of_the_request_and_not_more_often(database: Database) -> None:
    storage: Any = Failing(database)
    storage.down = False
    refusals = RefusalCounts(storage, every_seconds=0.3)
    started = time.monotonic()

    def written_twice() -> bool:
        refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address="203.0.113.1")
        return bool(storage.tries >= 2)

    wait_until(written_twice)
    assert storage.tries == 2
    assert time.monotonic() - started >= 2 * 0.3
    refusals.close()
    assert "refusals" not in {thread.name for thread in threading.enumerate()}


def test_the_app_writes_them_when_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = testing.settings()
    database = open_database(settings, Keyring(settings.secrets))
    built = composition.build(settings, storage=database)
    written: list[list[dict[str, Any]]] = []
    monkeypatch.setattr(database, "close", lambda: written.append(rows(database)))
    built.refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address="203.0.113.1")
    built.close()
    assert [row["details"] for row in written[0]] == [{"count": 1}]
    monkeypatch.undo()
    database.close()


def test_the_first_of_a_refusal_counts_although_the_storage_was_away(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = RefusalCounts(database, clock=clock)
    first = correlation.begin()
    refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address="203.0.113.1")

    def later(_unit: object, _event: object) -> None:
        clock.move(seconds=1)
        correlation.begin()
        refusals.record(AuditKind.LOGIN_REFUSE, "access_denied", address="203.0.113.1")
        raise StorageUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseUnitOfWork, "record", later)
        refusals.flush()
    refusals.close()
    (row,) = rows(database)
    assert (row["correlation_id"], row["details"]) == (first, {"count": 2})
