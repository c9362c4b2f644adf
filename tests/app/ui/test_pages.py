"""Pages of a list in memory."""

from __future__ import annotations

import pytest

from app.ui.pages import LocalPage

ROWS = list(range(7))


@pytest.mark.parametrize(
    ("cursor", "rows", "following"),
    [("", (0, 1, 2), "3"), ("3", (3, 4, 5), "6"), ("6", (6,), None), ("9", (6,), None), ("999999999", (6,), None)],
)
def test_a_page_has_the_rows_after_its_cursor(cursor: str, rows: tuple[int, ...], following: str | None) -> None:
    page = LocalPage.of(ROWS, cursor, 3)
    assert (page.rows, page.next, page.total, page.total_capped) == (rows, following, 7, False)


def test_a_list_that_fills_its_last_page_has_no_page_after_it() -> None:
    assert LocalPage.of(ROWS[:6], "3", 3) == LocalPage((3, 4, 5), None, 6)
    assert LocalPage.of(ROWS[:6], "6", 3).rows == (3, 4, 5)


def test_an_empty_list_has_an_empty_page() -> None:
    assert LocalPage.of([], "", 3) == LocalPage((), None, 0)
    assert LocalPage.of([], "3", 3) == LocalPage((), None, 0)


@pytest.mark.parametrize("cursor", ["-3", "x", " 3", "3.0", "²", "٣", "1e3", "9" * 10, "9" * 5000])
def test_a_cursor_that_is_no_offset_shows_the_first_page(cursor: str) -> None:
    assert LocalPage.of(ROWS, cursor, 3).rows == (0, 1, 2)
