"""Failures that only a server has. Collected only when TEST_DATABASE_URL names one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection, make_url, text

from app.core.errors import ChangeUnconfirmed, StorageUnavailable
from app.core.records import Person
from db import Database
from db.faults import UNRESPONSIVE
from db.statement import PreparedStatement
from db.timeouts import ADMINISTRATION_TIMEOUTS, SERVICE_TIMEOUTS
from tests.db.builders import ANN, BOB, NOW, event, opened, signed_in
from tests.db.conftest import SERVER, server_url
from tests.db.relay import Relay
from tests.db.test_faults import errors_of_every_use


@pytest.fixture
def url(new_server_database: Callable[[str], str], server_template: str) -> str:
    return new_server_database(server_template)


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
    impatient = opened(url, timeouts=replace(SERVICE_TIMEOUTS, lock_seconds=0.3))
    with durable.unit_of_work() as unit:
        unit.save_person(Person(ANN), NOW)
        with pytest.raises(StorageUnavailable, match="busy"), impatient.unit_of_work() as other:
            other.save_person(Person(ANN), NOW)
        unit.commit()
    signed_in(impatient)
    impatient.close()


def test_a_database_the_server_does_not_have() -> None:
    database = opened(server_url("there_is_none"))
    assert all(
        "does not exist" in message or "server does not answer" in message for message in errors_of_every_use(database)
    )
    database.close()


# --- timeouts ---

QUICK = replace(
    SERVICE_TIMEOUTS, connect_seconds=2.0, statement_seconds=1.0, unit_statement_seconds=2.0, answer_margin_seconds=0.5
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def relay(url: str) -> Iterator[Relay]:
    address = make_url(url)
    with Relay(str(address.host), int(address.port or 5432)) as made:
        yield made


@pytest.fixture
def behind(url: str, relay: Relay) -> Iterator[Database]:
    """The database, through a relay that can freeze."""
    through = make_url(url).set(host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
    made = opened(through, timeouts=QUICK)
    yield made
    made.close()


def test_every_bound_is_set_by_us_on_each_connection(durable: Database) -> None:
    names = [
        "lock_timeout",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "tcp_user_timeout",
        "tcp_keepalives_idle",
        "tcp_keepalives_interval",
        "tcp_keepalives_count",
        "TimeZone",
    ]
    with durable.engine.connect() as connection:
        settings = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names}
        driver: Any = connection.connection.driver_connection
        client = driver.info.get_parameters()
    assert settings == {
        "lock_timeout": "5s",
        "statement_timeout": "10s",
        "idle_in_transaction_session_timeout": "4s",
        "tcp_user_timeout": "10000",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "TimeZone": "UTC",
    }
    expected = {"connect_timeout": "5", "keepalives": "1", "keepalives_idle": "10", "tcp_user_timeout": "10000"}
    assert {name: client.get(name) for name in expected} == expected
    shown = PreparedStatement(text("SHOW statement_timeout"), durable.engine.dialect)
    assert durable.fetch(shown) == [("5s",)], "reads"
    assert durable.engine.pool.timeout() == 5.0  # type: ignore[attr-defined] # a QueuePool


def test_a_read_that_takes_too_long_is_given_up_by_the_server(url: str) -> None:
    database = opened(url, timeouts=replace(SERVICE_TIMEOUTS, statement_seconds=0.2))
    with structlog.testing.capture_logs() as lines, pytest.raises(StorageUnavailable, match="took too long"):
        database.fetch(PreparedStatement(text("SELECT pg_sleep(60)"), database.engine.dialect))
    assert [line["sqlstate"] for line in lines] == ["57014"]
    assert database.read.policy_version() > 0
    database.close()


def test_a_statement_of_a_unit_that_takes_too_long_is_given_up_and_nothing_is_kept(url: str) -> None:
    database = opened(url, timeouts=replace(SERVICE_TIMEOUTS, unit_statement_seconds=0.2))
    with database.unit_of_work() as unit:
        unit.save_person(Person(ANN), NOW)
        with pytest.raises(StorageUnavailable, match="took too long"):
            unit._execute(text("SELECT pg_sleep(60)"))
    assert database.read.person(ANN) is None
    signed_in(database)
    database.close()


def test_long_commands_of_administration_are_bounded_wider(url: str) -> None:
    database = opened(url, timeouts=ADMINISTRATION_TIMEOUTS)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "10min"
    shown = PreparedStatement(text("SHOW statement_timeout"), database.engine.dialect)
    assert database.fetch(shown) == [("10min",)]
    database.close()


OPEN_UNIT = """
import os, sys
from app.core import logs
from app.core.errors import StorageUnavailable
from app.core.records import Person
from tests.db.builders import *
logs.to_standard_error()
database = opened(sys.argv[1])
with database.unit_of_work() as unit:
    unit.save_person(Person(ANN, "half"), NOW)
    print("inside", flush=True)
    sys.stdin.readline()
    try:
        unit.commit()
    except StorageUnavailable as error:
        print("refused:", error.detail, flush=True)
