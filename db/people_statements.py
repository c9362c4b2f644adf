"""The statements of a search of people: how the matches of a query are counted, scanned in order and sorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, func, literal_column, select, table, text
from sqlalchemy import column as named_column

from app.core.administration_records import MAX_COUNTED, PeopleQuery
from app.core.policy import Source
from db.models import people
from db.people_filters import filters, is_narrow
from db.people_grants import (
    MAX_GRANTED,
    GrantFilter,
    excludes_machines,
    grant_filters,
    grant_number,
    granted_ids,
    granted_matches,
    ids_counted,
)
from db.people_order import LAST_CHARACTER, SORTS, PeopleOrder, RangeAfter, has_prefix
from db.people_rows import person_columns
from db.people_text_search import (
    TRIGRAM,
    contains_search_text,
    has_short_word,
    like_pattern,
    matches_pattern,
    phrase,
    trigrams_of,
)
from db.query_cache import QueryCache
from db.times import to_micros

_SEARCH: Final = table("people_search", named_column("rowid", BigInteger))
_MAX_ROWS: Final = bindparam("max_rows", type_=BigInteger)
FILTER_FIELDS: Final = tuple(
    field.name for field in fields(PeopleQuery) if field.name not in {"text", "sort", "cursor", "limit"}
)
"""The members of a query that filter; statements and cursors of queries differ when these do.

