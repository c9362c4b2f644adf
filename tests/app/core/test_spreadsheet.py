"""Cells of CSV files, as a spreadsheet opens them."""

from __future__ import annotations

import pytest

from app.core.spreadsheet import safe_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_would_be_a_formula_is_text(start: str) -> None:
    assert safe_cell(f"{start}1") == f"'{start}1"
    assert safe_cell(f"a{start}1") == f"a{start}1"


def test_harmless_cells_stay_as_they_are() -> None:
    for text in ("", "/reports", "plain", "'quoted"):
        assert safe_cell(text) == text
