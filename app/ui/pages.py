"""One page of a list, as the API (``ListPage``) or a list in memory (``LocalPage``) gives it."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

T = TypeVar("T")
_MAX_DIGITS: Final = 9


class Page(Protocol):
    """One page of a list."""

    @property
    def rows(self) -> Sized:
        """The rows."""

    @property
    def next(self) -> str | None:
        """The cursor of the next page; None on the last one."""

    @property
    def total(self) -> int:
        """How many rows there are on all pages."""

    @property
    def total_capped(self) -> bool:
        """Whether there are that many or more."""


@dataclass(frozen=True, slots=True)
class LocalPage(Generic[T]):
    """One page of a list in memory."""

    rows: tuple[T, ...]
    next: str | None
    total: int
    total_capped: bool = False

    @classmethod
    def of(cls, rows: Sequence[T], cursor: str, size: int) -> LocalPage[T]:
        """The ``size`` rows after the offset ``cursor``; the last ones where there are fewer.

        A cursor from an address may be anything; one that is no offset is that of the first page.
        """
        last = max(0, len(rows) - 1) // size * size
        offset = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) <= _MAX_DIGITS else 0
        begin = min(offset, last)
        end = begin + size
        return cls(tuple(rows[begin:end]), str(end) if end < len(rows) else None, len(rows))
