"""Facts about one thing as a list: the label, and beside it a text, a link, or an identifier with a copy button."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

from app import formatting

_KEY: Final = "gatehouse_facts"  # the list that is drawn, and how many facts it has so far
_LABEL_WIDTH: Final = 150
_MAX_CHARACTERS: Final = 500


@contextmanager
def listed(key: str) -> Iterator[None]:
    """Draw a card; the block draws its facts. ``key``: differs from that of every other list of the page."""
    st.session_state[_KEY] = (key, 0)
    with st.container(border=True, gap="small", key=f"facts-{key}"):
        yield


@contextmanager
def fact(label: str) -> Iterator[None]:
    """Show ``label``, a plain text; what the block draws stands beside it, or below it where there is no room."""
    key, number = st.session_state[_KEY]
    st.session_state[_KEY] = (key, number + 1)
    with st.container(horizontal=True, gap="small", vertical_alignment="top", key=f"fact-{key}-{number}"):
        st.markdown(f":gray[{formatting.plain(label, cap=60)}]", width=_LABEL_WIDTH)
        with st.container(gap="xxsmall", width="stretch"):
            yield


def text(label: str, value: str) -> None:
    """Show a plain text; nothing for an empty one."""
    if value:
        with fact(label):
            st.markdown(formatting.plain(value, cap=_MAX_CHARACTERS))


def identifier(value: str) -> None:
    """Show an identifier with a button that copies it."""
    st.code(value[:_MAX_CHARACTERS], language=None, width="content", wrap_lines=True)
