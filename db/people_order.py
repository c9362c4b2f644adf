"""The orders of the list of people. Each consists of ranges of an index.

By name: names that begin with the search text, then other names, then people without a name. By time: people who were
seen, then people who were never seen. Each range is in ascending or in descending order; the order of the ranges is the
same.
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

from app.core.administration_records import PeopleSort
from db.cursors import Position
from db.models import people
from db.rows import raw_time
from db.statement import Row

LAST_CHARACTER: Final = "\U0010ffff"
"""Follows every character: ``search_text + LAST_CHARACTER`` ends the range of texts with the prefix ``search_text``."""
_NAME: Final = itemgetter(0)
SORTS: Final[dict[PeopleSort, ColumnElement[Any]]] = {
    PeopleSort.NAME: people.c.name_key,
    PeopleSort.NAME_DESCENDING: people.c.name_key,
    PeopleSort.LAST_SEEN: raw_time(people.c.last_seen_at),
    PeopleSort.LAST_SEEN_ASCENDING: raw_time(people.c.last_seen_at),
    PeopleSort.FIRST_SEEN: raw_time(people.c.first_seen_at),
    PeopleSort.FIRST_SEEN_ASCENDING: raw_time(people.c.first_seen_at),
}
_EMPTY: Final = literal_column("''", Text)
MISMATCH: Final = literal_column("-1", BigInteger)
"""Sorts before every ``OrderRange``: a candidate that does not match."""
_FAR: Final = 2**62
"""Later than any time, and more than any id; negative: earlier, and less. It sorts people who were never seen last."""
_AFTER_ALL: Final = literal_column(str(_FAR), BigInteger)
_BEFORE_ALL: Final = literal_column(str(-_FAR), BigInteger)


class OrderRange(IntEnum):
    """A range of an order."""

    PREFIX = 0
    """Names that begin with the search text."""
    VALUE = 1
    """Other names, or times."""
    EMPTY = 2
    """No name, or no time."""


_RANGES: Final = tuple(OrderRange)


@dataclass(frozen=True, slots=True)
class PeopleOrder:
    """An order of the list; ``search_text`` is empty when the order is by time."""

    sort: PeopleSort
    search_text: str

    def sorted(self, rows: Sequence[Row]) -> list[Row]:
        """Rows in this order; each begins with its value and id."""
        if not self.sort.by_name:
            return (
                sorted(rows, key=_newest_first, reverse=True)
                if self.sort.descending
                else sorted(rows, key=_oldest_first)
            )
        tuples = cast("Sequence[tuple[Any, ...]]", rows)
        ordered = cast("list[Row]", sorted(tuples))  # ids differ: the columns after them are never compared
        first_name = bisect_right(ordered, "", key=_NAME)
        prefix = prefix_end = first_name
        if self.search_text:
            prefix = bisect_left(ordered, self.search_text, key=_NAME)
            prefix_end = bisect_left(ordered, self.search_text + LAST_CHARACTER, prefix, key=_NAME)
        if self.sort.descending:
            begin, others, empty = ordered[prefix:prefix_end], ordered[prefix_end:], ordered[:first_name]
            return begin[::-1] + others[::-1] + ordered[first_name:prefix][::-1] + empty[::-1]
        if prefix == prefix_end and not first_name:
            return ordered
        return ordered[prefix:prefix_end] + ordered[first_name:prefix] + ordered[prefix_end:] + ordered[:first_name]

    def sort_key(
        self, value: ColumnElement[Any], *, mismatch: ColumnElement[bool] | None = None
    ) -> tuple[ColumnElement[Any], ...]:
        """The ``ORDER BY`` of this order.

        Args:
            value: The column of the order.
            mismatch: Which rows sort before all others, in the order by name; names that begin with the text are
                not tested.
        """
        in_range = (value.desc(), people.c.id.desc()) if self.sort.descending else (value, people.c.id)
        return (self._range_of(value, mismatch) if self.sort.by_name else value.is_(None), *in_range)

    def _range_of(self, value: ColumnElement[Any], mismatch: ColumnElement[bool] | None = None) -> ColumnElement[int]:
        """The number of the range of a name."""
        cases = [(has_prefix(value), _literal(OrderRange.PREFIX))] if self.search_text else []
        cases += [(mismatch, MISMATCH)] if mismatch is not None else []
        return case(*cases, (value > _EMPTY, _literal(OrderRange.VALUE)), else_=_literal(OrderRange.EMPTY))

    def follows(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a row follows the position of ``position_parameters``."""
        bound = bindparam("value", type_=Text() if self.sort.by_name else BigInteger())
        position: tuple[ColumnElement[Any], ...] = (bound, bindparam("id", type_=BigInteger))
        row: tuple[ColumnElement[Any], ...] = (value, people.c.id)
        if self.sort.by_name:
            order_range = self._range_of(value)
            # All columns must be compared in the same direction, and the ranges come in the same order in both.
            row = (-order_range if self.sort.descending else order_range, *row)
            position = (bindparam("part", type_=BigInteger), *position)
        else:
            row = (func.coalesce(value, _BEFORE_ALL if self.sort.descending else _AFTER_ALL), people.c.id)
        return tuple_(*row) < tuple_(*position) if self.sort.descending else tuple_(*row) > tuple_(*position)

    def position_parameters(self, position: Position) -> dict[str, Any]:
        """The parameters of ``follows``."""
        value, person_id = position
        sign = -1 if self.sort.descending else 1
        if not self.sort.by_name:
            return {"value": sign * _FAR if value is None else value, "id": person_id}
        return {"part": sign * int(self._range_at(position)), "value": value, "id": person_id}

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of ``has_prefix``."""
        return (
            {"prefix_begin": self.search_text, "prefix_end": self.search_text + LAST_CHARACTER}
            if self.search_text
            else {}
        )

    def ranges(self, after: Position | None, value: ColumnElement[Any]) -> Iterator[RangeAfter]:
        """The ranges after ``after``; ``value``: the column of the order, with the collation of its index."""
        first = OrderRange.PREFIX if self.search_text else OrderRange.VALUE
        current = first if after is None else self._range_at(after)
        for order_range in _RANGES[max(first, current) :]:
            yield RangeAfter(self, order_range, value, after if order_range is current else None)

    def _range_at(self, position: Position) -> OrderRange:
        value = position[0]
        if value is None or value == "":
            return OrderRange.EMPTY
        if self.search_text and isinstance(value, str) and value.startswith(self.search_text):
            return OrderRange.PREFIX
        return OrderRange.VALUE


class RangeAfter(NamedTuple):
    """The rest of a range after a position."""

    order: PeopleOrder
    order_range: OrderRange
    value: ColumnElement[Any]
    after: Position | None

    @property
    def form(self) -> tuple[object, ...]:
        """Equal for two ranges whose statements differ in their parameters only."""
        return (str(self.order.sort), bool(self.order.search_text), int(self.order_range), self.after is not None)

    @property
    def parameters(self) -> dict[str, Any]:
        """Bind parameter → value."""
        parameters = {} if self.order_range is OrderRange.EMPTY else self.order.parameters
        if self.after is not None:
            value, person_id = self.after
            parameters |= {"id": person_id} | ({} if self.order_range is OrderRange.EMPTY else {"value": value})
        return parameters

    def of(self, rows: Select[Any]) -> Select[Any]:
        """``rows`` limited to this range, in order."""
        by_name, descending = self.order.sort.by_name, self.order.sort.descending
        after_id, person_id = bindparam("id", type_=BigInteger), people.c.id
        id_order = person_id.desc() if descending else person_id.asc()
        if self.order_range is OrderRange.EMPTY:
            rows = rows.where(self.value == _EMPTY if by_name else self.value.is_(None))
            if self.after is not None:
                rows = rows.where(person_id < after_id if descending else person_id > after_id)
            return rows.order_by(id_order)
        rows = rows.where(*self._conditions(by_name=by_name))
        if self.after is not None:
            position = tuple_(self.value, person_id)
            after = tuple_(bindparam("value", type_=Text() if by_name else BigInteger()), after_id)
            rows = rows.where(position < after if descending else position > after)
        return rows.order_by(self.value.desc() if descending else self.value.asc(), id_order)

    def within(self, count: int) -> ColumnElement[bool]:
        """Whether a row is among the first ``count`` of the range, or equal to their last: the scan ends there."""
        by_name, descending = self.order.sort.by_name, self.order.sort.descending
        # The end need not be exact: counting names with the prefix, too, saves a comparison of every name.
        counted = self._replace(order=replace(self.order, search_text=""))
        column: ColumnElement[Any] = self.value
        first: ColumnElement[Any] = _BEFORE_ALL
        last: ColumnElement[Any] = _AFTER_ALL
        if self.order_range is OrderRange.EMPTY:
            column = people.c.id
        elif by_name:
            first, last = _EMPTY, literal_column(f"'{LAST_CHARACTER}'", Text)
        next_value = counted.of(select(column)).offset(literal_column(str(count))).limit(literal_column("1"))
        end = func.coalesce(next_value.correlate(None).scalar_subquery(), first if descending else last)
        return column >= end if descending else column <= end

    def _conditions(self, *, by_name: bool) -> list[ColumnElement[bool]]:
        if not by_name:
            return [self.value.is_not(None)]
        if self.order_range is OrderRange.PREFIX:
            return [has_prefix(self.value)]
        if not self.order.search_text:
            return [self.value > _EMPTY]
        # The concatenation keeps the planner from sorting two ranges of the index instead of scanning it in order.
        unindexed = self.value + _EMPTY
        begin, end = bindparam("prefix_begin", type_=Text), bindparam("prefix_end", type_=Text)
        return [self.value > _EMPTY, or_(unindexed < begin, unindexed >= end)]


def _newest_first(row: Row) -> tuple[Any, ...]:
    """The key of a descending sort."""
    return (row[0] is not None, row[0] or 0, row[1])


def _oldest_first(row: Row) -> tuple[Any, ...]:
    return (row[0] is None, row[0] or 0, row[1])


def _literal(order_range: OrderRange) -> ColumnElement[Any]:
    return literal_column(str(int(order_range)), BigInteger)


def has_prefix(value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether ``value`` begins with the search text, as a range of its index."""
    begin, end = bindparam("prefix_begin", type_=Text), bindparam("prefix_end", type_=Text)
    return and_(value >= begin, value < end)
