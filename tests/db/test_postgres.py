"""What only a server can do to us. Collected only where TEST_DATABASE_URL names one."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from app.core.errors import StorageUnavailable
from app.core.records import Person
from db import Database
from tests.db.builders import ANN, NOW, opened, signed_in
from tests.db.conftest import SERVER, server_url
from tests.db.test_faults import everything


def test_a_server_that_dropped_its_connections_is_asked_again(durable: Database, url: str) -> None:
    assert durable.read.policy_version() > 0
    other = opened(server_url(str(make_url(SERVER).database)))
    with other.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %(name)s",
            {"name": make_url(url).database},
        )
    other.close()
    assert durable.read.policy_version() > 0
    signed_in(durable)


def test_a_unit_gives_up_waiting_for_another_process(durable: Database, url: str) -> None:
    impatient = opened(url, busy_seconds=0.3)
    with durable.unit_of_work() as unit:
        unit.save_person(Person(ANN), NOW)
        with pytest.raises(StorageUnavailable, match="busy"), impatient.unit_of_work() as other:
            other.save_person(Person(ANN), NOW)
        unit.commit()
    signed_in(impatient)
    impatient.close()


def test_a_database_the_server_does_not_have() -> None:
    database = opened(server_url("there_is_none"))
    assert all("does not exist" in said or "server does not answer" in said for said in everything(database))
    database.close()
