"""Statements compiled once for an engine's dialect, for reads that must cost little more than the driver's own.

They are run on the driver's connection: values go in and come out as the driver has them (integers for times).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler

Row = Sequence[Any]


class PreparedStatement:
    """One statement's text, and how its values are handed over."""

    __slots__ = ("_constants", "_order", "text")

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = cast("ClauseElement", statement).compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("not a statement with values")
        self.text: str = compiled.string
        self._order: tuple[str, ...] | None = tuple(compiled.positiontup or ()) if compiled.positional else None
        self._constants: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}

    def values(self, given: Mapping[str, Any]) -> Any:
        """The values as the driver takes them: in order, or by name."""
        named = {**self._constants, **given} if self._constants else given
        return [named[name] for name in self._order] if self._order is not None else named
