"""What a browser sends for a table: anything at all, of which texts of bounded size are taken over."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st

from component import table
from component.table import SentEvent, SentSelection

KEY = "table-people"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
HALF_RIGHT = st.fixed_dictionaries(
    {},
    optional={
        "event": ANYTHING
        | st.fixed_dictionaries({}, optional={"id": ANYTHING, "kind": ANYTHING, "value": ANYTHING, "more": ANYTHING}),
        "selection": ANYTHING
        | st.fixed_dictionaries({}, optional={"id": ANYTHING, "page": ANYTHING, "ids": st.lists(ANYTHING) | ANYTHING}),
    },
)


def sent(state: object) -> tuple[SentEvent, SentSelection]:
    """What the component makes of the state of a browser."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamlit, "session_state", {KEY: state})
        return table.sent(KEY)


@given(ANYTHING | HALF_RIGHT)
def test_any_state_gives_texts_of_bounded_size(state: object) -> None:
    event, selection = sent(state)
    assert isinstance(event, SentEvent)
    assert all(isinstance(text, str) for text in (event.id, event.kind, event.value, selection.id, selection.page))
    assert all(len(text) <= 64 for text in (event.id, event.kind, selection.id, selection.page))
    assert len(event.value) <= 256
    assert len(selection.rows) <= 1000
    assert all(isinstance(row, str) for row in selection.rows)
    assert all(len(row) <= 256 for row in selection.rows)


def test_what_a_table_sends_is_read() -> None:
    state = {
        "event": {"id": "e1", "kind": "sort", "value": "name"},
        "selection": {"id": "s1", "page": "2", "ids": ["7", "8", "7"]},
    }
    assert sent(state) == (SentEvent("e1", "sort", "name"), SentSelection("s1", "2", frozenset({"7", "8"})))


@pytest.mark.parametrize("state", [None, {}, [], "x", 7, {"event": None}, {"selection": {"id": "x", "ids": "7"}}])
def test_without_an_event_and_a_selection_there_is_none(state: Any) -> None:
    assert sent(state) == (SentEvent(), SentSelection())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamlit, "session_state", {})
        assert table.sent(KEY) == (SentEvent(), SentSelection())


def test_a_text_that_is_too_long_is_dropped_and_so_are_rows_beyond_the_limit() -> None:
    event, _ = sent({"event": {"id": "x" * 65, "kind": "open", "value": "y" * 257}})
    assert event == SentEvent("", "open", "")
    _, selection = sent({"selection": {"id": "s", "page": "0", "ids": [str(number) for number in range(5000)]}})
    assert selection.rows == frozenset(str(number) for number in range(1000))
