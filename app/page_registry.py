"""Streamlit's page objects for the rows of ``app.navigation``, and what a Streamlit session remembers of its way.

Making one looks its script up on disk and checks every word (50 µs each, in every run): done once for a process.
Nothing here decides; a page object opens nothing by itself.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal

import streamlit as st

from app.navigation import PageRow

_KEY: Final = "gatehouse_way"


@dataclass(slots=True)
class Way:
    """Where one Streamlit session has been. For display only; paths are without slashes."""

    paths: list[str] = field(default_factory=list)
    """Known paths that were asked for, or ran."""
    refused: str | None = None
    """The path whose refusal was recorded last, so that a rerun is no new refusal."""
    home: st.Page | None = None
    """The start page as registered, whatever it stands for now; None where there is none to go to."""


def way() -> Way:
    """This Streamlit session's; changing it is remembering."""
    known: Way | None = st.session_state.get(_KEY)
    if known is None:
        known = st.session_state[_KEY] = Way()
    return known


def page(row: PageRow, *, title: str, hidden: bool = False) -> st.Page:
    """The page as ``st.navigation`` and ``st.page_link`` take it. Only in a script run.

    A new object each time: Streamlit notes in it which one may run.
    """
    return copy(_made(row.script, row.path, title, "hidden" if hidden else "visible"))


@cache
def _made(script: Path, path: str, title: str, visibility: Literal["visible", "hidden"]) -> st.Page:
    return st.Page(script, title=title, url_path=path, default=not path, visibility=visibility)
