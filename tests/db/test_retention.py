"""Sealed retention: old events go below a boundary of ours and nowhere else, and the chain verifies from there on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.core import retention
from app.core.chain_problems import ProblemKind
from app.core.checkpoints import read_checkpoints
from app.core.errors import Conflict, InvalidInput
from app.core.keyring import Keyring
from app.core.records import RetentionBoundary
from db import ChainState, Database, checkpoint, verify_chain
from db.models import audit_events
from tests.db.builders import KEYRING, NOW, SECOND, behind_its_back, event, recorded

ROOT = Path(__file__).parents[2]
K = ProblemKind
LATER = NOW + 1000 * SECOND


def pruned(database: Database, before: datetime, now: datetime = LATER, **more: Any) -> RetentionBoundary | None:
    return retention.prune(database, before, actor="operator:tests", reason="old", now=now, **more)


def seqs(database: Database) -> list[int]:
    with database.engine.connect() as connection:
        return list(connection.execute(select(audit_events.c.seq).order_by(audit_events.c.seq)).scalars())


def kinds(state: ChainState) -> list[tuple[ProblemKind, int | None]]:
    for problem in state.problems:
        print(f"WRONG {problem}")
    return [(problem.kind, problem.seq) for problem in state.problems]


def test_old_events_go_and_the_chain_verifies_from_the_boundary_on(database: Database) -> None:
    recorded(database, 10)
    boundary = pruned(database, NOW + 6 * SECOND)
    assert boundary == RetentionBoundary(6, NOW + 6 * SECOND, LATER, "operator:tests", 6)
    assert seqs(database) == [7, 8, 9, 10, 11]
    assert verify_chain(database) == ChainState(events=5, first_seq=7, last_seq=11, boundary_seq=6)
    with database.engine.connect() as connection:
        last = connection.execute(select(audit_events).where(audit_events.c.seq == 11)).one()
    assert (last.kind, last.actor, last.reason) == ("audit:log:prune", "operator:tests", "old")
    assert '"boundary":6' in last.details
    assert '"events":6' in last.details
    assert last.correlation_id
    recorded(database, 3, at=LATER)
    boundary = pruned(database, LATER + SECOND, now=LATER + 100 * SECOND)
    assert boundary is not None
    assert (boundary.seq, boundary.events) == (12, 6)
    assert verify_chain(database) == ChainState(events=3, first_seq=13, last_seq=15, boundary_seq=12)


def test_everything_may_be_old(database: Database) -> None:
    recorded(database, 3)
    pruned(database, NOW + 100 * SECOND)
    assert seqs(database) == [4]
    assert verify_chain(database).good
    recorded(database, 1)
    assert seqs(database) == [4, 5]
    assert verify_chain(database).good


def test_nothing_older_means_nothing_is_sealed_deleted_or_written(database: Database) -> None:
    assert pruned(database, NOW) is None
    recorded(database, 3)
    assert pruned(database, NOW) is None
    assert pruned(database, NOW + SECOND) is not None
    assert pruned(database, NOW + SECOND) is None
    assert seqs(database) == [2, 3, 4]


def test_a_later_event_with_an_earlier_time_does_not_take_younger_ones_along(database: Database) -> None:
    """Counted failures of anonymous clients have the time of the first one."""
    with database.unit_of_work() as unit:
        for seconds in (0, 10, 1, 20):
            unit.record(event(at=NOW + seconds * SECOND))
        unit.commit()
    boundary = pruned(database, NOW + 5 * SECOND)
    assert boundary is not None
    assert boundary.seq == 1


def test_a_time_to_come_is_refused(database: Database) -> None:
    recorded(database, 3)
    with pytest.raises(InvalidInput, match="past"):
        pruned(database, LATER + SECOND)
    assert seqs(database) == [1, 2, 3]


def test_deletion_in_batches_continues_after_an_interruption(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PORTION", 4)
    recorded(database, 12)
    others: list[bool] = []

    def interrupted() -> None:
        recorded(database, 1, at=LATER)  # others get their turn
        others.append(verify_chain(database).good)
        if len(others) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pruned(database, NOW + 10 * SECOND, pause=interrupted)
    assert seqs(database) == [9, 10, 11, 12, 13, 14, 15]
    state = verify_chain(database)
    assert (state.good, state.first_seq, state.boundary_seq) == (True, 9, 10)
    assert pruned(database, NOW + 10 * SECOND) is None
    assert seqs(database) == [11, 12, 13, 14, 15]
    assert others == [True, True]
    assert verify_chain(database).good


def test_what_an_interruption_left_is_verified_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 4)
    recorded(database, 12)
    with pytest.raises(ZeroDivisionError):
        pruned(database, NOW + 10 * SECOND, pause=lambda: 1 / 0)
    behind_its_back(database, "UPDATE audit_events SET actor = 'x' WHERE seq = 7")
    assert kinds(verify_chain(database)) == [(K.EDITED, 7)]
    behind_its_back(database, "DELETE FROM audit_events WHERE seq = 8")
    assert kinds(verify_chain(database)) == [(K.EDITED, 7), (K.REMOVED, 8)]


def test_the_database_lets_events_go_below_the_boundary_only(database: Database) -> None:
    recorded(database, 10)
    with database.unit_of_work() as unit:
        unit.seal_retention(NOW + 6 * SECOND, by="me", now=LATER)
        unit.record(event())
        unit.commit()
    for which in ("WHERE seq = 7", "WHERE seq = 11", ""):
        with pytest.raises(DBAPIError, match="never deleted above"), database.engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM audit_events {which}")  # noqa: S608 - our own text
    with pytest.raises(DBAPIError, match="never changed"), database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_events SET actor = 'x' WHERE seq = 1")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_events WHERE seq <= 6")
    assert seqs(database) == [7, 8, 9, 10, 11]
    assert verify_chain(database).good


def forged(seq: int) -> str:
    return (
        f"INTO audit_retention (seq, mac, before, sealed_at, sealed_by, seal) SELECT {seq}, mac, at, at, 'me', mac"  # noqa: S608 - our own text
        " FROM audit_events WHERE seq = 5"
    )


def test_boundaries_are_only_added_and_only_forward(database: Database) -> None:
    recorded(database, 10)
    pruned(database, NOW + 3 * SECOND)
    statements = [
        "UPDATE audit_retention SET seq = 9",
        "DELETE FROM audit_retention",
        f"INSERT {forged(3)}",
        f"INSERT {forged(2)}",
        f"INSERT {forged(99)}",
    ]
    if database.engine.dialect.name == "sqlite":
        statements.append(f"INSERT OR REPLACE {forged(3)}")
    else:
        statements.append("TRUNCATE audit_retention")
    for statement in statements:
        with pytest.raises(DBAPIError, match="retention boundaries"), database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert verify_chain(database).good


def test_a_boundary_without_a_valid_seal_is_reported(database: Database) -> None:
    """The database cannot tell a boundary without our seal from one with it; verifying can."""
    recorded(database, 10)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT {forged(5)}")
    assert kinds(verify_chain(database)) == [(K.RETENTION, 5)]
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_events WHERE seq <= 5")
    assert kinds(verify_chain(database)) == [(K.RETENTION, 5), (K.REMOVED, 1)]
    with pytest.raises(Conflict, match="no valid seal"):
        pruned(database, NOW + 8 * SECOND)
    behind_its_back(database, "DELETE FROM audit_retention")
    assert kinds(verify_chain(database)) == [(K.REMOVED, 1)]


def test_a_boundary_that_was_moved_or_deleted_is_reported(database: Database) -> None:
    recorded(database, 10)
    pruned(database, NOW + 3 * SECOND)
    behind_its_back(database, "DELETE FROM audit_events WHERE seq <= 5", "UPDATE audit_retention SET seq = 5")
    assert kinds(verify_chain(database)) == [(K.RETENTION, 5), (K.REMOVED, 1)]
    behind_its_back(database, "DELETE FROM audit_retention")
    assert kinds(verify_chain(database)) == [(K.REMOVED, 1)]


def test_events_put_in_below_the_boundary_are_named(database: Database) -> None:
    recorded(database, 10)
    pruned(database, NOW + 3 * SECOND)
    columns = "at, kind, outcome, actor, target, reason, correlation_id, address, details, prev_mac, mac"
    behind_its_back(
        database,
        f"INSERT INTO audit_events SELECT 3, {columns} FROM audit_events WHERE seq = 4",  # noqa: S608 - our own text
    )
    assert (K.REORDERED, 3) in kinds(verify_chain(database))


def test_nothing_is_sealed_at_an_event_that_was_changed(database: Database) -> None:
    recorded(database, 10)
    behind_its_back(database, "UPDATE audit_events SET actor = 'x' WHERE seq = 6")
    with pytest.raises(Conflict, match="Event 6"):
        pruned(database, NOW + 6 * SECOND)
    assert len(seqs(database)) == 10


def test_checkpoints_from_below_the_boundary_cannot_be_compared(database: Database) -> None:
    def taken() -> str:
        return checkpoint(database, at=NOW, installation="x").signed(KEYRING)

    recorded(database, 3)
    old = taken()
    recorded(database, 2)
    at_the_boundary = taken()
    pruned(database, NOW + 100 * SECOND)
    new = taken()
    state = verify_chain(database, read_checkpoints(old, KEYRING))
    assert (state.good, state.checkpoints, state.newest_compared) == (True, 0, False)
    state = verify_chain(database, read_checkpoints(at_the_boundary, KEYRING))
    assert (state.good, state.checkpoints, state.newest_compared) == (True, 1, True)
    state = verify_chain(database, read_checkpoints(f"{new}\n{old}", KEYRING))
    assert (state.good, state.checkpoints, state.newest_compared) == (True, 1, True)


def test_boundaries_sealed_with_a_rotated_secret_count(database: Database) -> None:
    recorded(database, 5)
    pruned(database, NOW + 3 * SECOND)
    database.keyring = Keyring(["n" * 40, "k" * 40])
    recorded(database, 2)
    assert verify_chain(database).good
    database.keyring = Keyring(["n" * 40])
    assert (K.RETENTION, 3) in kinds(verify_chain(database))


def test_a_process_killed_while_pruning_leaves_a_good_chain(durable: Database, url: str) -> None:
    with durable.unit_of_work() as unit:
        for _ in range(300):
            unit.record(event())
        unit.commit()
    code = """
import sys
from app.core import retention
from tests.db.builders import *
retention.PORTION = 10
def pause():
    print("portion", flush=True)
    sys.stdin.readline()
database = opened(sys.argv[1])
retention.prune(database, NOW + SECOND, actor="me", reason="", now=NOW + 2 * SECOND, pause=pause)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "portion\n"
        assert verify_chain(durable).good
        process.stdin.write("next\n")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = seqs(durable)
    assert 0 < left[0] < 301
    assert left == list(range(left[0], 302))
    assert verify_chain(durable).good
    assert pruned(durable, NOW + SECOND) is None
    assert seqs(durable) == [301]
