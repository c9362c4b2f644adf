"""What every table is built on: the metadata with its naming convention, and columns that many tables share."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Text, false, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite assigns row ids itself only in a column declared INTEGER.
RowId: Final = BigInteger().with_variant(Integer, "sqlite")
_EMPTY: Final = text("''")


def text_column(name: str) -> Column[str]:
    """A text that is never NULL, empty by default."""
    return Column(name, Text, nullable=False, server_default=_EMPTY)


def flag_column(name: str) -> Column[bool]:
    """A boolean that is never NULL, false by default."""
    return Column(name, Boolean, nullable=False, server_default=false())
