"""Texts before they are stored: what is removed from them."""

from __future__ import annotations

import sys

import pytest

from db.texts import _UNFIT, clean


def test_no_printable_character_is_removed() -> None:
    """``clean`` leaves a printable text as it is, without a search for what it would remove."""
    assert [char for char in map(chr, range(sys.maxunicode + 1)) if char.isprintable() and _UNFIT.match(char)] == []


@pytest.mark.parametrize(
    ("text", "limit", "cleaned"),
    [
        ("Zoë", 9, "Zoë"),
        ("abc", 2, "ab"),
        ("a\x00b\u202ec", 9, "abc"),
        ("\x00\x00abc", 3, "abc"),
        ("a\xa0b", 9, "a\xa0b"),
    ],
)
def test_control_characters_are_removed_and_the_length_is_limited(text: str, limit: int, cleaned: str) -> None:
    assert clean(text, limit) == cleaned
