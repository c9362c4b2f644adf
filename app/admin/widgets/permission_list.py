"""A list of permissions with their sentences, grouped by resource, with search and pages for long lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

import streamlit as st

from app import formatting
from app.admin.widgets import pagination
from app.admin.widgets.permission_groups import grouped, matching, sentence_of
from app.core.permissions import CATALOGUE
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui.pages import LocalPage

SIZE: Final = 100
"""Permissions on one page of a list."""
_MAX_WITHOUT_SEARCH: Final = 12
_WITHOUT_MARKDOWN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ,;'()-]{0,299}[.!?]?")
"""Text without markdown syntax."""


def show(
    names: Collection[str],
    *,
    key: str,
    sentences: Mapping[str, str] | None = None,
    annotate: Callable[[str], str] = lambda _: "",
    empty: str = "None.",
) -> None:
    """Show the list, with a search if it is long.

    Args:
        names: The permissions.
        key: Prefix of the widgets' keys.
        sentences: Name → sentence, for permissions that this process's catalogue lacks.
        annotate: Name → markdown-safe text to show beside the permission.
        empty: The text in place of an empty list.
    """
    if not names:
        st.write(empty)
        return
    text = ""
    if len(names) > _MAX_WITHOUT_SEARCH:
        text = st.text_input(
            "Search in these permissions", key=f"{key}-search", type="search", icon=":material/search:", live=True,
            max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of a name or sentence",
        )  # fmt: skip
    matches = matching(names, text, sentences)
    if not matches:
        st.info(f"None of these {len(names):,} permissions matches.", icon=":material/search_off:")
        return
    page = slice_of(matches, key, text)
    for group in grouped(page.rows):
        st.markdown(f"**{formatting.plain(group.title)}**")
        st.markdown(
            "\n".join(f"- {line(name, sentences=sentences, annotation=annotate(name))}" for name in group.names)
        )
    pagination.control(key, text, page, size=SIZE, singular="permission", plural="permissions")


def line(name: str, *, sentences: Mapping[str, str] | None = None, annotation: str = "") -> str:
    """One permission: its sentence, its name, and an annotation, as markdown-safe text."""
    text = f"{formatting.plain(sentence_of(name, sentences), cap=300)} :small[`{name_as_code(name)}`]"
    return f"{text} {annotation}".rstrip()


def label(name: str, sentences: Mapping[str, str] | None = None) -> str:
    """One permission as the label of a widget, escaped only if needed: screen readers read the escapes aloud."""
    sentence = sentence_of(name, sentences)
    permission = CATALOGUE.get(name)
    safe = (permission is not None and not permission.declared_by_app) or _WITHOUT_MARKDOWN.fullmatch(
        sentence
    ) is not None
    return f"{sentence if safe else formatting.plain(sentence, cap=300)} `{name_as_code(name)}`"


def name_as_code(name: str) -> str:
    """A permission's name for use between backticks: one line, at most 120 characters, without backticks."""
    return " ".join(name[:120].replace("`", "'").split())


def slice_of(names: list[str], key: str, query: object) -> LocalPage[str]:
    """Return the page of ``names`` that the pagination ``key`` shows; its cursors are offsets."""
    begin = min(int(pagination.cursor(key, query) or 0), max(0, len(names) - 1) // SIZE * SIZE)
    end = begin + SIZE
    return LocalPage(tuple(names[begin:end]), str(end) if end < len(names) else None, len(names), total_capped=False)
