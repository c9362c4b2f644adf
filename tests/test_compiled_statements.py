"""Engines of tests share compiled SQL, and what they return is their own."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import func, select

from db.models import roles
from tests.compiled_statements import CompiledStatements
from tests.db.builders import opened
from tests.seeding import seed


def test_a_statement_is_compiled_once_for_equal_dialects() -> None:
    statement = select(func.count()).select_from(roles).where(roles.c.name != "never compiled before")
    with closing(opened("sqlite://")) as empty, closing(opened("sqlite://")) as seeded:
        seed(seeded)
        statements = seeded.engine._compiled_cache
        assert isinstance(statements, CompiledStatements)
        before = len(statements)
        counts = []
        for database in (empty, seeded):
            with database.engine.connect() as connection:
                counts.append(connection.execute(statement).scalar_one())
        assert (counts[0], counts[1] > 0) == (0, True)
        assert len(statements) == before + 1


def test_dialects_do_not_share() -> None:
    statements = CompiledStatements(10)
    with closing(opened("sqlite://")) as sqlite, closing(opened("postgresql+psycopg://user@localhost/none")) as server:
        statements[sqlite.engine.dialect, "key"] = "for SQLite"
        assert statements.get((sqlite.engine.dialect, "key")) == "for SQLite"
        assert statements.get((server.engine.dialect, "key")) is None
