"""Processes announce themselves to the database: start, heartbeats, and processes that are gone."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from app.core.errors import SecretMismatch, StorageUnavailable
from app.core.keyring import Keyring
from app.core.records import AnnouncedProcess
from app.core.secret_keys import MISSED_BEATS, START_ATTEMPTS, SecretKeys, running_processes
from db import ChainState, verify_chain
from db.faults import BUSY
from db.timeouts import SERVICE_TIMEOUTS
from tests.db.builders import NOW, opened
from tests.db.rotation import NEW, NEW_ID, OLD, OLD_ID, Start, write_key
from tests.waiting import wait_until


def test_a_process_that_was_considered_gone_writes_nothing_afterwards(start: Start) -> None:
    """A process that stopped for long while the others continued must not write what they would report as tampering."""
    stopped, app = start(OLD), start(NEW, OLD)
    app.writes()
    for _ in range(MISSED_BEATS + 1):
        app.keys.send_heartbeat()
    assert write_key(app.database) == NEW_ID
    with pytest.raises(SecretMismatch):
        stopped.writes()
    with pytest.raises(SecretMismatch):
        stopped.keys.send_heartbeat()
    app.writes()
    app.database.keyring = Keyring([NEW, OLD])
    assert verify_chain(app.database) == ChainState(events=3, first_seq=1, last_seq=3)


def test_a_process_counts_as_gone_by_its_counter_and_by_no_clock(start: Start) -> None:
    crashed, app = start(OLD), start(NEW, OLD)
    for _ in range(MISSED_BEATS - 1):
        app.keys.send_heartbeat()
    assert app.keyring.write_key == OLD_ID
    crashed.keys.send_heartbeat()
    for _ in range(MISSED_BEATS):
        app.keys.send_heartbeat()
    assert app.keyring.write_key == OLD_ID, "it lived meanwhile"
    app.keys.send_heartbeat()
    assert app.keyring.write_key == NEW_ID


def test_a_database_that_does_not_answer_withdraws_no_process(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    other, app = start(OLD), start(NEW, OLD)
    with monkeypatch.context() as patch:

        def away(*_: object) -> None:
            raise StorageUnavailable

        patch.setattr("db.secret_keys.SecretKeyWrites.announce", away)
        for _ in range(MISSED_BEATS * 3):
            with pytest.raises(StorageUnavailable):
                app.keys.send_heartbeat()
    app.keys.send_heartbeat()
    assert app.keyring.write_key == OLD_ID
    other.writes()
    assert verify_chain(other.database).good


def test_start_announces_and_close_withdraws(url: str) -> None:
    database = opened(url)
    keys = SecretKeys(database, database.keyring, "app", clock=lambda: NOW, new_id=lambda: "1f")
    keys.start()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "secret-keys"]
    assert thread.daemon, "a process that ends does not wait for it"
    with database.unit_of_work() as unit:
        assert unit.announced() == [AnnouncedProcess("1f", "app", (OLD_ID,), 1, NOW, NOW)]
    keys.close()
    keys.close()
    with database.unit_of_work() as unit:
        assert unit.announced() == []
    database.close()


IMPATIENT = replace(SERVICE_TIMEOUTS, lock_seconds=0.1)


def test_a_process_that_starts_waits_for_a_busy_database(url: str) -> None:
    """As behind a long change of another process; a gunicorn whose first beat fails does not come back."""
    busy, database = opened(url), opened(url, timeouts=IMPATIENT)
    pauses: list[float] = []
    with busy.unit_of_work() as unit:
        unit.write_key()

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == START_ATTEMPTS - 1:
                unit.commit()

        keys = SecretKeys(database, database.keyring, "app", clock=lambda: NOW, new_id=lambda: "1f", pause=pause)
        with structlog.testing.capture_logs() as lines:
            keys.start()
    assert pauses == [1.0] * 5
    # PostgreSQL's storage logs its errors too.
    waits = [line for line in lines if line["event"] == "the start waits for the database"]
    assert {(line["log_level"], line["process"], line["reason"]) for line in waits} == {("warning", "app", BUSY)}
    assert [line["attempts_left"] for line in waits] == [5, 4, 3, 2, 1]
    with database.unit_of_work() as reading:
        assert [process.id for process in reading.announced()] == ["1f"]
    keys.close()
    database.close()
    busy.close()


def test_a_database_that_stays_busy_is_explained(url: str) -> None:
    busy, database = opened(url), opened(url, timeouts=IMPATIENT)
    pauses: list[float] = []
    keys = SecretKeys(database, database.keyring, "app", clock=lambda: NOW, pause=pauses.append)
    with busy.unit_of_work() as unit:
        unit.write_key()
        with pytest.raises(StorageUnavailable, match="busy"):
            keys.start()
    assert pauses == [1.0] * 5
    database.close()
    busy.close()


def test_errors_that_waiting_cannot_fix_are_refused_at_once(start: Start, url: str) -> None:
    start(OLD)
    database = opened(url, keyring=Keyring([NEW]))
    pauses: list[float] = []
    with pytest.raises(SecretMismatch):
        SecretKeys(database, database.keyring, "app", clock=lambda: NOW, pause=pauses.append).start()
    assert pauses == []
    database.close()


def test_a_process_without_a_heartbeat_for_a_minute_is_not_running() -> None:
    app = AnnouncedProcess("1", "app", ("old",), 7, NOW, NOW - timedelta(seconds=60))
    killed = replace(app, id="2", seen_at=NOW - timedelta(seconds=61))
    ahead = replace(app, id="3", seen_at=NOW + timedelta(seconds=90))
    assert running_processes([app, killed, ahead], NOW) == [app, ahead]


def test_a_process_that_cannot_be_withdrawn_stops_and_reports_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable

    database = opened(url)
    keys = SecretKeys(database, database.keyring, "app", clock=lambda: NOW, new_id=lambda: "1f")
    keys.start()
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as lines:
        patch.setattr("db.secret_keys.SecretKeyWrites.withdraw", away)
        keys.close()
    assert [(line["log_level"], line["event"], line["process"]) for line in lines] == [
        ("info", "this process could not be withdrawn; the others will notice that it is gone", "app")
    ]
    with database.unit_of_work() as unit:
        assert [process.id for process in unit.announced()] == ["1f"], "the others notice its missing heartbeats"
    database.close()


@pytest.mark.parametrize(
    ("error", "level", "event"),
    [
        (SecretMismatch("another secret"), "error", "this process cannot write any more"),
        (StorageUnavailable("away"), "warning", "the keys of this process could not be announced"),
        (RuntimeError("unexpected"), "error", "the keys of this process could not be announced"),
    ],
)
def test_a_heartbeat_that_fails_is_reported_and_the_next_one_is_sent(
    url: str, monkeypatch: pytest.MonkeyPatch, error: Exception, level: str, event: str
) -> None:
    database = opened(url)
    keys = SecretKeys(
        database, database.keyring, "app", clock=lambda: NOW, new_id=lambda: "1f", heartbeat_seconds=0.001
    )
    failures = [error]
    send_heartbeat = keys.send_heartbeat

    def failing_once() -> None:
        if keys._thread is not None and failures:
            raise failures.pop()
        send_heartbeat()

    def heartbeats() -> int:
        with database.unit_of_work() as unit:
            return sum(process.heartbeats for process in unit.announced())

    monkeypatch.setattr(keys, "send_heartbeat", failing_once)
    with structlog.testing.capture_logs() as lines:
        keys.start()
        try:
            wait_until(lambda: not failures, description="a heartbeat fails")
            sent = heartbeats()
            wait_until(lambda: heartbeats() > sent, description="the next heartbeat is sent")
        finally:
            keys.close()
    (line,) = [line for line in lines if line["event"] == event]
    assert line["log_level"] == level
    assert line.get("process") == ("app" if isinstance(error, SecretMismatch) else None)
    assert line.get("reason", "") == getattr(error, "detail", "")
    assert bool(line.get("exc_info")) is isinstance(error, RuntimeError)
    database.close()
