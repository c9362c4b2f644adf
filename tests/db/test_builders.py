"""What a builder inserts in bulk is as the product writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import db
from app.core.principal import Subject
from app.core.records import Person
from db import Database, migrate
from db.database import DatabaseUnitOfWork
from db.models import counters, grants, people
from db.seed import SeedResult
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


@pytest.mark.parametrize("name", ["", "seeded.sqlite3"])
def test_a_database_is_seeded_where_it_is(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/{name}" if name else "sqlite://"
    migrate(url)
    with closing(opened(url)) as database:
        seed(database)
        assert db.seed(database) == SeedResult(changed=False)
    if name:
        with closing(opened(url)) as database:
            assert db.seed(database) == SeedResult(changed=False)
