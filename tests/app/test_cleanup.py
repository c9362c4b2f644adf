"""Cleanup: expired rows are purged by the app at its start and about every hour, and by the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from app import cleanup, testing
from app.__main__ import main
from app.cleanup import Cleanup
from app.core import settings_loading
from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.services import Services
from db import Database, migrate, open_database, seed
from db.statement import PreparedStatement
from tests.waiting import wait_until_async


@pytest.fixture
def services() -> Iterator[Services]:
    with testing.gatehouse() as made:
        yield made


def rows(services: Services, table: str) -> int:
    """How many there are; read as the product reads, since a database in memory is one connection for all threads."""
    database = services.storage
    assert isinstance(database, Database)
    count = text(f"SELECT count(*) FROM {table}")  # noqa: S608 - our names
    return int(database.fetch(PreparedStatement(count, database.engine.dialect))[0][0])


def test_long_over_goes_and_the_rest_stays(services: Services) -> None:
    testing.sign_in_as(None)  # for an hour
    now = utc_now()
    assert cleanup.purge(services.storage, clock=lambda: now) == 0
    assert rows(services, "audit_events") == 0  # nothing went, so there is nothing to tell
    # The token's hash goes an hour after it expired, the session 30 days after.
    assert cleanup.purge(services.storage, clock=lambda: now + timedelta(hours=2, seconds=1)) == 1
    assert (rows(services, "sessions"), rows(services, "issued_tokens")) == (1, 0)
    assert cleanup.purge(services.storage, clock=lambda: now + timedelta(days=31)) == 1
    assert rows(services, "sessions") == 0
    assert rows(services, "audit_events") == 2


def test_two_at_once_do_no_harm(services: Services) -> None:
    testing.sign_in_as(None)
    later = utc_now() + timedelta(days=31)

    async def both() -> None:
        tasks = [asyncio.create_task(Cleanup(services.storage, clock=lambda: later).run()) for _ in range(2)]
        await wait_until_async(lambda: not rows(services, "sessions"))
        for task in tasks:
            assert not task.done()
            task.cancel()

    asyncio.run(both())
    assert rows(services, "sessions") == 0


def test_cleanup_continues_after_a_failure(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[None] = []

    def failing(*_: object, **__: object) -> int:
        tries.append(None)
        raise RuntimeError

    monkeypatch.setattr(cleanup, "purge", failing)

    async def twice() -> None:
        task = asyncio.create_task(Cleanup(services.storage, every_seconds=0.01).run())
        await wait_until_async(lambda: len(tries) >= 2)
        task.cancel()

    asyncio.run(twice())


def test_the_command_says_how_much_went(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/purge.sqlite3"
    migrate(url)
    settings = testing.settings(database_url=url)
    database = open_database(settings, Keyring(settings.secrets))
    seed(database)
    with database.unit_of_work() as unit:
        unit.consume_once(b"state", utc_now() - timedelta(hours=1), utc_now() - timedelta(hours=2))
        unit.commit()
    database.close()
    for name in ("read", "load"):
        monkeypatch.setattr(settings_loading, name, lambda *_: settings)
    assert main(["purge"]) == 0
    assert capsys.readouterr().out == "Purged 1 row that had expired.\n"
    assert main(["purge"]) == 0
    assert capsys.readouterr().out == "Purged 0 rows that had expired.\n"
