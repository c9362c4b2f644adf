"""A database that another program uses gets no table of ours unless that is asked for, on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from app.core.errors import ForeignTables
from db import SchemaState, current_state, migrate, require_migratable
from db.engine import file_of, parsed
from db.models import metadata
from db.schema import HEAD

BESIDE = "give Gatehouse a database of its own, or create its tables beside them by: gatehouse migrate"


def execute(url: str, *statements: str) -> None:
    """Run ``statements`` as another program would."""
    file = file_of(parsed(url))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed(url))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def tables(url: str) -> set[str]:
    engine = create_engine(parsed(url))
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def content(url: str) -> bytes:
    """The bytes of a SQLite file, to which nothing was done if they are the same; empty for a server."""
    file = file_of(parsed(url))
    return b"" if file is None else file.read_bytes()


@pytest.mark.parametrize("beginning", [(), ("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",)])
def test_tables_of_another_program_are_left_alone(empty_url: str, beginning: tuple[str, ...]) -> None:
    execute(empty_url, *beginning, *(f"CREATE TABLE {name} (id INTEGER)" for name in ("orders", "items", "a", "b")))
    before, names = content(empty_url), tables(empty_url)
    for refuse in (require_migratable, migrate):
        with pytest.raises(ForeignTables) as caught:
            refuse(empty_url)
        assert str(caught.value).startswith(
            f"The database has the tables a, b, items and 1 more of another program: {BESIDE}"
        )
    assert (content(empty_url), tables(empty_url)) == (before, names)


def test_when_asked_for_tables_are_created_beside_them_and_stay_usable(empty_url: str) -> None:
    execute(empty_url, "CREATE TABLE orders (id INTEGER)", "INSERT INTO orders VALUES (7)")
    migrate(empty_url, beside_others=True)
    assert tables(empty_url) >= {*metadata.tables, "orders"}
    assert current_state(empty_url) is SchemaState.CURRENT
    migrate(empty_url)  # nothing is created or changed any more
    require_migratable(empty_url)


def test_an_upgrade_beside_other_tables_asks_again(empty_url: str) -> None:
    migrate(empty_url)
    execute(empty_url, "CREATE TABLE orders (id INTEGER)", "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(ForeignTables, match="the table orders of another program"):
        migrate(empty_url)
    execute(empty_url, "DROP TABLE orders", f"UPDATE alembic_version SET version_num = '{HEAD}'")  # noqa: S608 - ours
    migrate(empty_url)


@pytest.mark.parametrize("beside_others", [False, True])
@pytest.mark.parametrize("revision", ["ae1027a6acf0", "0003"])
def test_migrations_of_another_program_are_never_taken_for_ours(
    empty_url: str, revision: str, beside_others: bool
) -> None:
    execute(
        empty_url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        f"INSERT INTO alembic_version VALUES ('{revision}')",  # noqa: S608 - ours
    )
    before = content(empty_url)
    with pytest.raises(ForeignTables, match="alembic_version in the database is another program's"):
        migrate(empty_url, beside_others=beside_others)
    assert (content(empty_url), tables(empty_url)) == (before, {"alembic_version"})


@pytest.mark.parametrize("beside_others", [False, True])
def test_foreign_tables_with_gatehouses_names_are_never_used(empty_url: str, beside_others: bool) -> None:
    execute(empty_url, "CREATE TABLE people (name VARCHAR(10))")
    with pytest.raises(ForeignTables, match=re.escape("the table people, which Gatehouse did not create")):
        migrate(empty_url, beside_others=beside_others)
    assert tables(empty_url) == {"people"}


def test_looking_changes_not_even_the_journal_mode_of_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/theirs.sqlite3"
    execute(url, "CREATE TABLE orders (id INTEGER)")
    before = content(url)
    assert current_state(url) is SchemaState.EMPTY
    assert content(url) == before
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.sqlite3"]


def test_a_database_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    require_migratable(f"sqlite:///{tmp_path}/none/x.sqlite3")
    assert list(tmp_path.iterdir()) == []
