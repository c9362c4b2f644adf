"""Seeds the databases of tests. Those in memory become copies of one seeded database, which is ten times as fast."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import db
from app.core.keyring import Keyring
from app.core.permissions import CATALOGUE, ROLES
from db import Database


def seed(database: Database) -> None:
    """As ``db.seed``, for a database without any data."""
    with _driver(database) as driver:
        if isinstance(driver, sqlite3.Connection) and _is_in_memory(driver):
            catalogue = (
                (permission.value, permission.sentence, permission.by_scope) for permission in CATALOGUE.values()
            )
            assert driver.execute("SELECT count(*) FROM roles").fetchone() == (0,), "it would be replaced"
            driver.deserialize(_seeded(tuple(catalogue), tuple(ROLES.items())))
            return
    db.seed(database)


@cache
def _seeded(*_declared: object) -> bytes:
    """A seeded database, serialized; an app that declares permissions or roles gets another one."""
    database = Database("sqlite://", Keyring(["seeding writes nothing that a key would seal"]))
    try:
        db.seed(database)
        with _driver(database) as driver:
            assert isinstance(driver, sqlite3.Connection)
            return driver.serialize()
    finally:
        database.close()


def _is_in_memory(connection: sqlite3.Connection) -> bool:
    """Whether there is no file; the URL of an engine with a ``creator`` does not tell."""
    return [file for *_, file in connection.execute("PRAGMA database_list")] == [""]


@contextmanager
def _driver(database: Database) -> Iterator[Any]:
    pooled = database.engine.raw_connection()
    try:
        yield pooled.driver_connection
    finally:
        pooled.close()
