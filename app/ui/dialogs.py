"""The dialog that is open in this tab, and its memory until it is closed.

The server keeps both, so that a page that reruns by itself (the user's permissions changed) loses neither the dialog
nor the input in it. No permission is stored: every action of a dialog checks its own permission.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

import streamlit as st

from app.core.errors import GatehouseError, NotFound, PermissionDenied, Unauthenticated
from app.ui.sentences import Sentence

T = TypeVar("T")
_KEY: Final = "admin_dialog"
_FINAL: Final = (PermissionDenied, Unauthenticated, NotFound)
"""Errors after which an earlier result must not stay in use."""


class _Read(NamedTuple):
    """The last result that a part of a dialog has read."""

    query: object
    result: Any


@dataclass(slots=True)
class Dialog:
    """An open dialog."""

    name: str
    page_url: str
    """The path and query of the page that opened it."""
    arguments: tuple[Any, ...] = ()
    """The resources that it changes, as passed to ``open_dialog``."""
    memory: dict[str, Any] = field(default_factory=dict)
    """Values kept between runs until it is closed."""
    reads: dict[str, _Read] = field(default_factory=dict)
    """Part → what it has read last (``read_or_last``)."""


_drawn: ContextVar[Dialog | None] = ContextVar("drawn_dialog", default=None)
"""The dialog whose body runs now: another page may have left one open."""


def open_dialog(name: str, page_url: str, *arguments: object) -> None:
    """Open a dialog from this run on; for ``on_click``. A dialog that was open is closed."""
    st.session_state[_KEY] = Dialog(name, page_url, arguments)


def close() -> None:
    """Close the open dialog, if any, and drop its input."""
    st.session_state.pop(_KEY, None)


def current(page_url: str) -> Dialog | None:
    """Return the dialog that is open on ``page_url``; a dialog of another page is closed."""
    dialog: Dialog | None = st.session_state.get(_KEY)
    if dialog is not None and dialog.page_url != page_url:
        close()
        return None
    return dialog


def read_or_last(key: str, query: object, read: Callable[[], T]) -> tuple[T, GatehouseError | None]:
    """Read what a part of the dialog offers; when that fails, return what was read last in this dialog.

    A dialog reads in each of its runs. Without a result it would omit its widgets, and Streamlit would drop the input
    in them.

    Args:
        key: The part of the dialog.
        query: What is read, such as the text of a search.
        read: Reads it.

    Returns:
        The result; and the error, if the result is that of another query.

    Raises:
        GatehouseError: Nothing was read before, or the user may not read it any more. Outside of a dialog: as ``read``.
    """
    dialog = _drawn.get()
    try:
        result = read()
    except GatehouseError as error:
        last = dialog.reads.get(key) if dialog is not None else None
        if last is None or isinstance(error, _FINAL):
            raise
        return last.result, error if last.query != query else None
    if dialog is not None:
        dialog.reads[key] = _Read(query, result)
    return result, None


def show(title: Sentence, body: Callable[[], None], *, icon: str | None = None, wide: bool = False) -> None:
    """Draw the open dialog."""
    dialog: Dialog | None = st.session_state.get(_KEY)

    def drawn() -> None:  # in each run of the dialog by itself too
        token = _drawn.set(dialog)
        try:
            body()
        finally:
            _drawn.reset(token)

    draw = st.dialog(title, icon=icon, width="medium" if wide else "small", on_dismiss=close)(drawn)
    draw()


def close_and_rerun() -> None:
    """Close the dialog, and rerun the page to show the change."""
    close()
    st.rerun()
