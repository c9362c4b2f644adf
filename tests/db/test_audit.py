"""How audit events are written: as they were, cleaned and bounded, append-only, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.core.audit import AuditKind
from app.core.chain_problems import ProblemKind
from db import ChainState, Database, verify_chain
from db.models import audit_events
from db.schema import missing_triggers
from db.triggers import TRIGGERS
from tests.db.builders import NOW, behind_its_back, event, recorded

ROOT = Path(__file__).parents[2]


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
        "DELETE FROM audit_events WHERE seq = 1",
        "DELETE FROM audit_events WHERE seq = 5",
        "DELETE FROM audit_events",
    ],
)
def test_the_database_refuses_to_change_events(database: Database, statement: str) -> None:
    recorded(database)
    with pytest.raises(DBAPIError, match="audit events are never"), database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert verify_chain(database).events == 5


def again_as(seq: int) -> str:
    return (
        f"INTO audit_events SELECT {seq}, at, kind, outcome, 'x', target, reason, correlation_id, address, details,"  # noqa: S608 - our own text
        " prev_mac, mac FROM audit_events WHERE seq = 2"
    )


def test_the_database_refuses_the_ways_around(database: Database) -> None:
    recorded(database)
    sqlite = database.engine.dialect.name == "sqlite"
    statements = [f"INSERT {again_as(2)}", f"INSERT {again_as(0)}", f"INSERT {again_as(-1)}"]
    statements += (
        [f"INSERT OR REPLACE {again_as(2)}"] if sqlite else ["TRUNCATE audit_events", "TRUNCATE audit_retention"]
    )
    for statement in statements:
        with pytest.raises(DBAPIError, match=r"audit events are|never changed"), database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert verify_chain(database) == ChainState(events=5, first_seq=1, last_seq=5)


def test_the_triggers_are_there_and_missed_when_gone(database: Database) -> None:
    names = TRIGGERS[database.engine.dialect.name]
    with database.engine.begin() as connection:
        assert missing_triggers(connection) == frozenset()
        for name in names:
            table = "" if database.engine.dialect.name == "sqlite" else f" ON {'_'.join(name.split('_')[:2])}"
            connection.exec_driver_sql(f"DROP TRIGGER {name}{table}")
    with database.engine.connect() as connection:
        assert missing_triggers(connection) == names
    state = verify_chain(database)
    assert [(problem.kind, problem.detail) for problem in state.problems] == [
        (ProblemKind.UNPROTECTED, name) for name in sorted(names)
    ]


def test_a_process_killed_between_insert_and_commit_leaves_nothing_half_written(durable: Database, url: str) -> None:
    recorded(durable, 3)
    code = """
import os, signal, sys
from db import audit
from tests.db.builders import *
database = opened(sys.argv[1])
write = audit.append
def killed(connection, keyring, events, **how):
    write(connection, keyring, events, **how)
    print(connection.exec_driver_sql("SELECT count(*), max(seq) FROM audit_events").one(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
audit.append = killed
with database.unit_of_work() as unit:
    unit.begin_session(new_session("lost"), NOW)
    for _ in range(3000):
        unit.record(event())
    unit.commit()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.stdout, done.returncode) == ("(3003, 3003)\n", -9), done.stderr
    assert verify_chain(durable) == ChainState(events=3, first_seq=1, last_seq=3)
    assert durable.read.session_by_ref("lost") is None
    recorded(durable, 1)
    assert verify_chain(durable) == ChainState(events=4, first_seq=1, last_seq=4)


def test_a_head_that_was_changed_is_not_taken_over_in_silence(database: Database) -> None:
    """Otherwise the next event would seal a cut tail for good."""
    recorded(database)
    behind_its_back(
        database,
        "UPDATE audit_head SET seq = 3, mac = (SELECT mac FROM audit_events WHERE seq = 3)",
        "DELETE FROM audit_events WHERE seq > 3",
    )
    assert [problem.kind for problem in verify_chain(database).problems] == [ProblemKind.HEAD]
    recorded(database, 2)
    state = verify_chain(database)
    assert [str(problem) for problem in state.problems] == [
        "When event 4 was written, the head was found changed: events before it may have been cut off."
    ]
    assert state.events == 6


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE audit_head SET seq = 2"],
        ["UPDATE audit_head SET seq = 99"],
        ["UPDATE audit_head SET seq = 0, mac = seal, seal = mac"],
        ["DELETE FROM audit_head"],
        ["UPDATE audit_head SET seq = 2, mac = (SELECT mac FROM old), seal = (SELECT seal FROM old)"],
    ],
)
def test_writing_continues_whatever_was_done_to_the_head(database: Database, statements: list[str]) -> None:
    recorded(database, 2)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE old AS SELECT * FROM audit_head")
    recorded(database, 3)
    behind_its_back(database, *statements)
    assert not verify_chain(database).good
    recorded(database, 2)
    state = verify_chain(database)
    assert [(problem.kind, problem.seq) for problem in state.problems] == [(ProblemKind.BROKEN, 6)]
    assert state.events == 8
