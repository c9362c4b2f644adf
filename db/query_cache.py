"""A cache of compiled statements for reads whose SQL depends on the query.

Each *form* of a statement is built and compiled once per engine, then only executed. The same reads serve
administration, alone and on the newest committed state, and units of work, inside their transaction: only ``Fetch``
differs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Dialect,
    Select,
    Text,
    bindparam,
    collate,
    func,
    or_,
    select,
)
from sqlalchemy import (
    column as named_column,
)
from sqlalchemy.sql import Executable

from app.core.administration_records import MAX_COUNTED, MAX_ROWS
from db.models import grants
from db.rows import raw_time
from db.statement import PreparedStatement, Row, prepared_once
from db.texts import clean

Fetch = Callable[..., list[Row]]
"""Executes the SQL text of a statement with its values on the driver's connection, and returns all rows."""


class QueryCache:
    """Executes reads by the form of their statement. Thread-safe when ``fetch`` is."""

    __slots__ = ("_dialect", "_fetch", "sqlite")

    def __init__(self, fetch: Fetch, dialect: Dialect) -> None:
        self._fetch = fetch
        self._dialect = dialect
        self.sqlite = dialect.name == "sqlite"

    def rows(self, form: Hashable, build: Callable[[], Executable], **parameters: Any) -> list[Row]:
        """All rows of a statement.

        Args:
            form: Identifies the statement: equal forms must have equal statements.
            build: Builds the statement; called once for each form.
            parameters: Bind parameter → value, as the driver takes it.
        """
        prepared = self._prepared(form, build)
        return self._fetch(prepared.text, prepared.values(parameters))

    def rows_replanned(self, form: Hashable, build: Callable[[], Executable], **parameters: Any) -> list[Row]:
        """As ``rows``, for statements whose best plan depends on the parameters.

        After a few executions of a prepared statement PostgreSQL keeps one generic plan (see PREPARE), so the driver
        must not prepare it.
        """
        prepared = self._prepared(form, build)
        return self._fetch(prepared.text, prepared.values(parameters), **({} if self.sqlite else {"prepare": False}))

    def _prepared(self, form: Hashable, build: Callable[[], Executable]) -> PreparedStatement:
        return prepared_once(self._dialect, form, build)

    def scalar(self, form: Hashable, build: Callable[[], Executable], **parameters: Any) -> int:
        """The integer in the single row of a statement."""
        return int(self.rows(form, build, **parameters)[0][0])

    def is_any(self, column: ColumnElement[Any], name: str, kind: type[BigInteger | Text] = BigInteger) -> Any:
        """Whether ``column`` is one of the values of the parameter ``name``, which ``array`` makes."""
        if self.sqlite:
            return column.in_(select(self.values_of(name, kind)))
        return column == func.any(bindparam(name, type_=ARRAY(kind())))

    def values_of(self, name: str, kind: type[BigInteger | Text] = BigInteger) -> Any:
        """The values of the parameter ``name``, which ``array`` makes, as a column of a table."""
        value = named_column("value", kind)
        if self.sqlite:
            return func.json_each(bindparam(name, type_=Text)).table_valued(value).c.value
        return func.unnest(bindparam(name, type_=ARRAY(kind()))).table_valued(value).render_derived().c.value

    def array(self, values: Iterable[int | str]) -> Any:
        """The parameter value for ``is_any``."""
        items = list(values)
        return json.dumps(items) if self.sqlite else items

    def collated(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """``column`` compared by code points on both engines, whatever the collation of the database is."""
        return column if self.sqlite else collate(column, "C")


def live() -> ColumnElement[bool]:
    """Whether a grant has not expired at the parameter ``now``."""
    until = raw_time(grants.c.until)
    return or_(until.is_(None), until > bindparam("now", type_=BigInteger))


def holders(role: Any) -> Select[Any]:
    """A select of the distinct ``person_id`` that hold the role with this id at ``now``."""
    return select(grants.c.person_id).where(grants.c.role_id == role, live()).distinct()


def capped(rows: Select[Any]) -> Select[Any]:
    """A select of the number of rows of a select, counted up to ``MAX_COUNTED``."""
    return select(func.count()).select_from(rows.limit(MAX_COUNTED).subquery())


def page_size(limit: int) -> int:
    """The number of rows of a page: ``limit``, bounded."""
    return max(1, min(limit, MAX_ROWS))


def fits(text: str) -> bool:
    """Whether a text of a request can be stored unchanged; otherwise no row can match it."""
    return clean(text) == text
