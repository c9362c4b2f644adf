"""The search of people on SQLite stays in few parts: each costs every search."""

from __future__ import annotations

from sqlalchemy import text

from app.core.principal import Subject
from app.core.records import Person
from db import Database
from tests.db.builders import ISSUER, NOW, written


def parts(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(DISTINCT segid) FROM people_search_idx")).scalar_one())


def test_cleanup_merges_the_search_of_people(file_database: Database) -> None:
    for number in range(7):
        with file_database.unit_of_work() as unit:
            unit.save_person(Person(Subject(ISSUER, f"s{number}"), f"Ann {number}"), NOW)
            unit.commit()
    assert parts(file_database) > 1
    written(file_database, lambda unit: unit.purge(NOW))
    assert parts(file_database) == 1
