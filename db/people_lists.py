"""The list of people. A page takes about as long among very many people as among few, with any filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.core.administration_records import PeopleQuery, PersonRow, RowPage, Through
from app.core.records import MAX_SEARCH_CHARACTERS
from db.cursors import cursor, position_of
from db.people_filters import is_contradictory
from db.people_grants import grant_parameters
from db.people_rows import people_rows, person_row
from db.people_search import PeopleSearch
from db.query_cache import QueryCache, page_size
from db.statement import Row
from db.texts import clean, search_key
from db.times import to_micros


def people_page(queries: QueryCache, query: PeopleQuery, now: datetime) -> RowPage[PersonRow]:
    """A page of the people that match, in the order of the query.

    Raises:
        InvalidInput: The cursor is not one of this query.
    """
    search_text = search_key(clean(query.text.strip(), MAX_SEARCH_CHARACTERS))
    if not query.permission:
        query = replace(query, through=Through.EFFECTIVE)
    parameters = grant_parameters(queries, query)
    search = PeopleSearch(queries, query, search_text, {"now": to_micros(now), **(parameters or {})})
    value = str if query.sort.by_name else None
    after = position_of(query.cursor, search.key, value, int)
    if parameters is None or is_contradictory(query):
        return RowPage()
    size = page_size(query.limit)
    rows, total, more = search.page(after, size)
    return RowPage(
        rows=_person_rows(queries, rows, to_micros(now)),
        next=cursor(search.key, rows[-1][:2]) if more else None,
        total=total,
    )


def _person_rows(queries: QueryCache, rows: Sequence[Row], now: int) -> tuple[PersonRow, ...]:
    if queries.sqlite:
        return tuple(map(person_row, rows))
    return people_rows(queries, [row[1] for row in rows], now)
