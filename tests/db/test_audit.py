"""The audit chain: append-only by triggers, and telling when somebody went around them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.core.audit import AuditKind
from app.core.keyring import Keyring
from db import ChainState, Database, verify_chain
from db.models import audit_events, audit_head
from db.schema import missing_triggers
from tests.db.builders import NOW, SECOND, event, opened


def recorded(database: Database, count: int = 5) -> None:
    for number in range(count):
        with database.unit_of_work() as unit:
            unit.record(event(at=NOW + number * SECOND, actor=f"actor {number}", details={"n": number}))
            unit.commit()


def behind_its_back(database: Database, *statements: str) -> None:
    """Change the audit as somebody with the database's own rights could: triggers dropped first."""
    on_sqlite = database.engine.dialect.name == "sqlite"
    names = ["no_update", "no_delete", "only_append" if on_sqlite else "no_truncate"]
    with database.engine.begin() as connection:
        for name in names:
            table = "" if on_sqlite else " ON audit_events"
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS audit_events_{name}{table}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_empty_chain_and_a_good_one(database: Database) -> None:
    assert verify_chain(database) == ChainState(good=True, events=0)
    recorded(database)
    assert verify_chain(database) == ChainState(good=True, events=5)
    with database.unit_of_work() as unit:
        for _ in range(2500):
            unit.record(event())
        unit.commit()
    assert verify_chain(database) == ChainState(good=True, events=2505)


def test_events_are_stored_as_they_were(database: Database) -> None:
    with database.unit_of_work() as unit:
        unit.record(
            event(
                AuditKind.GRANT_ADD,
                actor="a",
                target="t",
                reason="r",
                correlation_id="c",
                address="192.0.2.1",
                details={"role": "viewer", "n": 1, "yes": True, "none": None},
            )
        )
        unit.commit()
    with database.engine.connect() as connection:
        row = connection.execute(select(audit_events)).one()
    assert (row.seq, row.at, row.kind, row.outcome) == (1, NOW, "policy:grant:add", "done")
    assert (row.actor, row.target, row.reason, row.correlation_id, row.address) == ("a", "t", "r", "c", "192.0.2.1")
    assert json.loads(row.details) == {"role": "viewer", "n": 1, "yes": True, "none": None}


def test_hostile_events_are_cleaned_and_bounded(database: Database) -> None:
    details: dict[str, Any] = {f"k{number}": "v" * 10_000 for number in range(100)} | {"last": 1}
    with database.unit_of_work() as unit:
        unit.record(event(actor="a\r\n\x00\x1b[31m\u202e\ud800b", target="x" * 10_000, details=details))
        unit.commit()
    with database.engine.connect() as connection:
        row = connection.execute(select(audit_events)).one()
    assert row.actor == "a[31mb"
    assert row.target == "x" * 500
    stored = json.loads(row.details)
    assert len(stored) == 20
    assert stored["k0"] == "v" * 500
    assert verify_chain(database).good


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'x'",
        "UPDATE audit_events SET actor = 'x' WHERE seq = 2",
        "DELETE FROM audit_events WHERE seq = 5",
        "DELETE FROM audit_events",
    ],
)
def test_the_database_refuses_to_change_events(database: Database, statement: str) -> None:
    recorded(database)
    with pytest.raises(DBAPIError, match="audit events are never"), database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert verify_chain(database) == ChainState(good=True, events=5)


def test_the_database_refuses_the_ways_around(database: Database) -> None:
    recorded(database)
    around = (
        "INSERT OR REPLACE INTO audit_events SELECT 2, at, kind, outcome, 'x', target, reason, correlation_id,"
        " address, details, prev_mac, mac FROM audit_events WHERE seq = 2"
        if database.engine.dialect.name == "sqlite"
        else "TRUNCATE audit_events"
    )
    with pytest.raises(DBAPIError, match="audit events are"), database.engine.begin() as connection:
        connection.exec_driver_sql(around)
    assert verify_chain(database) == ChainState(good=True, events=5)


def test_the_triggers_are_there_and_missed_when_gone(database: Database) -> None:
    with database.engine.connect() as connection:
        assert missing_triggers(connection) == frozenset()
    behind_its_back(database)
    with database.engine.connect() as connection:
        assert len(missing_triggers(connection)) == 3


@pytest.mark.parametrize(
    ("statements", "bad_seq", "problem"),
    [
        (["UPDATE audit_events SET actor = 'somebody else' WHERE seq = 3"], 3, "edited"),
        (["UPDATE audit_events SET at = at + 1 WHERE seq = 3"], 3, "edited"),
        (["UPDATE audit_events SET details = '{}' WHERE seq = 1"], 1, "edited"),
        (["UPDATE audit_events SET target = reason, reason = target || 'x' WHERE seq = 2"], 2, "edited"),
        (["DELETE FROM audit_events WHERE seq = 3"], 3, "removed"),
        (["DELETE FROM audit_events WHERE seq = 1"], 1, "removed"),
        (
            [
                "DELETE FROM audit_events WHERE seq = 3",
                "UPDATE audit_events SET seq = 3 WHERE seq = 4",
                "UPDATE audit_events SET seq = 4 WHERE seq = 5",
                "UPDATE audit_head SET seq = 4",
            ],
            3,
            "reordered",
        ),
        (
            [
                "UPDATE audit_events SET seq = 99 WHERE seq = 3",
                "UPDATE audit_events SET seq = 3 WHERE seq = 4",
                "UPDATE audit_events SET seq = 4 WHERE seq = 99",
            ],
            3,
            "reordered",
        ),
        (["DELETE FROM audit_events WHERE seq = 5"], 5, "cut"),
        (["DELETE FROM audit_events"], 1, "cut"),
        (
            [
                "UPDATE audit_head SET seq = 3, mac = (SELECT mac FROM audit_events WHERE seq = 3)",
                "DELETE FROM audit_events WHERE seq > 3",
            ],
            None,
            "head",
        ),
        (["UPDATE audit_head SET seq = 3"], 4, "appended"),
        (["DELETE FROM audit_head"], 1, "appended"),
    ],
)
def test_what_was_done_to_the_chain_is_found(
    database: Database, statements: list[str], bad_seq: int | None, problem: str
) -> None:
    recorded(database)
    behind_its_back(database, *statements)
    state = verify_chain(database)
    assert (state.good, state.bad_seq, state.problem) == (False, bad_seq, problem)


def test_a_rotated_secret_still_verifies_and_another_does_not(database: Database) -> None:
    recorded(database)
    database.keyring = Keyring(["n" * 40, "k" * 40])
    recorded(database)
    assert verify_chain(database) == ChainState(good=True, events=10)
    database.keyring = Keyring(["n" * 40])
    assert verify_chain(database) == ChainState(good=False, events=0, bad_seq=1, problem="edited")


def test_the_head_is_sealed(durable: Database, url: str) -> None:
    recorded(durable)
    with durable.engine.connect() as connection:
        head = connection.execute(select(audit_head)).one()
    assert head.seq == 5
    stranger = opened(url, keyring=Keyring(["x" * 40]))
    try:
        recorded(stranger, 1)
    finally:
        stranger.close()
    state = verify_chain(durable)
    assert (state.bad_seq, state.problem) == (6, "edited")
