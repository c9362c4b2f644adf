"""The notice of a page: the result of the last action, with Undo where it can be undone. It stays in view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.core.errors import GatehouseError
from app.ui import failures
from app.ui.sentences import Sentence

_KEY: Final = "admin_notice"


@dataclass(frozen=True, slots=True)
class Undo:
    """Undoes the action that a notice reports."""

    action: Callable[[], Sentence]
    """Returns the text of the next notice; may raise a ``GatehouseError``, which is shown."""


@dataclass(frozen=True, slots=True)
class _Notice:
    text: Sentence
    page_url: str
    undo: Undo | None
    success: bool


def post(text: Sentence, page_url: str, *, undo: Undo | None = None, success: bool = True) -> None:
    """Show a notice from the next run on, until it is dismissed or replaced.

    Args:
        text: What happened.
        page_url: The path and query of the page that shows it.
        undo: How to undo it, if that is possible.
        success: False if the action failed, or failed in part.
    """
    st.session_state[_KEY] = _Notice(text, page_url, undo, success)


def dismiss() -> None:
    """Remove the notice."""
    st.session_state.pop(_KEY, None)


def show(page_url: str) -> None:
    """Show the notice of ``page_url``; the notice of another page is removed."""
    notice: _Notice | None = st.session_state.get(_KEY)
    if notice is not None and notice.page_url != page_url:
        dismiss()
        notice = None
    # The container is drawn in every run, so that the page's inputs keep their values when a notice comes and goes.
    with st.container(key="notice", horizontal=True, vertical_alignment="center", gap="small"):
        if notice is None:
            return
        if notice.success:
            st.success(notice.text, icon=":material/check_circle:")
        else:
            st.warning(notice.text, icon=":material/warning:")
        if notice.undo is not None and st.button("Undo", key="undo", icon=":material/undo:"):
            _undo(notice.undo, page_url)
        st.button("Dismiss", key="dismiss", type="tertiary", on_click=dismiss)


def _undo(undo: Undo, page_url: str) -> None:
    try:
        with st.spinner("Undoing…"):
            text = undo.action()
    except GatehouseError as error:
        failures.show(error, key="undo-failed")
    else:
        post(text, page_url)
        st.rerun()
