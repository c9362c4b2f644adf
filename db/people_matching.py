"""Who matches a query, and where they stand in the list's order.

Whoever matches is looked for from the filter's own index first, up to ``MOST_COUNTED``. When that is all of them, they
are sorted. When there are more, matches are frequent: then the list's order is walked, part by part and a stretch at a
time, and only when a long stretch holds too few, all that match are sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy import column as named_column

from app.core.directory import MOST_COUNTED, PeopleQuery, PeopleSort
from db.cursors import Place
from db.models import counters, people
from db.people_candidates import MIN_CHARACTERS, MOST_CHECKED, checked, cover, has_mismatch, split
from db.people_filters import filters
from db.people_order import LAST, SORTS, Order, Part, Segment, begins
from db.people_rows import person_columns
from db.people_words import PIECE, containing, has_short_word, has_words_somewhere, is_like_words, phrase, pieces_of
from db.query_cache import QueryCache
from db.statement import Row

_SORTED_AT_ONCE: Final = MOST_CHECKED
"""So few matches are sorted in less time than it takes to ask whether the page is full of names that begin so."""
_STRETCHES: Final = (200, 1000)
_SEARCH: Final = table("people_search", named_column("rowid", BigInteger))
_NOTHING_ASKED: Final = (None, False, False, None)


class Matching:
    """Those who match one query."""

    __slots__ = (
        "_by_pieces",
        "_order",
        "_ordered",
        "_plain",
        "_search",
        "_spaced",
        "_value",
        "form",
        "now",
        "queries",
        "query",
        "words",
    )

    def __init__(self, queries: QueryCache, query: PeopleQuery, words: str, now: int) -> None:
        self.queries = queries
        self.query = query
        self.words = words
        self.now = now
        self._search = "" if not words else "beginning" if len(words) < PIECE else "part"
        # PostgreSQL finds the words by all their pieces where its index of words says little, which is of short ones.
        self._by_pieces = not queries.sqlite and self._search == "part" and has_short_word(words)
        self._spaced = " " in words
        self._value = SORTS[query.sort]
        self._ordered = queries.in_order(self._value) if query.sort is PeopleSort.NAME else self._value
        """What the order is by, as its index has it."""
        self._order = Order(query.sort, words if query.sort is PeopleSort.NAME else "")
        beside_words = (query.state, bool(query.role), query.without_roles, query.machine)
        self._plain = beside_words == _NOTHING_ASKED
        self.form: tuple[object, ...] = (self._search, self._by_pieces, self._spaced, *beside_words, str(query.sort))
        """What makes two statements the same but for their values."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two queries the same but for the page."""
        asked = self.query
        return ("people", self.words, asked.state, asked.role, asked.without_roles, asked.machine, str(asked.sort))

    @property
    def _filtered(self) -> dict[str, Any]:
        """Values of what is asked for beside the text."""
        given: dict[str, Any] = {"now": self.now}
        return given | ({"role": self.query.role} if self.query.role else {})

    @property
    def _given(self) -> dict[str, Any]:
        """Values of all that is asked for."""
        if self._search == "beginning":
            return self._filtered | {"words_begin": self.words, "words_end": self.words + LAST}
        if not self._search:
            return self._filtered
        if self.queries.sqlite:
            return self._filtered | {"words": self.words}
        pieces = {"pieces": pieces_of(self.words)} if self._by_pieces else {}
        return self._filtered | {"words": containing(self.words)} | pieces

    @property
    def _driven(self) -> dict[str, Any]:
        """Values where the search index is gone through."""
        if self._search == "part" and self.queries.sqlite:
            return self._filtered | {"match": phrase(self.words)}
        return self._given

    @property
    def _everybody(self) -> bool:
        return not self._search and self._plain

    def page(self, after: Place | None, size: int) -> tuple[list[Row], int, bool]:
        """The next ``size`` rows with their places, how many match (up to ``MOST_COUNTED``), and if more follow."""
        places, total = self._next(after, size)
        # Where more than a page was not asked for, the total says it.
        return places[:size], total, len(places) > size or (after is None and len(places) == size < total)

    def _next(self, after: Place | None, size: int) -> tuple[list[Row], int]:
        """The next rows, one more than ``size`` where that alone tells if more follow, and how many match in all."""
        # Of the first page the total says whether more follow.
        count = size if after is None else size + 1
        if self._everybody:
            total = min(self.queries.number("people counted", lambda: _COUNTED), MOST_COUNTED)
            return self._in_parts(after, count), total
        if self._by_words_alone and self.queries.sqlite and len(self.words) >= MIN_CHARACTERS:
            matches = self._by_candidates(after, count)
            if matches is not None:
                return matches
        total, ids = self._rows(("people found", *self.form), self._few, **self._driven)[0]
        if total <= _SORTED_AT_ONCE:
            return self._sorted(ids, after, count) if total else [], total
        begun = self._beginning(after, count) if self._by_words_alone else None
        if begun is not None and len(begun) >= count:  # where the rest stand, nobody asks
            return begun, total
        if total < MOST_COUNTED:
            return self._sorted(ids, after, count), total
        return self._in_parts(after, count, begun), total

    def _by_candidates(self, after: Place | None, count: int) -> tuple[list[Row], int] | None:
        """As ``_next``, where the candidates are few and all of them match, or very many; None otherwise."""
        order = self._order
        given = order.given if after is None else order.given | order.height_given(after)
        rows = self.queries.rows(
            ("people checked", self._spaced, after is not None),
            lambda: checked(order, self._value, spaced=self._spaced, further=after is not None),
            **given,
            match=cover(self.words),
            words=self.words,
            now=self.now,
            most=count,
        )
        places, found = split(rows)
        if found.too_many:
            # That there are as many as are counted at all is sooner found out than how many there are.
            return (self._in_parts(after, count), MOST_COUNTED) if found.frequent and self._count_is_full else None
        return None if has_mismatch(places) else (order.sorted(places), found.number)

    @property
    def _count_is_full(self) -> bool:
        """Whether at least ``MOST_COUNTED`` match."""
        return bool(self._rows(("people counted full", *self.form), self._last_counted, **self._driven))

    def _last_counted(self) -> Select[Any]:
        return self._found().limit(literal_column("1")).offset(literal_column(str(MOST_COUNTED - 1)))

    @property
    def _by_words_alone(self) -> bool:
        """Whether nothing is asked for but words, in the order of names."""
        return bool(self._order.words) and self._plain

    def _beginning(self, after: Place | None, count: int) -> list[Row]:
        """The next places among those whose name begins with the words."""
        segment = next(self._order.segments(after, self._ordered))
        return self._of_segment(segment, count) if segment.part is Part.BEGINNING else []

    def _in_parts(self, after: Place | None, count: int, begun: list[Row] | None = None) -> list[Row]:
        """The next places, part by part. ``begun``: those of the first part, where they are known."""
        places: list[Row] = []
        for segment in self._order.segments(after, self._ordered):
            known = begun if segment.part is Part.BEGINNING else None
            places += self._of_segment(segment, count - len(places)) if known is None else known
            if len(places) >= count or (segment.part is Part.BEGINNING and self._search == "beginning"):
                break
        return places

    def _of_segment(self, segment: Segment, count: int) -> list[Row]:
        """The first ``count`` of a part of the order that match."""
        if self._everybody or segment.part is Part.BEGINNING:
            return self._run("people walked", self._walked, segment, self._filtered, count)
        for stretch in _STRETCHES:
            near = self._run(("people near", stretch), partial(self._near, stretch), segment, self._given, count)
            if len(near) >= count:
                return near
        return self._order.sorted(self._run("people sorted", self._sorting, segment, self._driven, count))

    def _rows(self, form: Hashable, build: Callable[[], Select[Any]], **given: Any) -> list[Row]:
        queries = self.queries
        return (queries.rows_planned_afresh if self._search == "part" else queries.rows)(form, build, **given)

    def _run(
        self,
        what: Hashable,
        build: Callable[[Segment], Select[Any]],
        segment: Segment,
        given: dict[str, Any],
        most: int,
    ) -> list[Row]:
        form = (what, *self.form, *segment.form)
        return self._rows(form, partial(build, segment), **(given | segment.given), most=most)

    def _walked(self, segment: Segment) -> Select[Any]:
        """The part itself, which has the text already where one is asked for."""
        rows = select(self._value, *self._columns).where(*self._conditions(search=False, walking=True))
        return segment.of(rows).limit(_MOST)

    def _near(self, stretch: int, segment: Segment) -> Select[Any]:
        """Who match among the first ``stretch`` of a part, which is left as soon as there are enough."""
        rows = select(self._value, *self._columns).where(segment.within(stretch), *self._conditions(walking=True))
        return segment.of(rows).limit(_MOST)

    def _sorting(self, segment: Segment) -> Select[Any]:
        """All of a part who match, sorted by the database."""
        return self._whole(segment.of(self._matching()).limit(_MOST))

    def _few(self) -> Select[Any]:
        """How many match, and their ids as ``QueryCache.among`` takes them."""
        found = self._found().limit(MOST_COUNTED).subquery()
        number = found.c[0]
        return select(func.count(), func.json_group_array(number) if self.queries.sqlite else func.array_agg(number))

    def _sorted(self, ids: Any, after: Place | None, count: int) -> list[Row]:
        """The next ``count`` of these people."""
        order = self._order
        given = order.given if after is None else order.given | order.height_given(after)
        form = ("people placed", str(self.query.sort), bool(order.words), after is not None)
        build = partial(self._placed, after is not None)
        return order.sorted(self.queries.rows(form, build, ids=ids, now=self.now, most=count, **given))

    def _placed(self, further: bool) -> Select[Any]:  # noqa: FBT001 - for `partial`
        value, order = self._ordered, self._order
        page = select(self._value, people.c.id)
        if self.queries.sqlite:  # each id is there once: a join spares SQLite the set it would make of them
            ids = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
            page = page.select_from(ids.join(people, people.c.id == ids.c.value))
        else:
            page = page.where(self.queries.among(people.c.id, "ids"))
        if further:
            page = page.where(order.behind(value))
        return self._whole(page.order_by(*order.heights(value)).limit(_MOST))

    def _found(self) -> Select[Any]:
        """The ids of all that match, driven by the filter's own index."""
        if self._search == "part" and self.queries.sqlite and self._plain:
            return select(_SEARCH.c.rowid).where(text("people_search MATCH :match"))
        return self._matching().with_only_columns(people.c.id)

    @property
    def _columns(self) -> tuple[Any, ...]:
        """What is read of each that the page shows.

        On SQLite everything, so that it need not be asked for again. On PostgreSQL the id: what it makes of more
        depends on how many it expects.
        """
        return person_columns() if self.queries.sqlite else (people.c.id,)

    def _whole(self, page: Select[Any]) -> Select[Any]:
        """What is read of those on a page of values and ids, which is sorted and cut already; in any order."""
        if not self.queries.sqlite:
            return page
        cut = page.subquery("cut")
        return select(cut.c[0].label("value"), *person_columns()).select_from(
            cut.outerjoin(people, people.c.id == cut.c.id)
        )

    def _matching(self) -> Select[Any]:
        """All that match, driven by the filter's own index."""
        found = select(self._value, people.c.id)
        if self._search == "part" and self.queries.sqlite:
            found = found.select_from(_SEARCH.join(people, people.c.id == _SEARCH.c.rowid)).where(
                text("people_search MATCH :match")
            )
            return found.where(*self._conditions(search=False))
        return found.where(*self._conditions())

    def _conditions(self, *, search: bool = True, walking: bool = False) -> list[ColumnElement[bool]]:
        found = filters(self.query, walking=walking)
        if search and self._search:
            found.append(self._text(walking=walking))
        return found

    def _text(self, *, walking: bool) -> ColumnElement[bool]:
        if self._search == "beginning":
            return begins(self.queries.in_order(people.c.name_key))
        if self.queries.sqlite:
            return has_words_somewhere(spaced=self._spaced)
        return is_like_words(by_pieces=self._by_pieces and not walking, joined=self._by_pieces)


_MOST: Final = bindparam("most", type_=BigInteger)
_COUNTED: Final = select(counters.c.value).where(counters.c.name == literal_column("'people'"))