A new one with a parameter also needs it in ``filter_parameters``, and its type in ``_form_of``.
"""
filter_values: Final[Callable[[PeopleQuery], tuple[Any, ...]]] = attrgetter(*FILTER_FIELDS)
_NO_FILTERS: Final = filter_values(PeopleQuery())


class PeopleStatements:
    """The statements of one query and their parameters."""

    __slots__ = (
        "_by_trigrams",
        "_ordered",
        "_queries",
        "_query",
        "_sqlite",
        "filter_parameters",
        "grant_filters",
        "has_space",
        "order",
        "search_text",
        "text_match",
        "unfiltered",
        "value",
    )

    def __init__(
        self, queries: QueryCache, query: PeopleQuery, search_text: str, parameters: Mapping[str, Any]
    ) -> None:
        self._queries = queries
        self._query = query
        self._sqlite = queries.sqlite
        self.search_text = search_text
        self.text_match = "" if not search_text else "prefix" if len(search_text) < TRIGRAM else "substring"
        """How the text is compared: as a prefix of names, or anywhere in name, e-mail and subject; or empty."""
        # PostgreSQL finds short words by the index of trigrams, because the pg_trgm index hardly narrows them.
        self._by_trigrams = not self._sqlite and self.text_match == "substring" and has_short_word(search_text)
        self.has_space = " " in search_text
        self.value = SORTS[query.sort]
        """The column of the order."""
        self._ordered = queries.collated(self.value) if query.sort.by_name else self.value
        self.order = PeopleOrder(query.sort, search_text if query.sort.by_name else "")
        self.unfiltered = filter_values(query) == _NO_FILTERS
        """Whether nothing but the search text limits the people."""
        self.grant_filters = grant_filters(query)
        """The filters by grants that the query has."""
        times = {"seen_after": query.seen_after, "seen_before": query.seen_before}
        self.filter_parameters: dict[str, Any] = {
            **parameters,
            **{name: to_micros(time) for name, time in times.items() if time is not None},
        }

    @property
    def form(self) -> tuple[object, ...]:
        """Equal for two queries whose statements differ in their parameters only."""
        return (
            self.text_match,
            self._by_trigrams,
            self.has_space,
            *map(_form_of, filter_values(self._query)),
            excludes_machines(self._query),
            str(self._query.sort),
        )

    @property
    def collated_value(self) -> ColumnElement[Any]:
        """The column of the order, with the collation of its index."""
        return self._ordered

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of statements that compare each person with the search text."""
        if self.text_match == "prefix":
            return self.filter_parameters | {
                "prefix_begin": self.search_text,
                "prefix_end": self.search_text + LAST_CHARACTER,
            }
        if not self.text_match:
            return self.filter_parameters
        if self._sqlite:
            return self.filter_parameters | {"search_text": self.search_text}
        trigrams = {"trigrams": trigrams_of(self.search_text)} if self._by_trigrams else {}
        return self.filter_parameters | {"search_text": like_pattern(self.search_text)} | trigrams

    @property
    def index_parameters(self) -> dict[str, Any]:
        """Parameters of statements that read the matches from an index."""
        if self.text_match == "substring" and self._sqlite:
            return self.filter_parameters | {"match": phrase(self.search_text)}
        return self.parameters

    def range_rows(self, range_after: RangeAfter) -> Select[Any]:
        """The first rows of a range whose people match the search text by their range alone."""
        rows = select(self.value, *self._columns).where(*self._conditions(search=False, in_order=True))
        return range_after.of(rows).limit(_MAX_ROWS)

    def range_start(self, count: int, range_after: RangeAfter) -> Select[Any]:
        """The matches among the first ``count`` people of a range; the scan stops when there are enough."""
        rows = select(self.value, *self._columns).where(range_after.within(count), *self._conditions(in_order=True))
        return range_after.of(rows).limit(_MAX_ROWS)

    def range_sorted(self, range_after: RangeAfter) -> Select[Any]:
        """All matches of a range, sorted by the database."""
        matches = self._matches(grants_by_person=is_narrow(self._query))
        return self._with_columns(range_after.of(matches).limit(_MAX_ROWS))

    def matching_ids(self) -> Select[Any]:
        """How many people match, up to ``MAX_COUNTED``, and their ids as ``QueryCache.is_any`` takes them."""
        return ids_counted(self._queries, self._ids())

    def granted_ids(self, name: GrantFilter, max_ids: int) -> Select[Any]:
        """As ``matching_ids``, for the people who meet a filter by grants, whatever else the query filters."""
        return granted_ids(self._queries, self._query, name, max_ids)

    def grant_number(self, name: GrantFilter, number: int) -> Select[Any]:
        """The grant with this number among those that meet a filter; no row when there are fewer."""
        return grant_number(self._queries, self._query, name, number)

    def granted_matches(self, name: GrantFilter) -> Select[Any]:
        """As ``matching_ids``, without the search text, read from the index of a filter by grants."""
        conditions = filters(self._queries, self._query, in_order=True, met=name)
        return granted_matches(self._queries, self._query, name, conditions)

    def matches_among(self, name: GrantFilter) -> Select[Any]:
        """As ``matching_ids``, among the people with the ids ``ids``, who meet a filter by grants; all are counted."""
        among = self._queries.is_any(people.c.id, "ids")
        matches = select(people.c.id).where(among, *self._conditions(in_order=True, met=name))
        return ids_counted(self._queries, matches, MAX_GRANTED)

    def last_counted_near(self) -> Select[Any]:
        """As ``last_counted_match``, when it is among the ``2 * MAX_COUNTED`` lowest ids; otherwise no row.

        Where most people match, comparing them takes half as long as finding them by FTS5.
        """
        near = people.c.id <= literal_column(str(2 * MAX_COUNTED))
        rows = select(people.c.id).where(near, self.text_condition(in_order=True))
        return _last_counted(rows.order_by(people.c.id))

    def last_counted_match(self) -> Select[Any]:
        """The match with the number ``MAX_COUNTED``; no row when there are fewer."""
        return _last_counted(self._ids())

    def sorted_by_id(self, after: bool) -> Select[Any]:  # noqa: FBT001 - for `partial`
        """The next people among those with the ids ``ids``."""
        page = select(self.value, people.c.id)
        if self._sqlite:  # ids are distinct: with a join SQLite need not build a set of them
            ids = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
            page = page.select_from(ids.join(people, people.c.id == ids.c.value))
        else:
            page = page.where(self._queries.is_any(people.c.id, "ids"))
        if after:
            page = page.where(self.order.follows(self._ordered))
        return self._with_columns(page.order_by(*self.order.sort_key(self._ordered)).limit(_MAX_ROWS))

    def _ids(self) -> Select[Any]:
        """The ids of all matches, read from the index of a filter."""
        if self.text_match == "substring" and self._sqlite and self.unfiltered:
            return select(_SEARCH.c.rowid).where(text("people_search MATCH :match"))
        return self._matches(grants_by_person=True).with_only_columns(people.c.id)

    @property
    def _columns(self) -> tuple[Any, ...]:
        """The columns read for each person of a page.

        On SQLite all of them, so that no second statement is needed. On PostgreSQL the id: more columns would change
        the plan with the number of expected rows.
        """
        return person_columns() if self._sqlite else (people.c.id,)

    def _with_columns(self, page: Select[Any]) -> Select[Any]:
        """Add ``_columns`` to a page of values and ids, which is sorted and limited already; in any order."""
        if not self._sqlite:
            return page
        limited = page.subquery("cut")
        return select(limited.c[0].label("value"), *person_columns()).select_from(
            limited.outerjoin(people, people.c.id == limited.c.id)
        )

    def _matches(self, *, grants_by_person: bool = False) -> Select[Any]:
        """Value and id of all matches, read from the index of a filter; ``grants_by_person`` as in ``filters``."""
        rows = select(self.value, people.c.id)
        if self.text_match == "substring" and self._sqlite:
            rows = rows.select_from(_SEARCH.join(people, people.c.id == _SEARCH.c.rowid)).where(
                text("people_search MATCH :match")
            )
            return rows.where(*self._conditions(search=False, grants_by_person=grants_by_person))
        return rows.where(*self._conditions(grants_by_person=grants_by_person))

    def _conditions(
        self,
        *,
        search: bool = True,
        in_order: bool = False,
        grants_by_person: bool = False,
        met: GrantFilter | None = None,
    ) -> list[ColumnElement[bool]]:
        conditions = filters(self._queries, self._query, in_order=in_order, grants_by_person=grants_by_person, met=met)
        if search and self.text_match:
            conditions.append(self.text_condition(in_order=in_order))
        return conditions

    def text_condition(self, *, in_order: bool) -> ColumnElement[bool]:
        """Whether a person matches the search text; ``in_order`` as in ``filters``."""
        if self.text_match == "prefix":
            return has_prefix(self._queries.collated(people.c.name_key))
        if self._sqlite:
            return contains_search_text(has_space=self.has_space)
        return matches_pattern(by_trigrams=self._by_trigrams and not in_order, skip_word_index=self._by_trigrams)


def _form_of(value: object) -> object:
    """What of a filter's value the SQL depends on: whether a text, time or source is set, which are parameters."""
    return value is not None if isinstance(value, datetime | Source) else bool(value) if type(value) is str else value


def _last_counted(rows: Select[Any]) -> Select[Any]:
    return rows.limit(literal_column("1")).offset(literal_column(str(MAX_COUNTED - 1)))
