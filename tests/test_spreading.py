"""Tests that wait run between those of other files."""

from __future__ import annotations

import pytest

from tests.spreading import spread


@pytest.mark.parametrize(
    ("items", "order"),
    [
        ("a1 a2 b1 w1 w2 c1 d1", "a1 a2 b1 w1 c1 d1 w2"),
        ("w1 w2 w3 a1 b1 b2", "a1 w1 b1 b2 w2 w3"),
        ("a1 a2", "a1 a2"),
        ("w1 w2", "w1 w2"),
        ("", ""),
    ],
)
def test_they_are_spread_between_whole_files_in_order(items: str, order: str) -> None:
    result = spread(items.split(), waits=lambda item: item.startswith("w"), file=lambda item: item[0])
    assert result == order.split()