"""


def test_a_process_stopped_inside_a_unit_of_work_blocks_no_other_for_long(durable: Database, url: str) -> None:
    """The server ends its transaction before the processes that wait for it fail."""
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN_UNIT, url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"
    process.send_signal(signal.SIGSTOP)
    try:
        signed_in(durable, subject=BOB)
        assert durable.read.person(ANN) is None
    finally:
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate("continue\n", timeout=60)
    assert output == (
        "refused: This process stood still inside a change for too long, so the database server gave the change up.\n"
    )
    assert durable.read.person(ANN) is None


def test_a_server_that_is_frozen_is_explained_and_comes_back(behind: Database, relay: Relay) -> None:
    """TCP considers it healthy, and its own timeouts are frozen too."""
    assert behind.read.policy_version() > 0
    signed_in(behind)
    relay.freeze()
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match=UNRESPONSIVE):
                behind.read.policy_version()
            with pytest.raises(StorageUnavailable, match=UNRESPONSIVE):
                signed_in(behind, "ref-2")
        with pytest.raises(StorageUnavailable, match=UNRESPONSIVE):
            behind.check()
    assert "ServerUnresponsiveError" in {line["error"] for line in lines}
    assert "SELECT" not in str(lines)
    relay.thaw()
    assert behind.read.session_by_ref("ref-2") is None
    signed_in(behind, "ref-3")
    assert behind.read.session_by_ref("ref-3") is not None


def test_a_server_that_is_frozen_before_the_first_connection(behind: Database, relay: Relay) -> None:
    relay.freeze()
    assert set(errors_of_every_use(behind)) == {UNRESPONSIVE}
    relay.thaw()
    behind.check()


def test_a_commit_that_is_not_confirmed_is_reported_as_such(behind: Database, relay: Relay) -> None:
    with behind.unit_of_work() as unit:
        unit.save_person(Person(ANN), NOW)
        append = unit._append_events

        def last(connection: Connection) -> None:
            append(connection)
            relay.freeze()

        unit._append_events = last  # type: ignore[method-assign] # to be frozen right before the commit
        unit.record(event())
        with pytest.raises(ChangeUnconfirmed, match="may have been saved"):
            unit.commit()
    relay.thaw()
    signed_in(behind)


def test_after_the_first_timeout_requests_fail_at_once(behind: Database, relay: Relay) -> None:
    assert behind.read.policy_version() > 0
    waits: list[float] = []
    with behind.engine.connect() as connection:
        relay.freeze()
        driver: Any = connection.connection.driver_connection
        waits.append(driver._answer_seconds())
        with pytest.raises(StorageUnavailable):
            behind.read.policy_version()
        waits.append(driver._answer_seconds())
        relay.thaw()
        driver.in_unit = True
        connection.exec_driver_sql("SELECT 1")
        waits.append(driver._answer_seconds())
        driver.in_unit = False
    assert waits == [1.5, 1.0, 2.5]
