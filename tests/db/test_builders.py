"""What a builder inserts in bulk is as the product writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from app.core.principal import Subject
from app.core.records import Person
from db import Database
from db.database import DatabaseUnitOfWork
from db.models import counters, grants, people
from tests.db.builders import ISSUER, NOW, add_many, grant, opened, written
from tests.seeding import seed

ANN, BOB, EVA = (Subject(ISSUER, name) for name in ("ann", "bob", "eva"))


@contextmanager
def seeded() -> Iterator[Database]:
    database = opened("sqlite://")
    seed(database)
    yield database
    database.close()


def rows(database: Database) -> list[list[Any]]:
    with database.engine.connect() as connection:
        return [[tuple(row) for row in connection.execute(select(table))] for table in (people, grants, counters)]


def write(unit: DatabaseUnitOfWork) -> None:
    unit.save_person(Person(ANN, "Ann Ängström"), NOW)
    unit.add_grant(grant("viewer", subject=BOB), NOW)
    unit.save_person(Person(EVA, "Eva"), NOW)
    for role in ("developer", "viewer"):
        unit.add_grant(grant(role, subject=EVA), NOW)


def test_people_inserted_in_bulk_equal_people_written_one_at_a_time() -> None:
    with seeded() as bulk, seeded() as single:
        add_many(bulk, {ANN: ("Ann Ängström", ()), BOB: ("", ("viewer",)), EVA: ("Eva", ("developer", "viewer"))})
        written(single, write)
        assert rows(bulk) == rows(single)
