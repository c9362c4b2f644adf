"""Reads whose statements depend on what is asked: each form is built and compiled once, and then only run.

The same reads serve the directory (each alone, on the newest committed state) and units of work (inside them): they
differ only in who runs them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final

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
from sqlalchemy.sql import Executable

from app.core.directory import MOST_COUNTED, MOST_ROWS
from db.models import grants
from db.rows import raw_time
from db.statement import PreparedStatement, Row
from db.texts import clean

Fetch = Callable[..., list[Row]]
"""Runs one statement of the driver's, given its text and values; all rows."""

_PREPARED: Final[dict[tuple[str, Hashable], PreparedStatement]] = {}
"""By engine and form, of which there are as many as this package has statements and ways to put them together."""


class QueryCache:
    """Runs reads by their form. Safe from any thread when ``fetch`` is."""

    __slots__ = ("_dialect", "_fetch", "sqlite")

    def __init__(self, fetch: Fetch, dialect: Dialect) -> None:
        self._fetch = fetch
        self._dialect = dialect
        self.sqlite = dialect.name == "sqlite"

    def rows(self, form: Hashable, build: Callable[[], Executable], **given: Any) -> list[Row]:
        """All rows of the statement that ``build`` makes; equal forms are equal statements."""
        prepared = self._prepared(form, build)
        return self._fetch(prepared.text, prepared.values(given))

    def rows_replanned(self, form: Hashable, build: Callable[[], Executable], **given: Any) -> list[Row]:
        """As ``rows``, for what is best gone about in another way for other values.

        PostgreSQL would settle on one plan for all of them after a few times (PREPARE, "generic plan").
        """
        prepared = self._prepared(form, build)
        return self._fetch(prepared.text, prepared.values(given), **({} if self.sqlite else {"prepare": False}))

    def _prepared(self, form: Hashable, build: Callable[[], Executable]) -> PreparedStatement:
        key = (self._dialect.name, form)
        prepared = _PREPARED.get(key)
        if prepared is None:
            prepared = _PREPARED[key] = PreparedStatement(build(), self._dialect)
        return prepared

    def scalar(self, form: Hashable, build: Callable[[], Executable], **given: Any) -> int:
        """The one number that a statement gives."""
        return int(self.rows(form, build, **given)[0][0])

    def is_any(self, column: ColumnElement[Any], name: str, kind: type[BigInteger | Text] = BigInteger) -> Any:
        """That ``column`` is one of the values handed over by ``some`` as ``name``."""
        if self.sqlite:
            return column.in_(select(func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value))
        return column == func.any(bindparam(name, type_=ARRAY(kind())))

    def array(self, values: Iterable[int | str]) -> Any:
        """Many values for ``among``."""
        listed = list(values)
        return json.dumps(listed) if self.sqlite else listed

    def collated(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """``column`` compared by code points on both engines, whatever language the database is in."""
        return column if self.sqlite else collate(column, "C")


def live() -> ColumnElement[bool]:
    """Grants that have not expired at ``now``."""
    until = raw_time(grants.c.until)
    return or_(until.is_(None), until > bindparam("now", type_=BigInteger))


def holders(role: Any) -> Select[Any]:
    """Who holds the role with this id now, each once; as a select of ``person_id``."""
    return select(grants.c.person_id).where(grants.c.role_id == role, live()).distinct()


def capped(rows: Select[Any]) -> Select[Any]:
    """How many rows a select has, counted up to ``MOST_COUNTED``; as a select of one number."""
    return select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery())


def page_size(limit: int) -> int:
    """How many rows of a page to give."""
    return max(1, min(limit, MOST_ROWS))


def fits(text: str) -> bool:
    """Whether a text from outside could be stored at all; nothing is found by one that could not."""
    return clean(text) == text
