"""Going through a list page by page: a stack of cursors per list, and the control under it."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import streamlit as st

from app.admin.widgets import labels

T = TypeVar("T")

_KEY: Final = "admin_pages"


class Page(Protocol):
    """One page of a list: of the API (``ListPage``), or of a list in memory (``LocalPage``)."""

    @property
    def rows(self) -> Sized:
        """The rows."""

    @property
    def next(self) -> str | None:
        """The cursor of the next page; None on the last one."""

    @property
    def total(self) -> int:
        """How many rows there are on all pages."""

    @property
    def total_capped(self) -> bool:
        """Whether there are that many or more."""


@dataclass(frozen=True, slots=True)
class LocalPage(Generic[T]):
    """One page of a list in memory."""

    rows: tuple[T, ...]
    next: str | None
    total: int
    total_capped: bool


class _Place(NamedTuple):
    """Where a list stands: what was asked, and the cursor of each page so far (the first is empty)."""

    asked: object
    cursors: tuple[str, ...]


def cursor(name: str, asked: object) -> str:
    """The cursor of the page that list ``name`` shows; the first page again when something else is ``asked``."""
    return _place(name, asked).cursors[-1]


def restart(name: str) -> None:
    """Go back to the first page."""
    _places().pop(name, None)


def control(name: str, asked: object, page: Page, *, size: int, one: str, more: str) -> None:
    """How many there are and which are shown, with ways to the pages before and after. Nothing for an empty list."""
    place = _place(name, asked)
    before = (len(place.cursors) - 1) * size
    if not page.rows and not before:
        return
    total = labels.counted(page.total, capped=page.total_capped)
    noun = one if page.total == 1 and not page.total_capped else more
    with st.container(horizontal=True, vertical_alignment="center", key=f"{name}-pages"):
        if before or page.next is not None:
            shown = f"{before + 1:,} to {before + len(page.rows):,} of {total} {noun}" if page.rows else "No more"
            st.button(
                "Previous", key=f"{name}-previous", icon=":material/chevron_left:",
                disabled=not before, on_click=_turn, args=(name, place, None),
            )  # fmt: skip
            st.button(
                "Next", key=f"{name}-next", icon=":material/chevron_right:", icon_position="right",
                disabled=page.next is None, on_click=_turn, args=(name, place, page.next),
            )  # fmt: skip
        else:
            shown = f"{total} {noun}"
        labels.note(shown)


def _places() -> dict[str, _Place]:
    places: dict[str, _Place] = st.session_state.setdefault(_KEY, {})
    return places


def _place(name: str, asked: object) -> _Place:
    place = _places().get(name)
    if place is None or place.asked != asked:
        place = _places()[name] = _Place(asked, ("",))
    return place


def _turn(name: str, place: _Place, onwards: str | None) -> None:
    """One page on, or back; from the place that was on the screen, so that a press that comes twice turns once."""
    cursors = place.cursors[:-1] if onwards is None else (*place.cursors, onwards)
    _places()[name] = place._replace(cursors=cursors or ("",))
