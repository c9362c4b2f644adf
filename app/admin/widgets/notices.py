"""What happened, at the top of the page it happened on, with the way back where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.admin.widgets import failures
from app.core.errors import GatehouseError

_KEY: Final = "admin_notice"
_FRESH: Final = "admin_notice_fresh"


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back. ``do`` returns what happened, as markdown-safe text; it may raise any of our errors."""

    label: str
    do: Callable[[], str]


@dataclass(frozen=True, slots=True)
class _Notice:
    text: str
    place: str
    undo: Undo | None
    good: bool


def say(text: str, place: str, *, undo: Undo | None = None, good: bool = True) -> None:
    """Say ``text`` (markdown-safe) at ``place`` from the next run on, until it is dismissed or something else happens.

    ``good`` False: for what was not done, or not all of it.
    """
    st.session_state[_KEY] = _Notice(text, place, undo, good)
    st.session_state[_FRESH] = True


def dismiss() -> None:
    """Forget what there was to say."""
    st.session_state.pop(_KEY, None)


def show(place: str) -> None:
    """Show what there is to say at ``place``; what was said elsewhere is forgotten."""
    notice: _Notice | None = st.session_state.get(_KEY)
    if notice is not None and notice.place != place:
        dismiss()
        notice = None
    # Its place is taken in every run, so that a page keeps what was typed in it when a notice comes and goes.
    with st.container(key="admin-notice", gap="xsmall"):
        if notice is None:
            return
        if st.session_state.pop(_FRESH, False):  # seen wherever the page is scrolled to
            st.toast(notice.text, icon=":material/check_circle:" if notice.good else ":material/warning:")
        if notice.good:
            st.success(notice.text, icon=":material/check_circle:")
        else:
            st.warning(notice.text, icon=":material/warning:")
        with st.container(horizontal=True):
            if notice.undo is not None and st.button(notice.undo.label, key="undo", icon=":material/undo:"):
                _undo(notice.undo, place)
            st.button("Dismiss", key="dismiss", type="tertiary", on_click=dismiss)


def _undo(undo: Undo, place: str) -> None:
    try:
        with st.spinner("Taking it back…"):
            text = undo.do()
    except GatehouseError as error:
        failures.show(error, key="undo-failed")
    else:
        say(text, place)
        st.rerun()
