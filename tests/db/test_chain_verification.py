"""Verifying the audit chain: what is wrong is named, with and without checkpoints; what is right is not."""

from __future__ import annotations

import threading
import tracemalloc

import pytest
from sqlalchemy import Connection, select, text

from app.core.chain_problems import ChainProblem, ProblemKind
from app.core.errors import SecretMismatch, StorageUnavailable
from app.core.keyring import Keyring
from db import ChainState, Database, verify_chain
from db.audit_chain import chain_events
from db.models import audit_events, audit_head
from tests.db.builders import KEYRING, behind_its_back, event, opened, recorded, written
from tests.db.processes import output_of, two_at_once
from tests.db.tampering import problems_of, signed

K = ProblemKind


def test_an_empty_chain_and_a_good_one(database: Database) -> None:
    assert verify_chain(database) == ChainState()
    recorded(database)
    assert verify_chain(database) == ChainState(events=5, first_seq=1, last_seq=5)
    with database.unit_of_work() as unit:
        for _ in range(4500):
            unit.record(event())
        unit.commit()
    state = verify_chain(database, signed(database))
    assert state == ChainState(events=4505, first_seq=1, last_seq=4505, checkpoints=1)
    assert state.good


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["UPDATE audit_events SET actor = 'attacker' WHERE seq = 3"], [("edited", 3)]),
        (["UPDATE audit_events SET at = at + 1 WHERE seq = 3"], [("edited", 3)]),
        (["UPDATE audit_events SET details = '{}' WHERE seq = 1"], [("edited", 1)]),
        (["UPDATE audit_events SET target = reason, reason = target || 'x' WHERE seq = 2"], [("edited", 2)]),
        (["UPDATE audit_events SET mac = prev_mac WHERE seq = 3"], [("edited", 3)]),
        (["UPDATE audit_events SET prev_mac = mac WHERE seq = 3"], [("edited", 3)]),
        (["UPDATE audit_events SET actor = 'x' WHERE seq IN (2, 5)"], [("edited", 2), ("edited", 5)]),
        (["DELETE FROM audit_events WHERE seq = 3"], [("removed", 3)]),
        (["DELETE FROM audit_events WHERE seq = 1"], [("removed", 1)]),
        (["DELETE FROM audit_events WHERE seq IN (2, 3)"], [("removed", 2)]),
        (
            [
                "DELETE FROM audit_events WHERE seq = 3",
                "UPDATE audit_events SET seq = 3 WHERE seq = 4",
                "UPDATE audit_events SET seq = 4 WHERE seq = 5",
                "UPDATE audit_head SET seq = 4",
            ],
            [("reordered", 3), ("reordered", 4), ("head", None)],
        ),
        (
            [
                "UPDATE audit_events SET seq = 99 WHERE seq = 3",
                "UPDATE audit_events SET seq = 3 WHERE seq = 4",
                "UPDATE audit_events SET seq = 4 WHERE seq = 99",
            ],
            [("reordered", 3), ("reordered", 4)],
        ),
        (["DELETE FROM audit_events WHERE seq = 5"], [("cut", 5)]),
        (["DELETE FROM audit_events WHERE seq > 2"], [("cut", 3)]),
        (["DELETE FROM audit_events"], [("cut", 1)]),
        (
            [
                "UPDATE audit_head SET seq = 3, mac = (SELECT mac FROM audit_events WHERE seq = 3)",
                "DELETE FROM audit_events WHERE seq > 3",
            ],
            [("head", None)],
        ),
        (["UPDATE audit_head SET seq = 3"], [("head", None)]),
        (["UPDATE audit_head SET seal = mac"], [("head", None)]),
        (["DELETE FROM audit_head"], [("head", None)]),
        (["UPDATE audit_events SET seq = -3 WHERE seq = 3"], [("edited", -3), ("removed", 3)]),
    ],
)
def test_each_kind_of_tampering_is_named(
    database: Database, statements: list[str], named: list[tuple[str, int | None]]
) -> None:
    recorded(database)
    behind_its_back(database, *statements)
    assert problems_of(database) == named


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (ChainProblem(K.REMOVED, 3, 3), "Event 3 was removed."),
        (ChainProblem(K.REMOVED, 3, 5), "Events 3 to 5 were removed."),
        (ChainProblem(K.CUT, 5, 5), "The end is cut off: event 5 was removed."),
        (
            ChainProblem(K.REORDERED, 3, original_seq=4),
            "Event 4 stands in the place of event 3: events were put in another order.",
        ),
    ],
)
def test_sentences(problem: ChainProblem, sentence: str) -> None:
    assert str(problem) == sentence


