"""A table of which the server has the order, the pages and the selection, so that it works for 100,000 rows.

A page makes a ``Table`` once, and uses it in each run::

    PEOPLE = Table("people", columns=(Column("name", "Name", sort="name"), …), singular="person", plural="people")

    page = PEOPLE.load(query, lambda at: people(query, sort=at.sort, cursor=at.cursor, limit=at.size))
    event = PEOPLE.show("People", [Row(…) for row in page.rows], page)
    if event is not None and event.name == "open": …

An event is returned in one run only, and only if the table offered it when it was drawn last. That is no check of a
permission: what an event leads to has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import streamlit as st

from app.core.errors import InvalidInput
from app.ui.pages import Page
from app.ui.table_parts import OPEN, Action, Column, Position, Row, TableEvent
from component import table as component

SIZES: Final = (25, 50, 100)
_KEY: Final = "gatehouse_tables"
_MAX_PAGE_NUMBER: Final = 1_000_000
_MAX_CURSOR_CHARACTERS: Final = 3000
P = TypeVar("P", bound=Page)


@dataclass(slots=True)
class _State:
    """One table in one Streamlit session."""

    sort: str
    size: int
    query: object = None
    cursors: list[str | None] = field(default_factory=lambda: [""])
    """Of each page up to the present one; None where it is not known, because the address began further on."""
    turns: int = 0
    """How many times another page was shown; identifies the rows on screen."""
    handled: str = ""
    handled_selection: str = ""
    pressed: TableEvent | None = None
    next_cursor: str | None = None
    rows: Mapping[str, Row] = field(default_factory=dict)
    bulk: Mapping[str, int] = field(default_factory=dict)
    """Name of each action for selected rows → how many of them it needs; 0: any number."""
    row_actions: tuple[str, ...] = ()
    selected: dict[str, str] = field(default_factory=dict)
    """Id → label of the selected rows of all pages."""
    is_started: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    ``in_address``: whether its order and page stand in the address, for at most one table of a page. ``scrolls``: it
    scrolls in its frame, below its header and beside its first column, for tables with many columns.
    """

    name: str
    columns: tuple[Column, ...]
    singular: str
    plural: str
    sort: str = ""
    """The order at first; the first column's without one."""
    sizes: tuple[int, ...] = SIZES
    in_address: bool = False
    scrolls: bool = False

    def load(self, query: object, fetch: Callable[[Position], P]) -> P:
        """Load the page of rows to show; another ``query`` starts at the first page.

        Raises:
            GatehouseError: What ``fetch`` raises.
        """
        state = self._state()
        if not state.is_started:
            state.is_started, state.query = True, query
            self._read_address(state)
        elif state.query != query:
            state.query = query
            self._go(state, [""])
        self._receive(state)
        try:
            page = fetch(self._position(state))
        except InvalidInput as error:
            if not state.cursors[-1] or "cursor" not in error.problems:
                raise
            self._go(state, [""])  # the row that the cursor names is gone
            page = fetch(self._position(state))
        state.next_cursor = page.next
        self._write_address(state)
        return page

    def show(
        self,
        label: str,
        rows: Sequence[Row],
        page: Page | None = None,
        *,
        bulk: Sequence[Action] = (),
        row_actions: Sequence[Action] = (),
    ) -> TableEvent | None:
        """Draw the table; return what the user pressed since the last run, if anything.

        Args:
            label: The name of the table, for screen readers.
            rows: The rows of this page.
            page: What ``load`` returned; None for a table of one page.
            bulk: The actions for selected rows; without any, rows cannot be selected.
            row_actions: The actions that rows name.
        """
        state = self._state()
        if page is None:
            self._receive(state)
        pressed, state.pressed = state.pressed, None
        state.rows, state.bulk = {row.id: row for row in rows}, {action.name: action.rows for action in bulk}
        state.row_actions = tuple(action.name for action in row_actions)
        here = [row.id for row in rows if row.id in state.selected]
        data = {
            "label": label,
            "columns": [column.payload() for column in self.columns],
            "rows": [row.payload() for row in rows],
            "sort": {"key": self._sorted_by(state), "descending": state.sort.startswith("-")},
            "selects": bool(bulk),
            "scrolls": self.scrolls,
            "selected": here,
            "selectedElsewhere": len(state.selected) - len(here),
            "bulk": [action.payload() for action in bulk],
            "rowActions": [action.payload() for action in row_actions],
            "pages": None if page is None else self._pages(state, page),
            "page": str(state.turns),
            "handled": state.handled,
            "handledSelection": state.handled_selection,
        }
        component.draw(self._key, data)
        return pressed

    @property
    def selected(self) -> dict[str, str]:
        """Id → label of the selected rows, of all pages and queries."""
        return dict(self._state().selected)

    def clear_selection(self) -> None:
        """Select nothing."""
        self._state().selected.clear()

    @property
    def _key(self) -> str:
        return f"table-{self.name}"

    def _state(self) -> _State:
        states = _states()
        if self.name not in states:
            states[self.name] = _State(sort=self._first_sort(), size=self.sizes[0])
        return states[self.name]

    def _first_sort(self) -> str:
        return self.sort or next((column.first_order for column in self.columns if column.sort), "")

    def _read_address(self, state: _State) -> None:
        """Take the order, size and page over from the address."""
        if not self.in_address:
            return
        sort = st.query_params.get("sort", "")
        if any(sort.removeprefix("-") == column.sort for column in self.columns if column.sort):
            state.sort = sort
        size = _number(st.query_params.get("rows", ""))
        if size in self.sizes:
            state.size = size
        number, cursor = _number(st.query_params.get("page", "")), st.query_params.get("after", "")
        if number > 1 and cursor and len(cursor) <= _MAX_CURSOR_CHARACTERS:
            state.cursors = ["", *[None] * (min(number, _MAX_PAGE_NUMBER) - 2), cursor]

    def _write_address(self, state: _State) -> None:
        if not self.in_address:
            return
        number = len(state.cursors)
        values = {
            "sort": state.sort if state.sort != self._first_sort() else "",
            "rows": str(state.size) if state.size != self.sizes[0] else "",
            "page": str(number) if number > 1 else "",
            "after": state.cursors[-1] or "",
        }
        for name, value in values.items():
            if value and st.query_params.get(name) != value:
                st.query_params[name] = value
            elif not value and name in st.query_params:
                del st.query_params[name]

    def _receive(self, state: _State) -> None:
        """Take over what the browser sent since the last run."""
        event, selection = component.sent(self._key)
        if selection.id and selection.id != state.handled_selection and selection.page == str(state.turns):
            state.handled_selection = selection.id
            for row in state.rows.values() if state.bulk else ():
                if row.id in selection.rows:
                    state.selected[row.id] = row.label
                else:
                    state.selected.pop(row.id, None)
        if event.id and event.id != state.handled:
            state.handled = event.id
            self._handle(state, event)

    def _handle(self, state: _State, event: component.SentEvent) -> None:
        match event.kind:
            case "sort":
                column = next((column for column in self.columns if column.sort and column.key == event.value), None)
                if column is not None:
                    is_sorted = state.sort.removeprefix("-") == column.sort
                    state.sort = _reversed(state.sort) if is_sorted else column.first_order
                    self._go(state, [""])
            case "size":
                if _number(event.value) in self.sizes:
                    state.size = _number(event.value)
                    self._go(state, [""])
            case "next":
                if state.next_cursor is not None:
                    self._go(state, [*state.cursors, state.next_cursor])
            case "previous":
                earlier = state.cursors[:-1]
                self._go(state, earlier if earlier and earlier[-1] is not None else [""])
            case "clear":
                state.selected.clear()
            case name:
                self._press(state, name, event.value)

    def _press(self, state: _State, name: str, row: str) -> None:
        """Keep an action for ``show`` to return, if the table as drawn last offered it."""
        offered = state.rows.get(row)
        if offered is not None:
            if (name == OPEN and offered.href) or (name in offered.actions and name in state.row_actions):
                state.pressed = TableEvent(name, row)
        elif not row and name in state.bulk and state.bulk[name] in {0, len(state.selected)} and state.selected:
            state.pressed = TableEvent(name)

    def _go(self, state: _State, cursors: list[str | None]) -> None:
        state.cursors = cursors
        state.turns += 1

    def _position(self, state: _State) -> Position:
        return Position(state.sort, state.cursors[-1] or "", state.size)

    def _sorted_by(self, state: _State) -> str:
        name = state.sort.removeprefix("-")
        return next((column.key for column in self.columns if column.sort and column.sort == name), "")

    def _pages(self, state: _State, page: Page) -> dict[str, Any]:
        before = (len(state.cursors) - 1) * state.size
        total = f"{page.total:,}{'+' if page.total_capped else ''}"
        noun = self.singular if page.total == 1 and not page.total_capped else self.plural
        count = len(page.rows)
        many = before or page.next is not None
        return {
            "text": f"{before + 1:,} to {before + count:,} of {total} {noun}" if many and count else f"{total} {noun}",
            "previous": len(state.cursors) > 1,
            "next": page.next is not None,
            "size": state.size,
            "sizes": list(self.sizes) if many or state.size != self.sizes[0] else [],
        }


def _states() -> dict[str, _State]:
    states: dict[str, _State] = st.session_state.setdefault(_KEY, {})
    return states


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else 0  # noqa: PLR2004 - of _MAX_PAGE_NUMBER


def _reversed(sort: str) -> str:
    return sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"
