"""The orders of the list of people, in parts: each is walked along an index, and they follow each other.

By name: whose name begins with what is searched for, then the other names, then those without one. By time: the newest
first, then those never seen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from app.core.directory import PeopleSort
from db.cursors import Place
from db.models import people
from db.rows import raw_time
from db.statement import Row

LAST: Final = "\U0010ffff"
_NAME: Final = itemgetter(0)
SORTS: Final[dict[PeopleSort, ColumnElement[Any]]] = {
    PeopleSort.NAME: people.c.name_key,
    PeopleSort.LAST_SEEN: raw_time(people.c.last_seen_at),
    PeopleSort.FIRST_SEEN: raw_time(people.c.first_seen_at),
}
_NOTHING: Final = literal_column("''", Text)
MISMATCH: Final = literal_column("-1", BigInteger)
"""Before every ``Part``: a candidate that does not match."""
_NEVER_AT: Final = -(2**62)
"""Before any time there is: those never seen stand last."""
_BEYOND: Final = literal_column(str(2**62), BigInteger)
_NEVER: Final = literal_column(str(_NEVER_AT), BigInteger)


class Part(IntEnum):
    """A part of an order."""

    BEGINNING = 0
    OTHERS = 1
    WITHOUT = 2


_PARTS: Final = tuple(Part)


@dataclass(frozen=True, slots=True)
class Order:
    """One order; ``words``: what names are looked for by, empty where the order is by time."""

    sort: PeopleSort
    words: str

    def sorted(self, places: Sequence[Row]) -> list[Row]:
        """Rows in this order; they begin with their place, of a value and an id."""
        if self.sort is not PeopleSort.NAME:
            return sorted(places, key=_recent_first, reverse=True)
        rows = cast("Sequence[tuple[Any, ...]]", places)
        ordered = cast("list[Row]", sorted(rows))  # ids differ: what stands behind them is never compared
        named = bisect_right(ordered, "", key=_NAME)
        if not self.words:
            return ordered[named:] + ordered[:named]
        begun = bisect_left(ordered, self.words, key=_NAME)
        others = bisect_left(ordered, self.words + LAST, begun, key=_NAME)
        if begun == others and not named:
            return ordered
        return ordered[begun:others] + ordered[named:begun] + ordered[others:] + ordered[:named]

    def heights(
        self, value: ColumnElement[Any], *, mismatch: ColumnElement[bool] | None = None
    ) -> tuple[ColumnElement[Any], ...]:
        """What ``sorted`` sorts by, for the database to do it.

        ``mismatch``: what is sorted before everything else, in the order by name; a row whose name begins with the
        words is not asked.
        """
        if self.sort is not PeopleSort.NAME:
            return (value.is_(None), value.desc(), people.c.id.desc())
        begun = [(begins(value), _part(Part.BEGINNING))] if self.words else []
        begun += [(mismatch, MISMATCH)] if mismatch is not None else []
        part = case(*begun, (value > _NOTHING, _part(Part.OTHERS)), else_=_part(Part.WITHOUT))
        return (part, value, people.c.id)

    def behind(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """What stands behind the place of ``height_given``."""
        number = bindparam("id", type_=BigInteger)
        if self.sort is PeopleSort.NAME:
            given = (bindparam("part", type_=BigInteger), bindparam("value", type_=Text), number)
            return tuple_(*self.heights(value)) > tuple_(*given)
        seen = bindparam("value", type_=BigInteger)
        return tuple_(func.coalesce(value, _NEVER), people.c.id) < tuple_(seen, number)

    def height_given(self, after: Place) -> dict[str, Any]:
        """Values for ``behind``."""
        value, number = after
        if self.sort is not PeopleSort.NAME:
            return {"value": _NEVER_AT if value is None else value, "id": number}
        return {"part": int(self._part(after)), "value": value, "id": number}

    @property
    def given(self) -> dict[str, Any]:
        """Values of the words, by name."""
        return {"words_begin": self.words, "words_end": self.words + LAST} if self.words else {}

    def segments(self, after: Place | None, value: ColumnElement[Any]) -> Iterator[Segment]:
        """The parts of the order from ``after`` on; ``value``: what it is by, as its index has it."""
        first = Part.BEGINNING if self.words else Part.OTHERS
        begun = first if after is None else self._part(after)
        for part in _PARTS[max(first, begun) :]:
            yield Segment(self, part, value, after if part is begun else None)

    def _part(self, place: Place) -> Part:
        value = place[0]
        if value is None or value == "":
            return Part.WITHOUT
        if self.words and isinstance(value, str) and value.startswith(self.words):
            return Part.BEGINNING
        return Part.OTHERS


class Segment(NamedTuple):
    """What is left of one part of an order."""

    order: Order
    part: Part
    value: ColumnElement[Any]
    after: Place | None

    @property
    def form(self) -> tuple[object, ...]:
        """What makes two statements the same but for their values."""
        return (str(self.order.sort), bool(self.order.words), int(self.part), self.after is not None)

    @property
    def given(self) -> dict[str, Any]:
        """Values by name."""
        given = {} if self.part is Part.WITHOUT else self.order.given
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

    def within(self, stretch: int) -> ColumnElement[bool]:
        """That a row is among the first ``stretch`` of the segment, or equal to their last: walking ends there."""
        by_name = self.order.sort is PeopleSort.NAME

        # Where a stretch ends need not be exact: counting in it who begins with the words spares looking at each name.
        counted = self._replace(order=replace(self.order, words=""))

        def end(column: ColumnElement[Any], beyond: ColumnElement[Any]) -> ColumnElement[Any]:
            far = counted.of(select(column)).offset(literal_column(str(stretch))).limit(literal_column("1"))
            return func.coalesce(far.correlate(None).scalar_subquery(), beyond)

        if self.part is Part.WITHOUT:
            number = people.c.id
            return number <= end(number, _BEYOND) if by_name else number >= end(number, _NEVER)
        if by_name:
            return self.value <= end(self.value, literal_column(f"'{LAST}'", Text))
        return self.value >= end(self.value, _NEVER)

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


def _recent_first(place: Row) -> tuple[Any, ...]:
    return (place[0] is not None, place[0] or 0, place[1])


def _part(part: Part) -> ColumnElement[Any]:
    return literal_column(str(int(part)), BigInteger)


def begins(value: ColumnElement[Any]) -> ColumnElement[bool]:
    """That ``value`` begins with the words."""
    begin, end = bindparam("words_begin", type_=Text), bindparam("words_end", type_=Text)
    return and_(value >= begin, value < end)
