"""The parts of a table: columns, rows, actions, and what the user pressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.ui.cells import Cell, one_line

OPEN: Final = "open"
"""The name of the event of a row that is opened."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. ``sort``: the API's name of its order; without one it does not sort."""

    key: str
    label: str
    sort: str = ""
    """Ascending; with ``-`` before it, descending."""
    newest_first: bool = False
    """Whether the first press of its header sorts in descending order."""
    kind: str = ""
    """``number``; ``short``: never broken into lines; ``mark``: in the middle; ``prose``: sentences, in normal weight
    also where they open."""
    hides: str = ""
    """``late``: hidden in a narrow table; ``later``: already in one of middle width, and on a phone."""
    label_hidden: bool = False
    opens: bool = False
    """Whether its cells are the links of rows that open; those of the first column are, without such a column."""

    @property
    def first_order(self) -> str:
        """The order after the first press of its header, as the API names it."""
        return f"-{self.sort}" if self.newest_first else self.sort

    def payload(self) -> dict[str, Any]:
        """The column for the browser; JSON-ready, as in ``component/frontend/table-view.js``."""
        return {
            "key": self.key,
            "label": self.label,
            "sorts": bool(self.sort),
            "kind": self.kind,
            "hides": self.hides,
            "hideLabel": self.label_hidden,
            "opens": self.opens,
        }


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done with a row, or with all selected ones. ``icon``: the name of a Material symbol."""

    name: str
    label: str
    icon: str = ""
    danger: bool = False
    compact: bool = False
    """Whether a wide table shows its icon only."""
    rows: int = 0
    """How many rows must be selected for it; 0: any number."""

    def payload(self) -> dict[str, Any]:
        """The action for the browser; JSON-ready."""
        return {
            "name": self.name,
            "label": self.label,
            "icon": self.icon,
            "danger": self.danger,
            "compact": self.compact,
            "rows": self.rows,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A row. ``id`` identifies it; ``label`` says what it is about; ``href`` is the address that it opens, if any."""

    id: str
    label: str
    cells: Sequence[Cell]
    href: str = ""
    actions: tuple[str, ...] = ()

    def payload(self) -> dict[str, Any]:
        """The row for the browser; JSON-ready."""
        return {
            "id": self.id,
            "label": one_line(self.label, cap=80),
            "href": self.href,
            "cells": list(self.cells),
            "actions": list(self.actions),
        }


@dataclass(frozen=True, slots=True)
class TableEvent:
    """What the user pressed: ``OPEN`` or a row's action, or an action for the selected rows (``row`` is empty)."""

    name: str
    row: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """The page to load."""

    sort: str
    """The order as the API names it."""
    cursor: str
    """Empty for the first page."""
    size: int
