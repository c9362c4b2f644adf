"""Many administrators at once: one row and one event, and the last administrator stays. In threads and in processes."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from app.core.audit import AuditKind
from app.core.audit_rows import AuditQuery
from db import Database, verify_chain
from db.models import grants
from tests.db.builders import ANN, NOW
from tests.db.racing import ADMINISTRATORS, grant_viewer, prepare, step_down
from tests.db.test_concurrency import at_once, in_two_processes

RACING = "__import__('importlib').import_module('tests.db.racing')"


def events(database: Database, kind: AuditKind) -> int:
    return database.administration.audit(AuditQuery(kinds=(kind.value,))).total


def one_viewer(database: Database, version: int) -> None:
    with database.engine.connect() as connection:
        rows = select(func.count()).select_from(grants).where(grants.c.role_id.is_not(None))
        assert connection.execute(rows).scalar_one() == len(ADMINISTRATORS) + 1
    assert set(database.read.grants(ANN, NOW).roles) == {"viewer"}
    assert events(database, AuditKind.GRANT_ADD) == 1
    assert database.read.policy_version() == version + 1
    assert verify_chain(database).good


def one_administrator(database: Database, results: list[str]) -> None:
    with database.unit_of_work() as unit:
        assert len(unit.administrators(NOW)) == 1
    counted = Counter(results)
    assert counted["done"] == len(ADMINISTRATORS) - 1
    assert events(database, AuditKind.GRANT_REVOKE) == len(ADMINISTRATORS) - 1
    assert events(database, AuditKind.RULE_REFUSE) == counted["last"] >= 1
    assert verify_chain(database).good


def test_fifty_grants_of_one_role_are_one_row_and_one_event(database: Database) -> None:
    prepare(database)
    version = database.read.policy_version()
    assert sum(at_once(50, lambda number: grant_viewer(database, number))) == 1
    one_viewer(database, version)


def test_fifty_grants_from_two_processes_are_one_row_and_one_event(durable: Database, url: str) -> None:
    prepare(durable)
    version = durable.read.policy_version()
    results = in_two_processes(url, f"{RACING}.grant_viewer(database, number)", count=25)
    assert Counter(results) == {"True": 1, "False": 49}
    one_viewer(durable, version)


def test_one_of_twenty_administrators_who_step_down_at_once_remains(database: Database) -> None:
    prepare(database)
    one_administrator(database, at_once(20, lambda number: step_down(database, number)))


def test_one_of_twenty_administrators_who_step_down_in_two_processes_remains(durable: Database, url: str) -> None:
    prepare(durable)
    one_administrator(durable, in_two_processes(url, f"{RACING}.step_down(database, number)", count=20))
