"""Many at once, in threads and in a second process: one row, one winner, one holder, and never "database is locked"."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.audit import AuditKind
from app.core.errors import StorageUnavailable
from app.core.principal import Subject
from app.core.records import EndReason, Person
from db import Database, verify_chain
from db.models import grants
from tests.db.builders import ANN, ISSUER, NOW, SECOND, digest, event, grant, signed_in, token_rights, written
from tests.db.processes import output_of, two_at_once


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work(0…)`` in as many threads, all starting together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def in_two_processes(url: str, work: str, *, count: int = 20) -> list[str]:
    """Run ``work`` (sees ``database`` and ``number``) ``count`` times in threads of two processes; what they print."""
    code = f"""
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from tests.db.builders import *
from app.core.records import Person
database = opened(sys.argv[1])
barrier = threading.Barrier({count})
def run(number):
    barrier.wait()
    return ({work})
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor({count}) as pool:
    for result in pool.map(run, range({count})):
        print(result)
database.close()
"""
    lines: list[str] = []
    for process in two_at_once(code, url):
        lines += output_of(process).split()
    return lines


def test_fifty_equal_grants_are_one_row_and_one_event(database: Database) -> None:
    version = database.read.policy_version()

    def add(_: int) -> bool:
        with database.unit_of_work() as unit:
            added = unit.add_grant(grant("viewer"), NOW)
            if added:
                unit.record(event(AuditKind.GRANT_ADD))
            unit.commit()
        return added

    assert sum(at_once(50, add)) == 1
    with database.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(grants)).scalar() == 1
    assert database.read.policy_version() == version + 1
    assert verify_chain(database).events == 1


def test_equal_grants_from_two_processes(durable: Database, url: str) -> None:
    results = in_two_processes(url, "written(database, lambda unit: unit.add_grant(grant('viewer'), NOW))")
    assert (results.count("True"), results.count("False")) == (1, 39)
    assert set(durable.read.grants(ANN, NOW).roles) == {"viewer"}


def test_a_login_state_raced_has_one_winner(database: Database) -> None:
    def consume(_: int) -> bool:
        return bool(written(database, lambda unit: unit.consume_once(digest("state"), NOW + SECOND, NOW)))

    assert sum(at_once(20, consume)) == 1


def test_a_login_state_raced_by_two_processes_has_one_winner(url: str) -> None:
    results = in_two_processes(url, "written(database, lambda unit: unit.consume_once(b'state', NOW + SECOND, NOW))")
    assert results.count("True") == 1


def test_a_lease_raced_has_one_holder(database: Database) -> None:
    signed_in(database)

    def take(number: int) -> bool:
        with database.unit_of_work() as unit:
            lease = unit.take_refresh_lease("ref-1", f"owner {number}", NOW, NOW + 10 * SECOND)
            unit.commit()
        return lease is not None

    assert sum(at_once(20, take)) == 1


def test_a_lease_raced_by_two_processes_has_one_holder(durable: Database, url: str) -> None:
    signed_in(durable)
    results = in_two_processes(
        url,
        "written(database, lambda unit: unit.take_refresh_lease('ref-1', f'{id(database)}/{number}/{sys.argv}/'"
        " + str(__import__('os').getpid()), NOW, NOW + 10 * SECOND)) is not None",
    )
    assert results.count("True") == 1


def test_two_processes_writing_all_the_time_never_fail_and_keep_the_chain(durable: Database, url: str) -> None:
    work = (
        "[written(database, lambda unit: (unit.save_person(Person(Subject(ISSUER, f'{number}-{turn}')), NOW),"
        " unit.record(event()))) and 1 for turn in range(10)] and database.read.policy_version() and 'done'"
    )
    results = in_two_processes(url, work.replace("Subject(", "ANN.__class__("), count=8)
    assert results == ["done"] * 16
    state = verify_chain(durable)
    assert (state.good, state.events) == (True, 160)


def test_readers_and_writers_at_once(database: Database) -> None:
    signed_in(database)

    def work(number: int) -> bool:
        for turn in range(10):
            if number % 2:
                with database.unit_of_work() as unit:
                    subject = Subject(ISSUER, f"{number}-{turn}")
                    unit.save_person(Person(subject), NOW)
                    unit.sync_token_rights(subject, token_rights("viewer"), implicit_role_mapping=True, now=NOW)
                    unit.record(event())
                    unit.commit()
            else:
                session = database.read.session_by_ref("ref-1")
                assert session is not None
                assert database.read.bearer_facts(digest("token ref-1"), ANN, "our-client").session is not None
                database.read.usage(NOW.date(), NOW.date())
        return True

    assert all(at_once(24, work))
    assert verify_chain(database).events == 120


def test_a_sign_out_and_a_refresh_at_once_leave_no_tokens(database: Database) -> None:
    for turn in range(10):
        ref = f"ref-{turn}"
        signed_in(database, ref)
        with database.unit_of_work() as unit:
            unit.take_refresh_lease(ref, "me", NOW, NOW + SECOND)
            unit.commit()

        def work(number: int, ref: str = ref) -> Any:
            with database.unit_of_work() as unit:
                if number:
                    done = unit.end_session(ref, EndReason.SIGNED_OUT, NOW)
                else:
                    done = unit.store_refreshed(
                        ref,
                        "me",
                        sealed=b"fresh",
                        access_token_hash=digest(f"fresh {ref}"),
                        access_expires_at=NOW + SECOND,
                        now=NOW,
                    )
                unit.commit()
            return done

        at_once(2, work)
        assert database.read.sealed_tokens(ref) is None


def test_the_last_administrator_can_be_counted_on_under_races(database: Database) -> None:
    subjects = [Subject(ISSUER, f"admin {number}") for number in range(12)]
    with database.unit_of_work() as granting:
        for subject in subjects:
            granting.add_grant(grant("administrator", subject=subject), NOW)
        granting.commit()

    def step_down(number: int) -> bool:
        with database.unit_of_work() as unit:
            if len(unit.administrators(NOW)) < 2:
                return False
            unit.revoke_grant(grant("administrator", subject=subjects[number]), NOW)
            unit.commit()
        return True

    assert sum(at_once(12, step_down)) == 11
    with database.unit_of_work() as unit:
        assert len(unit.administrators(NOW)) == 1


def test_many_threads_that_come_and_go_share_few_connections(durable: Database) -> None:
    for _ in range(5):
        at_once(30, lambda _: durable.read.policy_version())
    assert len(durable._read_connections._idle) <= 16  # type: ignore[attr-defined] # the kept ones
    assert durable._read_connections._open == len(durable._read_connections._idle)  # type: ignore[attr-defined] # none got lost


class ReportingLock:
    """A lock of ``threading`` that reports when a thread is about to acquire it."""

    def __init__(self, lock: Any, asked_for: threading.Event) -> None:
        self._lock = lock
        self._asked_for = asked_for
        self.release = lock.release

    def acquire(self, timeout: float) -> bool:
        self._asked_for.set()
        return bool(self._lock.acquire(timeout=timeout))


def test_closing_waits_for_the_unit_of_another_thread(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite crashes the process when a connection is closed during a statement."""
    in_unit, is_closing = threading.Event(), threading.Event()
    unit_open: list[bool] = []

    def write() -> None:
        with database.unit_of_work() as unit:
            unit.save_person(Person(ANN, "Ann"), NOW)
            in_unit.set()
            is_closing.wait()
            unit.commit()

    def dispose() -> None:
        unit_open.append(database._write_lock._unit_open)
        is_closing.set()

    monkeypatch.setattr(database.engine, "dispose", dispose)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        in_unit.wait()
        monkeypatch.setattr(database._write_lock, "_lock", ReportingLock(database._write_lock._lock, is_closing))
        database.close()
        writing.result()
    assert unit_open == [False]


def test_a_closed_database_refuses_units_of_work(database: Database) -> None:
    """They would open a new connection that nothing closes; in memory, even a new and empty database."""
    database.close()
    with pytest.raises(StorageUnavailable, match="closed"), database.unit_of_work() as unit:
        unit.save_person(Person(ANN, "Ann"), NOW)
    database.close()  # again: nothing happens
