"""Permissions as lines and labels: each with its sentence and its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app import formatting
from app.admin.widgets import pagination
from app.admin.widgets.permission_groups import sentence_of
from app.core.permissions import CATALOGUE
from app.ui.pages import LocalPage

SIZE: Final = 100
"""Permissions on one page of a list."""
_MAX_WITHOUT_SEARCH: Final = 12
_WITHOUT_MARKDOWN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ,;'()-]{0,299}[.!?]?")
"""Text without markdown syntax."""


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
