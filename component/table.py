"""The Streamlit component of a table whose rows, order and selection the server has (``app.ui.table`` uses it).

Nothing that the browser sends is trusted here or by Streamlit: ``sent`` returns texts of bounded size, and the caller
accepts only what it has offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import streamlit as st

COMPONENT: Final = "streamlit-gatehouse.table"
_MODULE: Final = "table.js"
_MAX_ID_CHARACTERS: Final = 64
_MAX_VALUE_CHARACTERS: Final = 256
_MAX_SELECTED: Final = 1000


@dataclass(frozen=True, slots=True)
class SentEvent:
    """What the user did last. ``id`` differs for each event of a browser."""

    id: str = ""
    kind: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class SentSelection:
    """The selected rows of one page, as the browser shows them."""

    id: str = ""
    page: str = ""
    rows: frozenset[str] = frozenset()


def draw(key: str, data: Mapping[str, Any]) -> None:
    """Draw the table. ``data``: ``TableData`` of ``component/frontend/table-view.js``; JSON-ready."""
    _component()(key=key, data=data)


def sent(key: str) -> tuple[SentEvent, SentSelection]:
    """The last event and selection that the browser sent for the table ``key``; empty ones where it sent none."""
    state = st.session_state.get(key)
    values = state if isinstance(state, Mapping) else {}
    return _event(values.get("event")), _selection(values.get("selection"))


def _event(value: object) -> SentEvent:
    if not isinstance(value, Mapping):
        return SentEvent()
    texts = [
        _text(value.get(name), limit)
        for name, limit in (("id", _MAX_ID_CHARACTERS), ("kind", _MAX_ID_CHARACTERS), ("value", _MAX_VALUE_CHARACTERS))
    ]
    return SentEvent(*texts)


def _selection(value: object) -> SentSelection:
    if not isinstance(value, Mapping) or not isinstance(value.get("ids"), list):
        return SentSelection()
    rows = frozenset(_text(row, _MAX_VALUE_CHARACTERS) for row in value["ids"][:_MAX_SELECTED])
    return SentSelection(_text(value.get("id"), _MAX_ID_CHARACTERS), _text(value.get("page"), _MAX_ID_CHARACTERS), rows)


def _text(value: object, limit: int) -> str:
    return value if isinstance(value, str) and len(value) <= limit else ""


@cache
def _component() -> Any:
    """The registered component. Not at import: Streamlit knows packaged components only once its runtime exists."""
    return st.components.v2.component(COMPONENT, js=_MODULE)
