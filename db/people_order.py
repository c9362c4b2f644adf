"""The orders of the list of people, in parts: each is walked along an index, and they follow each other.

By name: whose name begins with what is searched for, then the other names, then those without one. By time: the newest
first, then those never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, Text, and_, bindparam, literal_column, or_, tuple_

from app.core.directory import PeopleSort
from db.cursors import Place
from db.models import people
from db.rows import raw_time

LAST: Final = "\U0010ffff"
SORTS: Final[dict[PeopleSort, ColumnElement[Any]]] = {
    PeopleSort.NAME: people.c.name_key,
    PeopleSort.LAST_SEEN: raw_time(people.c.last_seen_at),
    PeopleSort.FIRST_SEEN: raw_time(people.c.first_seen_at),
}
_NOTHING: Final = literal_column("''", Text)


class Part(IntEnum):
    """A part of an order."""

    BEGINNING = 0
    OTHERS = 1
    WITHOUT = 2


@dataclass(frozen=True, slots=True)
class Order:
    """One order; ``words``: what names are looked for by, empty where the order is by time."""

    sort: PeopleSort
    words: str

    def sorted(self, places: Sequence[Place], after: Place | None) -> list[Place]:
        """Places in this order, from behind ``after``."""
        down = self.sort is not PeopleSort.NAME
        height = self._height()
        ordered = sorted(places, key=height, reverse=down)
        if after is None:
            return ordered
        here = height(after)
        return [place for place in ordered if (height(place) < here if down else height(place) > here)]

    def segments(self, after: Place | None, value: ColumnElement[Any]) -> list[Segment]:
        """The parts of the order from ``after`` on; ``value``: what it is by, as its index has it."""
        first = Part.BEGINNING if self.words else Part.OTHERS
        begun = first if after is None else self._part(after)
        return [
            Segment(self, part, value, after if after is not None and part is begun else None)
            for part in Part
            if part >= max(first, begun)
        ]

    def _part(self, place: Place) -> Part:
        value = place[0]
        if value is None or value == "":
            return Part.WITHOUT
        if self.words and isinstance(value, str) and value.startswith(self.words):
            return Part.BEGINNING
        return Part.OTHERS

    def _height(self) -> Callable[[Place], tuple[Any, ...]]:
        """What places are sorted by, as a function: it is asked hundreds of times for each page."""
        words = self.words
        if self.sort is PeopleSort.NAME:
            return lambda place: (not place[0], not str(place[0]).startswith(words), place[0], place[1])
        return lambda place: (place[0] is not None, place[0] or 0, place[1])


@dataclass(frozen=True, slots=True)
class Segment:
    """What is left of one part of an order."""

    order: Order
    part: Part
    value: ColumnElement[Any]
    after: Place | None

    @property
    def form(self) -> tuple[object, ...]:
        """What makes two statements the same but for their values."""
        return (self.order.sort, bool(self.order.words), self.part, self.after is not None)

    @property
    def given(self) -> dict[str, Any]:
        """Values by name."""
        words = self.order.words
        given: dict[str, Any] = {}
        if words and self.part is not Part.WITHOUT:
            given |= {"words_begin": words, "words_end": words + LAST}
        if self.after is not None:
            given |= {"id": self.after[1]} | ({} if self.part is Part.WITHOUT else {"value": self.after[0]})
        return given

    def of(self, rows: Select[Any]) -> Select[Any]:
        """The segment of ``rows``, in order."""
        by_name = self.order.sort is PeopleSort.NAME
        number, place = bindparam("id", type_=BigInteger), people.c.id
        in_turn = place.asc() if by_name else place.desc()
        if self.part is Part.WITHOUT:
            rows = rows.where(self.value == _NOTHING if by_name else self.value.is_(None))
            if self.after is not None:
                rows = rows.where(place > number if by_name else place < number)
            return rows.order_by(in_turn)
        rows = rows.where(*self._of_part(by_name=by_name))
        if self.after is not None:
            here = tuple_(self.value, place)
            there = tuple_(bindparam("value", type_=Text() if by_name else BigInteger()), number)
            rows = rows.where(here > there if by_name else here < there)
        return rows.order_by(self.value.asc() if by_name else self.value.desc(), in_turn)

    def _of_part(self, *, by_name: bool) -> list[ColumnElement[bool]]:
        if not by_name:
            return [self.value.is_not(None)]
        if self.part is Part.BEGINNING:
            return [begins(self.value)]
        if not self.order.words:
            return [self.value > _NOTHING]
        # Joined to nothing, so that the order's index is walked rather than two stretches of it sorted.
        bare = self.value + _NOTHING
        begin, end = bindparam("words_begin", type_=Text), bindparam("words_end", type_=Text)
        return [self.value > _NOTHING, or_(bare < begin, bare >= end)]


def begins(value: ColumnElement[Any]) -> ColumnElement[bool]:
    """That ``value`` begins with the words."""
    begin, end = bindparam("words_begin", type_=Text), bindparam("words_end", type_=Text)
    return and_(value >= begin, value < end)
