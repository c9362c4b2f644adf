"""Candidates of a search on SQLite: who has the pieces that cover a text, checked against it as they are sorted.

FTS5 finds a phrase by all its pieces and their positions. Pieces that only cover the text are fewer, their positions
need not be read, and from six characters on that takes about half the time. Who has the pieces in another order is
then a candidate and no match, so the statement that sorts the candidates checks each of them, and sorts those that
fail first: one row tells whether there is any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    case,
    column,
    func,
    null,
    or_,
    select,
    table,
    text,
)

from db.models import people
from db.people_order import MISMATCH, Order
from db.people_rows import person_columns
from db.people_words import PIECE, has_words
from db.statement import Row

MIN_CHARACTERS: Final = 2 * PIECE
"""Shorter texts have hardly more pieces than it takes to cover them."""
_SEARCH: Final = table("people_search", column("rowid", BigInteger))


def cover(words: str) -> str:
    """The FTS5 query for who has the pieces that cover ``words``, at least ``PIECE`` characters, in any order."""
    starts = [*range(0, len(words) - PIECE, PIECE), len(words) - PIECE]
    pieces = dict.fromkeys(words[start : start + PIECE] for start in starts)
    return " AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


def candidates() -> Select[Any]:
    """How many candidates the value ``match`` has, up to ``most``, and their ids as a JSON array."""
    found = select(_SEARCH.c.rowid).where(text("people_search MATCH :match")).limit(bindparam("most", type_=BigInteger))
    number = found.subquery().c[0]
    return select(func.count(), func.json_group_array(number))


def checked(order: Order, value: ColumnElement[Any], *, further: bool) -> Select[Any]:
    """The next ``most`` of the candidates ``ids`` in the order by name; mismatches come first, with NULL for a value.

    Args:
        order: The order by name, with words.
        value: What the order is by.
        further: Whether to go on behind the place of ``Order.height_given``.
    """
    matches = has_words(sqlite=True, by_pieces=False, joined=False)
    part, *rest = order.heights(value, mismatch=~matches)
    part = part.label("part")
    ids = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
    page = select(value, people.c.id, part).select_from(ids.join(people, people.c.id == ids.c.value))
    if further:
        page = page.where(or_(order.behind(value), ~matches))
    cut = page.order_by(part, *rest).limit(bindparam("most", type_=BigInteger)).subquery("cut")
    shown = case((cut.c.part == MISMATCH, null()), else_=cut.c[0]).label("value")
    return select(shown, *person_columns()).select_from(cut.join(people, people.c.id == cut.c.id))


def has_mismatch(places: Sequence[Row]) -> bool:
    """Whether a page of ``checked`` has a candidate that is no match."""
    return any(place[0] is None for place in places)
