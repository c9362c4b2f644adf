"""The list of people: 50 of very many, by any filter, in about the time that 50 of ten take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.core.directory import PeopleQuery, PeopleSort, PersonRow, Slice
from db.cursors import cursor, place_of
from db.people_matching import Matching
from db.people_rows import people_rows, person_row
from db.query_cache import QueryCache, page_size
from db.statement import Row
from db.texts import clean, search_key, sound
from db.times import to_micros

_TEXT_MAX_CHARACTERS: Final = 200


def people_slice(queries: QueryCache, query: PeopleQuery, now: datetime) -> Slice[PersonRow]:
    """People that match, in the order asked for."""
    words = search_key(clean(query.text.strip(), _TEXT_MAX_CHARACTERS))
    if query.role and not sound(query.role):
        return Slice()
    matching = Matching(queries, query, words, to_micros(now))
    value = str if query.sort is PeopleSort.NAME else None
    after = place_of(query.cursor, matching.key, value, int)
    size = page_size(query.limit)
    places, total, more = matching.page(after, size)
    return Slice(
        rows=_shown(queries, places, to_micros(now)),
        next=cursor(matching.key, places[-1][:2]) if more else None,
        total=total,
    )


def _shown(queries: QueryCache, places: Sequence[Row], now: int) -> tuple[PersonRow, ...]:
    if queries.sqlite:
        return tuple(map(person_row, places))
    return people_rows(queries, [place[1] for place in places], now)
