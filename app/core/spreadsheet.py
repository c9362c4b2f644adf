"""Cells of CSV files that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""

from __future__ import annotations

from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula somewhere, full-width signs included."""


def safe_cell(text: str) -> str:
    """``text``, behind an apostrophe where it would begin a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
