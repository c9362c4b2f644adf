"""Statements compiled once for a dialect, for reads that must cost little more than a read through the driver alone.

They are executed on the driver's connection, so parameters and columns have the driver's types: times are integers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler

Row = Sequence[Any]
"""A row as the driver or SQLAlchemy returns it, read by position."""


_PREPARED: Final[dict[tuple[str, Hashable], PreparedStatement]] = {}
"""(dialect, form) → statement. Forms are bounded: the statements of this package and the combinations of filters."""


class PreparedStatement:
    """The SQL text of a statement and the order of its parameters."""

    __slots__ = ("_constants", "_order", "text")

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = cast("ClauseElement", statement).compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("not a statement with parameters")
        self.text: str = compiled.string
        self._order: tuple[str, ...] | None = tuple(compiled.positiontup or ()) if compiled.positional else None
        self._constants: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}

    def values(self, parameters: Mapping[str, Any]) -> Any:
        """The parameters as the driver takes them: a list in order, or a mapping by name."""
        named = {**self._constants, **parameters} if self._constants else parameters
        return [named[name] for name in self._order] if self._order is not None else named


def prepared_once(dialect: Dialect, form: Hashable, build: Callable[[], Executable]) -> PreparedStatement:
    """The statement of a form, built and compiled once in this process for each dialect.

    Args:
        dialect: The dialect of the engine.
        form: Identifies the statement: equal forms must have equal statements.
        build: Builds the statement.
    """
    key = (dialect.name, form)
    prepared = _PREPARED.get(key)
    if prepared is None:
        prepared = _PREPARED[key] = PreparedStatement(build(), dialect)
    return prepared
