"""What is made up for benchmarks is as the product would have written it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.core.administration_records import PeopleQuery
from app.core.errors import Conflict
from db import Database, SyntheticData, fill, verify_chain
from tests.db.builders import ISSUER, NOW, recorded

SIZE = SyntheticData(people=400, roles=20, permissions=100, sessions=30, events=700, days=10)


def test_synthetic_rows_equal_rows_written_one_at_a_time(database: Database) -> None:
    recorded(database, 3, at=NOW)
    version = database.read.policy_version()
    fill(database, SIZE, issuer=ISSUER, client_id="c", now=NOW)
    state = verify_chain(database)
    assert (state.good, state.events) == (True, 703)
    assert database.read.policy_version() == version + 1
    numbers = database.administration.statistics(NOW, days=12)
    assert (numbers.people, numbers.machines, numbers.sessions) == (400, 4, 30)
    assert sum(day.sign_ins for day in numbers.days) == 280
    assert sum(day.refusals for day in numbers.days) == 140 + 3
    assert numbers.attention.people_without_roles == 4
    assert database.administration.people(PeopleQuery(text="zoe"), NOW).total > 0
    with database.engine.connect() as connection:
        wrong = (
            "SELECT count(*) FROM people WHERE role_grants <> (SELECT count(*) FROM grants WHERE person_id = people.id)"
        )
        assert connection.execute(text(wrong)).scalar_one() == 0
    with pytest.raises(Conflict):
        fill(database, SIZE, issuer=ISSUER, client_id="c", now=NOW)
