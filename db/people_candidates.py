"""Candidates of a search on SQLite: people with the trigrams of a text, checked against the text while they are sorted.

FTS5 finds a phrase by all its trigrams and their positions. A few trigrams that together contain every character of the
text are enough to find candidates: FTS5 reads no positions, and from six characters on that takes about half the time.
A person who has the trigrams in another order is a candidate but no match, so the statement that sorts the candidates
also checks each of them and sorts mismatches first: the first row shows whether there are any.

The number of candidates is estimated first, from the people with the lowest ids. When there are too many to check, none
is read; when they are frequent, their page is read in the order of the list before their total is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Subquery,
    bindparam,
    case,
    column,
    exists,
    func,
    null,
    or_,
    select,
    table,
    text,
    union_all,
)

from db.models import people
from db.people_order import MISMATCH, PeopleOrder, has_prefix
from db.people_rows import person_columns
from db.people_text_search import TRIGRAM, contains_search_text
from db.statement import Row

MIN_CHARACTERS: Final = 2 * TRIGRAM
"""Shorter texts have hardly more trigrams than ``trigram_query`` asks for."""
MAX_CANDIDATES: Final = 400
"""The most candidates that are checked and sorted."""
_SAMPLE_FRACTION: Final = 20
"""The estimate counts candidates among the lowest 1/20 of the ids."""
_FREQUENT: Final = 16
"""Candidates are frequent when at least one in 16 people is one: a short scan of the list's order then fills a page."""
_VERY_FREQUENT: Final = 2
"""From one in two people on, reading people in the order of their ids finds matches faster than FTS5 does."""
_MAX_SAMPLED: Final = MAX_CANDIDATES // _SAMPLE_FRACTION
_VALUE: Final = itemgetter(0)
_SEARCH: Final = table("people_search", column("rowid", BigInteger))


class CandidateCounts(NamedTuple):
    """How many candidates a text has, counted and estimated."""

    total: int
    sampled: int
    """Candidates in the sample, counted up to one more than the sample may have."""
    last_sampled: int | None
    """The highest id among them."""
    has_prefix: int
    """Whether any name begins with the text, as 0 or 1."""

    @property
    def too_many(self) -> bool:
        """Whether there are, or probably are, more than ``MAX_CANDIDATES``; ``total`` is then meaningless."""
        return self.sampled > _MAX_SAMPLED or self.total > MAX_CANDIDATES

    @property
    def frequent(self) -> bool:
        """Whether there are so many that a short scan in the order of the list fills a page."""
        return self._is_one_in(_FREQUENT)

    @property
    def very_frequent(self) -> bool:
        """Whether most people probably match."""
        return self._is_one_in(_VERY_FREQUENT)

    def _is_one_in(self, people_count: int) -> bool:
        if self.last_sampled is None or self.sampled <= _MAX_SAMPLED:
            return False
        return self.last_sampled <= self.sampled * people_count


def trigram_query(search_text: str) -> str:
    """The FTS5 query for the fewest trigrams that contain every character of ``search_text``, in any order.

    Args:
        search_text: At least ``TRIGRAM`` characters.
    """
    starts = [*range(0, len(search_text) - TRIGRAM, TRIGRAM), len(search_text) - TRIGRAM]
    trigrams = dict.fromkeys(search_text[start : start + TRIGRAM] for start in starts)
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in trigrams)


def candidates_page(
    order: PeopleOrder, value: ColumnElement[Any], *, has_space: bool, after: bool
) -> CompoundSelect[Any]:
    """The next ``max_rows`` candidates of the FTS5 query ``match``, in the order by name, for ``split_counts``.

    Mismatches come first, with NULL for a value. One more row, whose id is NULL, holds the ``CandidateCounts``.

    Args:
        order: The order by name, with a search text.
        value: The column of the order.
        has_space: As in ``contains_search_text``.
        after: Whether the page follows the position of ``PeopleOrder.position_parameters``.
    """
    having = select(_SEARCH.c.rowid).where(text("people_search MATCH :match"))
    lowest = having.where(_SEARCH.c.rowid <= select(func.max(people.c.id) // _SAMPLE_FRACTION).scalar_subquery())
    number = lowest.limit(_MAX_SAMPLED + 1).subquery("lowest").c[0]
    # Both are used more than once: SQLite must compute them once.
    sample = (
        select(func.count().label("number"), func.max(number).label("last")).cte("seen").prefix_with("MATERIALIZED")
    )
    sampled, last_sampled = (select(column).scalar_subquery() for column in sample.c)
    max_candidates = case((sampled > _MAX_SAMPLED, 0), else_=MAX_CANDIDATES + 1)
    candidates = having.limit(max_candidates).cte("found").prefix_with("MATERIALIZED")
    total = select(func.count()).select_from(candidates).scalar_subquery()
    page = _sorted_page(order, value, candidates, contains_search_text(has_space=has_space), after=after)
    page_value = case((page.c.part == MISMATCH, null()), else_=page.c[0]).label("value")
    # Joined so that SQLite reads the page while it is sorted, and need not store it first.
    rows = select(page_value, *person_columns()).select_from(page.outerjoin(people, people.c.id == page.c.id))
    is_prefix = exists().where(has_prefix(value))
    counts = (null(), null(), total, sampled, last_sampled, is_prefix)
    return union_all(rows, select(*counts, *repeat(null(), len(rows.selected_columns) - len(counts))))


def _sorted_page(
    order: PeopleOrder, value: ColumnElement[Any], candidates: CTE, matches: ColumnElement[bool], *, after: bool
) -> Subquery:
    """Value, id and range of the candidates on the page."""
    order_range, *rest = order.sort_key(value, mismatch=~matches)
    order_range = order_range.label("part")
    page = select(value, people.c.id, order_range).select_from(
        candidates.join(people, people.c.id == candidates.c.rowid)
    )
    if after:
        page = page.where(or_(order.follows(value), ~matches))
    return page.order_by(order_range, *rest).limit(bindparam("max_rows", type_=BigInteger)).subquery("cut")


def split_counts(rows: list[Row]) -> tuple[list[Row], CandidateCounts]:
    """Split the rows of ``candidates_page`` into the page and its ``CandidateCounts``."""
    index = len(rows) - 1
    while rows[index][1] is not None:  # SQLite returns it last
        index -= 1
    counts = rows.pop(index)
    return rows, CandidateCounts(*counts[2:6])


def has_mismatch(page: Sequence[Row]) -> bool:
    """Whether a page of ``candidates_page`` has a candidate that does not match."""
    return None in map(_VALUE, page)