def test_every_sentence_is_filled_in() -> None:
    for kind in ProblemKind:
        sentence = str(ChainProblem(kind, 1, 2, 3, "note"))
        assert "{" not in sentence
        assert sentence.endswith(".")


def test_events_from_another_copy_do_not_follow(database: Database) -> None:
    """Two chains with one secret, as after a restored backup: an event of the one does not fit into the other."""
    recorded(database)
    other = chain_events(KEYRING, 0, b"", [event(actor="other")] * 5)
    row = {name: value for name, value in other[2].items() if name != "seq"}

    def exchange(connection: Connection) -> None:
        connection.execute(audit_events.update().where(audit_events.c.seq == 3).values(**row))

    names = ["audit_events_no_update"]
    behind = "" if database.engine.dialect.name == "sqlite" else " ON audit_events"
    with database.engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}{behind}")
        exchange(connection)
    assert problems_of(database) == [("unprotected", None), ("misplaced", 3), ("misplaced", 4)]


def test_a_process_with_another_secret_writes_nothing(durable: Database, url: str) -> None:
    recorded(durable)
    other_installation = opened(url, keyring=Keyring(["x" * 40]))
    try:
        with pytest.raises(SecretMismatch, match="old,new, then new,old, then new"):
            recorded(other_installation, 1)
        with pytest.raises(SecretMismatch, match="gatehouse secret status"):
            other_installation.check()
    finally:
        other_installation.close()
    assert verify_chain(durable) == ChainState(events=5, first_seq=1, last_seq=5)


def test_of_very_many_problems_some_are_named(database: Database) -> None:
    with database.unit_of_work() as unit:
        for _ in range(3000):
            unit.record(event())
        unit.commit()
    database.keyring = Keyring(["x" * 40])
    state = verify_chain(database)
    assert (len(state.problems), state.complete, state.events) == (20, False, 20)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "CAST(X'ff' AS TEXT)"),
        ("actor", "X'ff'"),
        ("details", "12.5"),
        ("at", "'yesterday'"),
        ("mac", "'text'"),
        ("prev_mac", "9"),
        ("kind", "''"),
    ],
)
def test_values_of_a_wrong_type_are_an_edited_event(file_database: Database, column: str, value: str) -> None:
    """SQLite stores anything anywhere."""
    recorded(file_database)
    behind_its_back(file_database, f"UPDATE audit_events SET {column} = {value} WHERE seq = 3")  # noqa: S608 - our own
    assert problems_of(file_database) == [("edited", 3)]
    behind_its_back(file_database, "UPDATE audit_head SET seal = 'text', mac = 7")
    assert problems_of(file_database) == [("edited", 3), ("head", None)]
    recorded(file_database, 1)


def test_it_can_be_verified_while_two_processes_append(durable: Database, url: str) -> None:
    code = """
import sys
from tests.db.builders import *
database = opened(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(150):
    written(database, lambda unit: [unit.record(event()) for _ in range(3)])
database.close()
"""
    processes = two_at_once(code, url)
    verifications = 0
    while any(process.poll() is None for process in processes):
        state = verify_chain(durable, signed(durable))
        assert state.problems == ()
        verifications += 1
    assert [output_of(process) for process in processes] == ["", ""]
    assert verify_chain(durable).events == 900
    print(f"verified {verifications} times while two processes wrote 900 events")


def test_its_memory_does_not_grow_with_the_events(file_database: Database) -> None:
    def peak() -> int:
        tracemalloc.start()
        try:
            assert verify_chain(file_database).good
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def fill(count: int) -> None:
        with file_database.unit_of_work() as unit:
            for _ in range(count):
                unit.record(event())
            unit.commit()

    fill(4_000)
    small = peak()
    for _ in range(4):
        fill(8_000)
    large = peak()
    print(f"peak of memory: {small / 1e6:.1f} MB for 4,000 events, {large / 1e6:.1f} MB for 36,000")
    assert large < 1.5 * small


def test_a_database_that_goes_away_is_not_a_broken_chain(durable: Database) -> None:
    recorded(durable)
    durable.close()
    with pytest.raises(StorageUnavailable):
        verify_chain(durable)


def test_units_in_threads_keep_the_chain(database: Database) -> None:
    def write() -> None:
        for _ in range(20):
            written(database, lambda unit: unit.record(event()))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify_chain(database) == ChainState(events=160, first_seq=1, last_seq=160)
    with database.engine.connect() as connection:
        assert connection.execute(select(audit_head.c.seq)).scalar_one() == 160
        assert connection.execute(text("SELECT count(*) FROM audit_events")).scalar_one() == 160
