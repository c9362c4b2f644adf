"""One page of a list, as the API (``ListPage``) or a list in memory (``LocalPage``) gives it."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


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
    total_capped: bool
