"""Which dialog is open in this tab, and what it remembers until it is closed.

It is kept by the server, so that a page drawn anew by itself (somebody's rights have changed) loses neither the dialog
nor what was typed in it. Nothing about rights is kept: whatever a dialog does asks for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import streamlit as st

_KEY: Final = "admin_dialog"


@dataclass(slots=True)
class Dialog:
    """An open dialog: its name, where it was opened, what it is about, and its memory."""

    name: str
    place: str
    about: tuple[Any, ...] = ()
    memory: dict[str, Any] = field(default_factory=dict)


def open_dialog(name: str, place: str, *about: object) -> None:
    """Open a dialog from this run on; for ``on_click``. Another one that was open is closed."""
    st.session_state[_KEY] = Dialog(name, place, about)


def close() -> None:
    """Close whatever is open; what was typed in it is forgotten."""
    st.session_state.pop(_KEY, None)


def current(place: str) -> Dialog | None:
    """The dialog that is open at ``place``; one that was left open elsewhere is closed."""
    found: Dialog | None = st.session_state.get(_KEY)
    if found is not None and found.place != place:
        close()
        return None
    return found


def show(title: str, body: Callable[[], None], *, icon: str | None = None, wide: bool = False) -> None:
    """Draw the open dialog. ``title`` is markdown: anything that people wrote must be made safe before."""
    drawn = st.dialog(title, icon=icon, width="medium" if wide else "small", on_dismiss=close)(body)
    drawn()


def done() -> None:
    """Close, and draw the page anew with what has changed."""
    close()
    st.rerun()
