"""Pagination: a stack of cursors for each list, and the control under the list."""

from __future__ import annotations

from typing import Final, NamedTuple

import streamlit as st

from app.ui import texts
from app.ui.pages import Page

_KEY: Final = "admin_pages"


class _Position(NamedTuple):
    """The page that a list shows: its query, and the cursor of each page so far (the first is empty)."""

    query: object
    cursors: tuple[str, ...]


def cursor(name: str, query: object) -> str:
    """Return the cursor of the page that list ``name`` shows; a new ``query`` starts at the first page."""
    return _position(name, query).cursors[-1]


def restart(name: str) -> None:
    """Go back to the first page."""
    _positions().pop(name, None)


def control(name: str, query: object, page: Page, *, size: int, singular: str, plural: str) -> None:
    """Show the row numbers, the total, and buttons for the previous and next page; nothing for an empty list."""
    position = _position(name, query)
    before = (len(position.cursors) - 1) * size
    if not page.rows and not before:
        return
    total = texts.counted(page.total, capped=page.total_capped)
    noun = singular if page.total == 1 and not page.total_capped else plural
    with st.container(horizontal=True, vertical_alignment="center", key=f"{name}-pages"):
        if before or page.next is not None:
            text = f"{before + 1:,} to {before + len(page.rows):,} of {total} {noun}" if page.rows else "No more"
            st.button(
                "Previous", key=f"{name}-previous", icon=":material/chevron_left:",
                disabled=not before, on_click=_turn, args=(name, position, None),
            )  # fmt: skip
            st.button(
                "Next", key=f"{name}-next", icon=":material/chevron_right:", icon_position="right",
                disabled=page.next is None, on_click=_turn, args=(name, position, page.next),
            )  # fmt: skip
        else:
            text = f"{total} {noun}"
        texts.small(text)


def _positions() -> dict[str, _Position]:
    positions: dict[str, _Position] = st.session_state.setdefault(_KEY, {})
    return positions


def _position(name: str, query: object) -> _Position:
    position = _positions().get(name)
    if position is None or position.query != query:
        position = _positions()[name] = _Position(query, ("",))
    return position


def _turn(name: str, position: _Position, next_cursor: str | None) -> None:
    """Show the next page, or the previous one if ``next_cursor`` is None.

    ``position`` is the page on the screen, so that a click that arrives twice turns one page.
    """
    cursors = position.cursors[:-1] if next_cursor is None else (*position.cursors, next_cursor)
    _positions()[name] = position._replace(cursors=cursors or ("",))
