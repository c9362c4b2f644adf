"""A search of people: the page of a query and the number of its matches.

The matches are read from the index of a filter first, up to ``MAX_COUNTED``. When that is all of them, they are
sorted. When there are more, matches are frequent: the search then scans people in the order of the list, range by
range, and sorts all matches of a range only when its start holds too few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, literal_column, select

from app.core.administration_records import MAX_COUNTED, PeopleQuery
from db.cursors import Position
from db.models import counters
from db.people_candidates import (
    MAX_CANDIDATES,
    MIN_CHARACTERS,
    candidates_page,
    has_mismatch,
    split_counts,
    trigram_query,
)
from db.people_filters import is_narrow
from db.people_grants import MAX_GRANTED, GrantFilter
from db.people_order import OrderRange, RangeAfter
from db.people_statements import PeopleStatements, filter_values
from db.query_cache import QueryCache
from db.statement import Row

_MAX_SORTED_AT_ONCE: Final = MAX_CANDIDATES
"""Sorting so few matches takes less time than finding out whether the range of prefixes fills the page."""
_RANGE_STARTS: Final = (200, 1000)
_PEOPLE_COUNT: Final = select(counters.c.value).where(counters.c.name == literal_column("'people'"))


class Matches(NamedTuple):
    """The people who match a query."""

    total: int
    """How many they are, up to ``MAX_COUNTED``."""
    ids: Any
    """Their ids, as ``QueryCache.is_any`` takes them."""
    complete: bool
    """Whether all ids are there; otherwise the first ``MAX_COUNTED``."""


class PeopleSearch:
    """The people that match one query."""

    __slots__ = ("_queries", "_query", "statements")

    def __init__(
        self, queries: QueryCache, query: PeopleQuery, search_text: str, parameters: Mapping[str, Any]
    ) -> None:
        self._queries = queries
        self._query = query
        self.statements = PeopleStatements(queries, query, search_text, parameters)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for two queries that differ in their page only."""
        query = self._query
        return ("people", self.statements.search_text, *filter_values(query), str(query.sort))

    def page(self, after: Position | None, size: int) -> tuple[list[Row], int, bool]:
        """The next ``size`` rows, which begin with their position; the number of matches; whether more rows follow.

        The number counts up to ``MAX_COUNTED``.
        """
        rows, total = self._next(after, size)
        # The first page is not read one row further: the total tells whether more follow.
        return rows[:size], total, len(rows) > size or (after is None and len(rows) == size < total)

    def _next(self, after: Position | None, size: int) -> tuple[list[Row], int]:
        """The next rows, one more than ``size`` unless the total tells whether more follow; the number of matches."""
        statements = self.statements
        count = size if after is None else size + 1
        if self._matches_all:
            total = min(self._queries.scalar("people counted", lambda: _PEOPLE_COUNT), MAX_COUNTED)
            return self._in_ranges(after, count), total
        if self._by_text_alone and self._queries.sqlite and len(statements.search_text) >= MIN_CHARACTERS:
            page = self._by_candidates(after, count)
            if page is not None:
                return page
        total, ids, complete = self.matching_ids()
        if total <= _MAX_SORTED_AT_ONCE:
            return self._sorted(ids, after, count) if total else [], total
        prefix_rows = self._with_prefix(after, count) if self._by_text_alone else None
        if prefix_rows is not None and len(prefix_rows) >= count:  # the page ends before the other ranges
            return prefix_rows, total
        if complete:
            return self._sorted(ids, after, count), total
        return self._in_ranges(after, count, prefix_rows), total

    def matching_ids(self) -> Matches:
        """The matches of a query with filters, read from the index of the filter that few people meet."""
        statements, name = self.statements, None
        if statements.grant_filters:
            name, count, ids = self._rarest_grants()
            if not count:
                return Matches(0, ids, complete=True)
            if ids is not None:
                form = ("people among granted", name, *statements.form)
                build = partial(statements.matches_among, name)
                total, ids = self._ids(form, build, statements.parameters | {"ids": ids})
                return Matches(min(total, MAX_COUNTED), ids, complete=True)
        if name is None or statements.text_match or is_narrow(self._query):
            form = ("people found", *statements.form)
            total, ids = self._ids(form, statements.matching_ids, statements.index_parameters)
        else:
            form = ("people granted and matching", name, *statements.form)
            total, ids = self._ids(form, partial(statements.granted_matches, name), statements.filter_parameters)
        return Matches(total, ids, complete=total < MAX_COUNTED)

    def _rarest_grants(self) -> tuple[GrantFilter, int, Any]:
        """The filter by grants that the fewest people meet, how many do, and their ids; None when they are many."""
        statements, through = self.statements, str(self._query.through)
        parameters = statements.filter_parameters
        counts = {}
        for name in statements.grant_filters:
            build = partial(statements.granted_ids, name, MAX_COUNTED)
            counts[name] = self._ids(("people granted", name, through), build, parameters)
        name = min(counts, key=lambda name: counts[name][0])
        count, ids = counts[name]
        if count < MAX_COUNTED:
            return name, count, ids
        form = ("many grants", name, through)
        if self._rows(form, partial(statements.grant_number, name, MAX_GRANTED), **parameters):
            return name, count, None
        form = ("all people granted", name, through)
        return name, *self._ids(form, partial(statements.granted_ids, name, MAX_GRANTED), parameters)

    def _ids(self, form: Hashable, build: Callable[[], Select[Any]], parameters: dict[str, Any]) -> tuple[int, Any]:
        count, ids = self._rows(form, build, **parameters)[0]
        return count, ids

    def _by_candidates(self, after: Position | None, count: int) -> tuple[list[Row], int] | None:
        """As ``_next``, when the candidates are few and all match, or when they are frequent; None otherwise."""
        statements = self.statements
        order = statements.order
        parameters = order.parameters if after is None else order.parameters | order.position_parameters(after)
        rows = self._queries.rows(
            ("people checked", str(self._query.sort), statements.has_space, after is not None),
            lambda: candidates_page(order, statements.value, has_space=statements.has_space, after=after is not None),
            **parameters,
            match=trigram_query(statements.search_text),
            search_text=statements.search_text,
            **statements.filter_parameters,
            max_rows=count,
        )
        page, candidates = split_counts(rows)
        if candidates.too_many:
            # Whether there are MAX_COUNTED matches is found out faster than how many there are.
            frequent = candidates.frequent and self._count_is_full(nearby=candidates.very_frequent)
            prefix_rows: list[Row] | None = None if candidates.has_prefix else []
            return (self._in_ranges(after, count, prefix_rows), MAX_COUNTED) if frequent else None
        return None if has_mismatch(page) else (order.sorted(page), candidates.total)

    def _count_is_full(self, *, nearby: bool) -> bool:
        """Whether at least ``MAX_COUNTED`` people match; ``nearby``: probably those with the lowest ids do."""
        statements = self.statements
        if nearby and self._rows(
            ("people counted near", *statements.form), statements.last_counted_near, **statements.parameters
        ):
            return True
        form = ("people counted full", *statements.form)
        return bool(self._rows(form, statements.last_counted_match, **statements.index_parameters))

    @property
    def _matches_all(self) -> bool:
        return not self.statements.text_match and self.statements.unfiltered

    @property
    def _by_text_alone(self) -> bool:
        """Whether the query has a search text only, in the order by name."""
        return bool(self.statements.order.search_text) and self.statements.unfiltered

    def _with_prefix(self, after: Position | None, count: int) -> list[Row]:
        """The next rows among the people whose name begins with the search text."""
        range_after = next(self.statements.order.ranges(after, self.statements.collated_value))
        return self._in_range(range_after, count) if range_after.order_range is OrderRange.PREFIX else []

    def _in_ranges(self, after: Position | None, count: int, prefix_rows: list[Row] | None = None) -> list[Row]:
        """The next rows, range by range; ``prefix_rows``: those of the first range when they are known."""
        statements = self.statements
        rows: list[Row] = []
        for range_after in statements.order.ranges(after, statements.collated_value):
            known = prefix_rows if range_after.order_range is OrderRange.PREFIX else None
            rows += self._in_range(range_after, count - len(rows)) if known is None else known
            is_last = range_after.order_range is OrderRange.PREFIX and statements.text_match == "prefix"
            if len(rows) >= count or is_last:
                break
        return rows

    def _in_range(self, range_after: RangeAfter, count: int) -> list[Row]:
        """The first ``count`` matches of a range."""
        statements = self.statements
        if self._matches_all or range_after.order_range is OrderRange.PREFIX:
            return self._range_rows(
                "people walked", statements.range_rows, range_after, statements.filter_parameters, count
            )
        for start in _RANGE_STARTS:
            build = partial(statements.range_start, start)
            rows = self._range_rows(("people near", start), build, range_after, statements.parameters, count)
            if len(rows) >= count:
                return rows
        parameters = statements.index_parameters
        return statements.order.sorted(
            self._range_rows("people sorted", statements.range_sorted, range_after, parameters, count)
        )

    def _range_rows(
        self,
        name: Hashable,
        build: Callable[[RangeAfter], Select[Any]],
        range_after: RangeAfter,
        parameters: dict[str, Any],
        max_rows: int,
    ) -> list[Row]:
        form = (name, *self.statements.form, *range_after.form)
        return self._rows(form, partial(build, range_after), **(parameters | range_after.parameters), max_rows=max_rows)

    def _rows(self, form: Hashable, build: Callable[[], Select[Any]], **parameters: Any) -> list[Row]:
        queries = self._queries
        statements = self.statements
        depends_on_values = statements.text_match == "substring" or statements.grant_filters
        rows = queries.rows_replanned if depends_on_values else queries.rows
        return rows(form, build, **parameters)

    def _sorted(self, ids: Any, after: Position | None, count: int) -> list[Row]:
        """The next ``count`` of the people with these ids."""
        statements = self.statements
        order = statements.order
        parameters = order.parameters if after is None else order.parameters | order.position_parameters(after)
        form = ("people placed", str(self._query.sort), bool(order.search_text), after is not None)
        build = partial(statements.sorted_by_id, after is not None)
        now = statements.filter_parameters["now"]
        return order.sorted(self._queries.rows(form, build, ids=ids, now=now, max_rows=count, **parameters))
