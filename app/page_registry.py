"""Streamlit's page objects for the rows of ``app.navigation``, and the navigation state of a Streamlit session.

``st.Page`` looks its script up on disk and checks every argument (50 µs for each page in every run), so each page
object is created once per process. Nothing here decides: a page object opens no page by itself.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal

import streamlit as st

from app.navigation import PageRow

_KEY: Final = "gatehouse_navigation"


@dataclass(slots=True)
class NavigationState:
    """What one Streamlit session has opened. For display only; paths are without slashes."""

    paths: list[str] = field(default_factory=list)
    """Known paths that were requested, or ran."""
    recent: list[str] = field(default_factory=list)
    """Paths of the pages that ran, each once, the one that ran last at the end; the start page is not among them."""
    refused: str | None = None
    """The path whose refusal was recorded last: a rerun records no second one."""
    home: st.Page | None = None
    """The start page as registered, a stand-in included; None where the user has no start page."""

    def record(self, path: str) -> None:
        """Record that a page runs."""
        if path and self.recent[-1:] != [path]:
            self.recent = [*(other for other in self.recent if other != path), path]


def navigation_state() -> NavigationState:
    """The navigation state of this Streamlit session; changes to it last as long as the session."""
    state: NavigationState | None = st.session_state.get(_KEY)
    if state is None:
        state = st.session_state[_KEY] = NavigationState()
    return state


def page(row: PageRow, *, title: str, hidden: bool = False) -> st.Page:
    """Return the page object that ``st.navigation`` and ``st.page_link`` accept. Only in a script run.

    Each call returns a new copy: Streamlit records in the object which page may run.
    """
    return copy(_created(row.script, row.path, title, "hidden" if hidden else "visible"))


@cache
def _created(script: Path, path: str, title: str, visibility: Literal["visible", "hidden"]) -> st.Page:
    return st.Page(script, title=title, url_path=path, default=not path, visibility=visibility)
