"""Tables of other programs in the database: without explicit consent Gatehouse creates no tables beside them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect

from app.core.command_text import command_text
from app.core.errors import ForeignTables
from db.models import metadata

VERSION_TABLE: Final = "alembic_version"
SEARCH_TABLES: Final = "people_search"
"""Prefix of the tables of the search index; SQLite's FTS5 creates several, which no model describes."""
FLAG: Final = "--beside-other-tables"
_MAX_NAMES: Final = 3


def require_own_tables(connection: Connection, revision: str | None, *, beside_others: bool) -> None:
    """Refuse to migrate a database that belongs, or may belong, to another program.

    Args:
        connection: To the database.
        revision: The revision of its version table; None without one.
        beside_others: Whether tables of other programs are allowed. Tables with the names of ours never are, nor is the
            version table of another program: Alembic would apply its revisions.

    Raises:
        ForeignTables: With the names of some of the tables.
    """
    tables = set(inspect(connection).get_table_names())
    own_tables = tables & set(metadata.tables)
    if revision is None and own_tables:
        raise ForeignTables(
            f"The database has {_listed(own_tables)}, which Gatehouse did not create: give it a database of its own."
        )
    if revision is not None and not own_tables:
        raise ForeignTables(
            f"The table {VERSION_TABLE} in the database is another program's: give Gatehouse a database of its own."
        )
    others = {name for name in tables - own_tables if name != VERSION_TABLE and not name.startswith(SEARCH_TABLES)}
    if others and not beside_others:
        raise ForeignTables(
            f"The database has {_listed(others)} of another program: give Gatehouse a database of its own, or create "
            f"its tables beside them by: {command_text(f'migrate {FLAG}')}"
        )


def _listed(names: set[str]) -> str:
    more = len(names) - _MAX_NAMES
    listed = ", ".join(sorted(names)[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"the table {listed}" if len(names) == 1 else f"the tables {listed}"
