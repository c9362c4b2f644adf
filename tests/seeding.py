"""Seeds the databases of tests. Those in memory become copies of one seeded database, which is ten times as fast."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import cast

import db
from app.core.keyring import Keyring
from app.core.permissions import CATALOGUE, ROLES
from db import Database
from db.engine import is_memory


def seed(database: Database) -> None:
    """As ``db.seed``, for a database without any data."""
    if not is_memory(database.engine.url):
        db.seed(database)
        return
    catalogue = tuple((permission.value, permission.sentence, permission.by_scope) for permission in CATALOGUE.values())
    with _driver(database) as driver:
        driver.deserialize(_seeded(catalogue, tuple(ROLES.items())))


@cache
def _seeded(*_declared: object) -> bytes:
    """A seeded database, serialized; an app that declares permissions or roles gets another one."""
    database = Database("sqlite://", Keyring(["seeding writes nothing that a key would seal"]))
    try:
        db.seed(database)
        with _driver(database) as driver:
            return driver.serialize()
    finally:
        database.close()


@contextmanager
def _driver(database: Database) -> Iterator[sqlite3.Connection]:
    pooled = database.engine.raw_connection()
    try:
        yield cast("sqlite3.Connection", pooled.driver_connection)
    finally:
        pooled.close()
