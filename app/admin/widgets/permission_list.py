"""A list of permissions in plain sentences, grouped by what they are about; thousands of them stay usable."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

import streamlit as st

from app import formatting
from app.admin.widgets import pagination
from app.admin.widgets.pagination import LocalPage
from app.admin.widgets.permission_groups import grouped, matching, sentence_of
from app.core.permissions import CATALOGUE

SIZE: Final = 100
"""Permissions on one page of a list."""
SEARCH_MAX: Final = 200
"""Characters that the API looks for at most."""
_WORTH_A_SEARCH: Final = 12
_HARMLESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ,;'()-]{0,299}[.!?]?")
"""Text in which nothing means anything to markdown."""


def show(
    names: Collection[str],
    *,
    key: str,
    sentences: Mapping[str, str] | None = None,
    note: Callable[[str], str] = lambda _: "",
    empty: str = "None.",
) -> None:
    """The list, with a search over it when it is long.

    ``sentences``: name → sentence, of permissions that this process's catalogue lacks. ``note``: markdown-safe
    text beside a permission. ``empty``: the text in place of an empty list.
    """
    if not names:
        st.write(empty)
        return
    text = ""
    if len(names) > _WORTH_A_SEARCH:
        text = st.text_input(
            "Search in these permissions", key=f"{key}-search", type="search", icon=":material/search:", live=True,
            max_chars=SEARCH_MAX, placeholder="Part of a name or sentence",
        )  # fmt: skip
    found = matching(names, text, sentences)
    if not found:
        st.info(f"None of these {len(names):,} permissions matches.", icon=":material/search_off:")
        return
    page = slice_of(found, key, text)
    for group in grouped(page.rows):
        st.markdown(f"**{formatting.plain(group.title)}**")
        st.markdown("\n".join(f"- {line(name, sentences=sentences, note=note(name))}" for name in group.names))
    pagination.control(key, text, page, size=SIZE, one="permission", more="permissions")


def line(name: str, *, sentences: Mapping[str, str] | None = None, note: str = "") -> str:
    """One permission: its sentence, its name, and a note, as markdown-safe text."""
    shown = f"{formatting.plain(sentence_of(name, sentences), cap=300)} :small[`{name_as_code(name)}`]"
    return f"{shown} {note}".rstrip()


def label(name: str, sentences: Mapping[str, str] | None = None) -> str:
    """One permission as a widget's label: a screen reader says it as it is written, so no mark that need not be."""
    sentence = sentence_of(name, sentences)
    known = CATALOGUE.get(name)
    harmless = (known is not None and not known.declared) or _HARMLESS.fullmatch(sentence) is not None
    return f"{sentence if harmless else formatting.plain(sentence, cap=300)} `{name_as_code(name)}`"


def name_as_code(name: str) -> str:
    """A permission's name between backticks: one line, capped, and no backtick in it."""
    return " ".join(name[:120].replace("`", "'").split())


def slice_of(found: list[str], key: str, asked: object) -> LocalPage[str]:
    """The page of a list at hand that ``key``'s paging stands at; its cursors are offsets."""
    begin = min(int(pagination.cursor(key, asked) or 0), max(0, len(found) - 1) // SIZE * SIZE)
    end = begin + SIZE
    return LocalPage(tuple(found[begin:end]), str(end) if end < len(found) else None, len(found), total_capped=False)
