"""Cursors: what was encoded is decoded, for the same query only."""

from __future__ import annotations

import pytest

from app.core.errors import InvalidInput
from db.cursors import Position, cursor, position_of


@pytest.mark.parametrize(
    "position", [("ada", 7), ("", 0), ('a "quoted", \\ and \n', -1), ("ü\U0001f600", 2**63 - 1), (None, 3)]
)
def test_a_position_is_returned_unchanged(position: Position) -> None:
    kinds = (None if position[0] is None else str, int)
    assert position_of(cursor(("people", "x"), position), ("people", "x"), *kinds) == position


def test_a_cursor_of_another_query_is_refused() -> None:
    with pytest.raises(InvalidInput):
        position_of(cursor(("people", "x"), ("ada", 7)), ("people", "y"), str, int)
