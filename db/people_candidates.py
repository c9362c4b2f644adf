"""Candidates of a search on SQLite: who has the pieces that cover a text, checked against it as they are sorted.

FTS5 finds a phrase by all its pieces and their positions. Pieces that only cover the text are fewer, their positions
need not be read, and from six characters on that takes about half the time. Who has the pieces in another order is
then a candidate and no match, so the statement that sorts the candidates checks each of them, and sorts those that
fail first: one row tells whether there is any.

How many candidates there are is estimated first, from those with the lowest ids: where they are too many to check, none
is looked for, and where they are very many, their page is walked to before their total is asked for.
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
    func,
    null,
    or_,
    select,
    table,
    text,
    union_all,
)

from db.models import people
from db.people_order import MISMATCH, Order
from db.people_rows import person_columns
from db.people_words import PIECE, has_words_somewhere
from db.statement import Row

MIN_CHARACTERS: Final = 2 * PIECE
"""Shorter texts have hardly more pieces than it takes to cover them."""
MOST_CHECKED: Final = 400
"""So many candidates are checked and sorted; more are not looked for."""
_PART_LOOKED_AT: Final = 20
"""The estimate counts candidates in one of so many parts of the ids."""
_FREQUENT: Final = 16
"""One in so many people: then a stretch of the list's order that is walked holds a page of them."""
_MOST_LOOKED_AT: Final = MOST_CHECKED // _PART_LOOKED_AT
_VALUE: Final = itemgetter(0)
_SEARCH: Final = table("people_search", column("rowid", BigInteger))


class Candidates(NamedTuple):
    """How many may have a text."""

    number: int
    looked_at: int
    """How many of them were counted for the estimate, up to one too many."""
    last_looked_at: int | None
    """The highest id of those."""

    @property
    def too_many(self) -> bool:
        """Whether they are, or are estimated to be, more than ``MOST_CHECKED``; ``number`` then says nothing."""
        return self.looked_at > _MOST_LOOKED_AT or self.number > MOST_CHECKED

    @property
    def frequent(self) -> bool:
        """Whether they are estimated to be so many that a page of them is soon walked to."""
        if self.last_looked_at is None or self.looked_at <= _MOST_LOOKED_AT:
            return False
        return self.last_looked_at <= self.looked_at * _FREQUENT


def cover(words: str) -> str:
    """The FTS5 query for who has the pieces that cover ``words``, at least ``PIECE`` characters, in any order."""
    starts = [*range(0, len(words) - PIECE, PIECE), len(words) - PIECE]
    pieces = dict.fromkeys(words[start : start + PIECE] for start in starts)
    return " AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


def checked(order: Order, value: ColumnElement[Any], *, spaced: bool, further: bool) -> CompoundSelect[Any]:
    """The next ``most`` of the candidates by the value ``match`` in the order by name, for ``split``.

    Mismatches come first, with NULL for a value. There is one row more, whose id is NULL, with ``Candidates``.

    Args:
        order: The order by name, with words.
        value: What the order is by.
        spaced: As in ``has_words_somewhere``.
        further: Whether to go on behind the place of ``Order.height_given``.
    """
    having = select(_SEARCH.c.rowid).where(text("people_search MATCH :match"))
    lowest = having.where(_SEARCH.c.rowid <= select(func.max(people.c.id) // _PART_LOOKED_AT).scalar_subquery())
    number = lowest.limit(_MOST_LOOKED_AT + 1).subquery("lowest").c[0]
    # Both are used more than once, and are to be found out once.
    seen = select(func.count().label("number"), func.max(number).label("last")).cte("seen").prefix_with("MATERIALIZED")
    looked_at, last_looked_at = (select(one).scalar_subquery() for one in seen.c)
    most = case((looked_at > _MOST_LOOKED_AT, 0), else_=MOST_CHECKED + 1)
    found = having.limit(most).cte("found").prefix_with("MATERIALIZED")
    total = select(func.count()).select_from(found).scalar_subquery()
    cut = _cut(order, value, found, has_words_somewhere(spaced=spaced), further=further)
    shown = case((cut.c.part == MISMATCH, null()), else_=cut.c[0]).label("value")
    # Joined so that SQLite goes through the page as it is sorted, and need not keep it first.
    rows = select(shown, *person_columns()).select_from(cut.outerjoin(people, people.c.id == cut.c.id))
    facts = (null(), null(), total, looked_at, last_looked_at)
    return union_all(rows, select(*facts, *repeat(null(), len(rows.selected_columns) - len(facts))))


def _cut(
    order: Order, value: ColumnElement[Any], found: CTE, matches: ColumnElement[bool], *, further: bool
) -> Subquery:
    """Value, id and part of the page, of those in ``found``."""
    part, *rest = order.heights(value, mismatch=~matches)
    part = part.label("part")
    page = select(value, people.c.id, part).select_from(found.join(people, people.c.id == found.c.rowid))
    if further:
        page = page.where(or_(order.behind(value), ~matches))
    return page.order_by(part, *rest).limit(bindparam("most", type_=BigInteger)).subquery("cut")


def split(rows: list[Row]) -> tuple[list[Row], Candidates]:
    """The places of a page of ``checked``, and its ``Candidates``."""
    at = next(at for at in reversed(range(len(rows))) if rows[at][1] is None)  # the last one, as SQLite does it
    facts = rows.pop(at)
    return rows, Candidates(*facts[2:5])


def has_mismatch(places: Sequence[Row]) -> bool:
    """Whether a page of ``checked`` has a candidate that is no match."""
    return None in map(_VALUE, places)
