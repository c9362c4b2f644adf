"""Tables of other programs in the database: Gatehouse creates or changes none beside them without being told to."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect

from app.core.command_text import command_text
from app.core.errors import ForeignTables
from db.models import metadata

VERSION_TABLE: Final = "alembic_version"
SEARCH_TABLES: Final = "people_search"
"""How the tables of the search index begin; SQLite's FTS5 makes several, which no model describes."""
FLAG: Final = "--beside-other-tables"
_MAX_NAMES: Final = 3


def require_own_tables(connection: Connection, revision: str | None, *, beside_others: bool) -> None:
    """Refuse to migrate a database that is, or may be, another program's.

    Args:
        connection: To the database.
        revision: What its version table holds; None for none.
        beside_others: Whether tables of other programs are allowed. Tables that have the names of ours never are, nor
            is another program's version table: Alembic would take its revisions for ours.

    Raises:
        ForeignTables: with the names of some of them.
    """
    tables = set(inspect(connection).get_table_names())
    ours = tables & set(metadata.tables)
    if revision is None and ours:
        raise ForeignTables(
            f"The database has {_listed(ours)}, which Gatehouse did not create: give it a database of its own."
        )
    if revision is not None and not ours:
        raise ForeignTables(
            f"The table {VERSION_TABLE} in the database is another program's: give Gatehouse a database of its own."
        )
    others = {name for name in tables - ours if name != VERSION_TABLE and not name.startswith(SEARCH_TABLES)}
    if others and not beside_others:
        raise ForeignTables(
            f"The database has {_listed(others)} of another program: give Gatehouse a database of its own, or create "
            f"its tables beside them by: {command_text(f'migrate {FLAG}')}"
        )


def _listed(names: set[str]) -> str:
    more = len(names) - _MAX_NAMES
    listed = ", ".join(sorted(names)[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"the table {listed}" if len(names) == 1 else f"the tables {listed}"
