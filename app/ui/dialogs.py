"""The dialog that is open in this tab, and its memory until it is closed.

The server keeps both, so that a page that reruns by itself (the user's permissions changed) loses neither the dialog
nor the input in it. No permission is stored: every action of a dialog checks its own permission.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import streamlit as st

from app.ui.sentences import Sentence

_KEY: Final = "admin_dialog"


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


def show(title: Sentence, body: Callable[[], None], *, icon: str | None = None, wide: bool = False) -> None:
    """Draw the open dialog."""
    draw = st.dialog(title, icon=icon, width="medium" if wide else "small", on_dismiss=close)(body)
    draw()


def close_and_rerun() -> None:
    """Close the dialog, and rerun the page to show the change."""
    close()
    st.rerun()
