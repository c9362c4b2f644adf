"""The list of people: 50 of very many, by any filter, in about the time that 50 of ten take.

Whoever matches is looked for from the filter's own index first, up to ``MOST_COUNTED``. When that is all of them, they
are sorted here. When there are more, matches are frequent: then the list's order is walked, part by part and a stretch
at a time, and only when a long stretch holds too few, all that match are sorted by the database.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    text,
)
from sqlalchemy import column as named_column

from app.core.directory import MOST_COUNTED, PeopleQuery, PeopleSort, PersonRow, PersonState, Slice
from db.cursors import Place, cursor, place_of
from db.lookup import Lookup, live, page_size
from db.models import counters, grants, people, roles
from db.people_order import LAST, SORTS, Order, Part, Segment, begins
from db.rows import PERSON, person_of, raw_time
from db.statement import Row
from db.texts import clean, search_key, sound
from db.times import micros

PIECE: Final = 3
"""Characters in a piece of the search index: shorter texts are looked for at the beginning of names only."""
_STRETCHES: Final = (100, 400, 1500)
_TEXT_MAX_CHARACTERS: Final = 200
_SEARCH: Final = table("people_search", named_column("rowid", BigInteger))
_SEPARATOR: Final = cast("str", literal_column("'\n'"))  # in the text itself, so that it can be prepared
_ERASED: Final = people.c.erased_at.is_not(None)
_STATES: Final = {
    PersonState.ERASED: _ERASED,
    PersonState.BLOCKED: and_(people.c.blocked.is_(True), not_(_ERASED)),
    PersonState.PENDING: and_(people.c.first_seen_at.is_(None), people.c.blocked.is_(False), not_(_ERASED)),
    PersonState.ACTIVE: and_(people.c.first_seen_at.is_not(None), people.c.blocked.is_(False), not_(_ERASED)),
}


def people_slice(look: Lookup, query: PeopleQuery, now: datetime) -> Slice[PersonRow]:
    """People that match, in the order asked for."""
    words = search_key(clean(query.text.strip(), _TEXT_MAX_CHARACTERS))
    if query.role and not sound(query.role):
        return Slice()
    matching = _Matching(look, query, words, micros(now))
    value = str if query.sort is PeopleSort.NAME else None
    after = place_of(query.cursor, matching.key, value, int)
    size = page_size(query.limit)
    places, total = matching.page(after, size + 1)
    more = len(places) > size
    places = places[:size]
    return Slice(
        rows=people_rows(look, [int(place[1] or 0) for place in places], micros(now)),
        next=cursor(matching.key, places[-1]) if more else None,
        total=total,
    )


def people_rows(look: Lookup, ids: Sequence[int], now: int) -> tuple[PersonRow, ...]:
    """The people with these ids, in their order; ids that are nobody's are left out."""
    if not ids:
        return ()
    rows = {row[0]: row for row in look.rows("people by id", lambda: _by_id(look), ids=look.some(ids), now=now)}
    return tuple(person_row(rows[one]) for one in ids if one in rows)


def person_columns() -> tuple[Any, ...]:
    """What ``person_row`` takes: id, erased, roles held at ``now`` joined by line ends, ``PERSON``."""
    held = (
        select(func.aggregate_strings(roles.c.name, _SEPARATOR))
        .select_from(grants.join(roles, roles.c.id == grants.c.role_id))
        .where(grants.c.person_id == people.c.id, live())
        .scalar_subquery()
    )
    return (people.c.id, raw_time(people.c.erased_at), held, *PERSON)


def person_row(row: Row) -> PersonRow:
    """The row of ``person_columns``."""
    number, erased_at, held, *shown = row
    person = person_of(shown)
    if erased_at is not None:
        state = PersonState.ERASED
    elif person.blocked:
        state = PersonState.BLOCKED
    else:
        state = PersonState.PENDING if person.first_seen_at is None else PersonState.ACTIVE
    return PersonRow(number, person, state, tuple(sorted(set(held.split("\n")))) if held else ())


@dataclass(frozen=True, slots=True)
class _Matching:
    """Those who match one query."""

    look: Lookup
    query: PeopleQuery
    words: str
    now: int

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two queries the same but for the page."""
        asked = self.query
        return ("people", self.words, asked.state, asked.role, asked.without_roles, asked.machine, asked.sort)

    @property
    def form(self) -> tuple[object, ...]:
        """What makes two statements the same but for their values."""
        asked = self.query
        return (self._search, asked.state, bool(asked.role), asked.without_roles, asked.machine, asked.sort)

    @property
    def _search(self) -> str:
        return "" if not self.words else "beginning" if len(self.words) < PIECE else "part"

    @property
    def _filtered(self) -> dict[str, Any]:
        """Values of what is asked for beside the text."""
        given: dict[str, Any] = {"now": self.now} if self.query.role or self.query.without_roles else {}
        return given | ({"role": self.query.role} if self.query.role else {})

    @property
    def _given(self) -> dict[str, Any]:
        """Values of all that is asked for."""
        if self._search == "beginning":
            return self._filtered | {"words_begin": self.words, "words_end": self.words + LAST}
        if not self._search:
            return self._filtered
        return self._filtered | {"words": self.words if self.look.sqlite else f"%{_escaped(self.words)}%"}

    @property
    def _driven(self) -> dict[str, Any]:
        """Values where the search index is gone through."""
        if self._search == "part" and self.look.sqlite:
            return self._filtered | {"match": _phrase(self.words)}
        return self._given

    @property
    def _order(self) -> Order:
        return Order(self.query.sort, self.words if self.query.sort is PeopleSort.NAME else "")

    @property
    def _everybody(self) -> bool:
        return not any(self.form[:-1]) and self.query.machine is None

    def page(self, after: Place | None, count: int) -> tuple[list[Place], int]:
        """Where the next ``count`` rows stand, and how many match in all, up to ``MOST_COUNTED``."""
        if self._everybody:
            total = min(self.look.number("people counted", lambda: _COUNTED), MOST_COUNTED)
            return self._in_parts(after, count), total
        if self._by_text_alone:
            ids = [row[0] for row in self.look.rows("people found", _found, match=_phrase(self.words))]
            total = len(ids)
            begun = self._beginning(after, count)
            if len(begun) >= count:  # where the rest stand, nobody asks
                return begun, total
            if total < MOST_COUNTED:
                found = self.look.rows(("people placed", self.query.sort), self._placed, ids=self.look.some(ids))
        else:
            found = self._rows(
                ("people that match", *self.form), lambda: self._matching().limit(MOST_COUNTED), **self._driven
            )
            total = len(found)
        if total < MOST_COUNTED:
            return self._order.sorted([tuple(row) for row in found], after)[:count], total
        return self._in_parts(after, count), total

    @property
    def _by_text_alone(self) -> bool:
        """Whether SQLite's search index can tell by itself who match."""
        asked = self.query
        more = asked.state is not None or asked.role or asked.without_roles or asked.machine is not None
        return self.look.sqlite and self._search == "part" and not more

    def _beginning(self, after: Place | None, count: int) -> list[Place]:
        """The next places among those whose name begins with the text."""
        segments = self._order.segments(after, self._ordered)
        return self._of_segment(segments[0], count) if segments[0].part is Part.BEGINNING else []

    def _in_parts(self, after: Place | None, count: int) -> list[Place]:
        places: list[Place] = []
        for segment in self._order.segments(after, self._ordered):
            places += self._of_segment(segment, count - len(places))
            if len(places) >= count or (segment.part is Part.BEGINNING and self._search == "beginning"):
                break
        return places

    def _of_segment(self, segment: Segment, count: int) -> list[Place]:
        """The first ``count`` of a part of the order that match."""
        if self._everybody or segment.part is Part.BEGINNING:
            return self._run("people walked", self._walked, segment, self._filtered, count)
        for stretch in _STRETCHES:
            near = self._run("people of a stretch", self._near, segment, self._given, stretch)
            if len(near) >= count:
                return self._order.sorted(near, None)[:count]
        return self._run("people sorted", self._sorting, segment, self._driven, count)

    def _rows(self, form: Hashable, build: Callable[[], Select[Any]], **given: Any) -> list[Row]:
        look = self.look
        return (look.rows_planned_afresh if self._search == "part" else look.rows)(form, build, **given)

    def _run(
        self, what: str, build: Callable[[Segment], Select[Any]], segment: Segment, given: dict[str, Any], most: int
    ) -> list[Place]:
        form = (what, *self.form, *segment.form)
        rows = self._rows(form, partial(build, segment), **(given | segment.given), most=most)
        return [tuple(row) for row in rows]

    def _walked(self, segment: Segment) -> Select[Any]:
        """The part itself, which has the text already where one is asked for."""
        rows = select(self._value, people.c.id).where(*self._conditions(search=False, walking=True))
        return segment.of(rows).limit(_MOST)

    def _near(self, segment: Segment) -> Select[Any]:
        """Who match among the first of a part."""
        near = segment.of(select(people.c.id)).limit(_MOST).subquery()
        matching = (people.c.id.in_(select(near.c.id)), *self._conditions(walking=True))
        return select(self._value, people.c.id).where(*matching)

    def _sorting(self, segment: Segment) -> Select[Any]:
        """All of a part who match, sorted by the database."""
        return segment.of(self._matching()).limit(_MOST)

    def _placed(self) -> Select[Any]:
        return select(self._value, people.c.id).where(self.look.among(people.c.id, "ids"))

    @property
    def _value(self) -> ColumnElement[Any]:
        return SORTS[self.query.sort]

    @property
    def _ordered(self) -> ColumnElement[Any]:
        """What the order is by, as its index has it."""
        return self.look.in_order(people.c.name_key) if self.query.sort is PeopleSort.NAME else self._value

    def _matching(self) -> Select[Any]:
        """All that match, driven by the filter's own index."""
        found = select(self._value, people.c.id)
        if self._search == "part" and self.look.sqlite:
            found = found.select_from(_SEARCH.join(people, people.c.id == _SEARCH.c.rowid)).where(
                text("people_search MATCH :match")
            )
            return found.where(*self._conditions(search=False))
        return found.where(*self._conditions())

    def _conditions(self, *, search: bool = True, walking: bool = False) -> list[ColumnElement[bool]]:
        asked = self.query
        found: list[ColumnElement[bool]] = []
        if asked.state is not None:
            found.append(_STATES[asked.state])
        if asked.machine is not None:
            found.append(people.c.machine.is_(asked.machine))
        if asked.role:
            role = select(roles.c.id).where(roles.c.name == bindparam("role", type_=Text)).scalar_subquery()
            found.append(people.c.id.in_(select(grants.c.person_id).where(grants.c.role_id == role, live())))
        if asked.without_roles:
            held = exists().where(grants.c.person_id == people.c.id, grants.c.role_id.is_not(None), live())
            found += [not_(held), *([] if walking else [people.c.id.in_(_maybe_without())])]
        if search and self._search:
            found.append(self._text())
        return found

    def _text(self) -> ColumnElement[bool]:
        if self._search == "beginning":
            return begins(self.look.in_order(people.c.name_key))
        words = bindparam("words", type_=Text)
        if self.look.sqlite:
            return or_(
                func.instr(people.c.name_key, words) > 0,
                func.instr(people.c.email_key, words) > 0,
                func.instr(func.lower(people.c.subject), words) > 0,
            )
        said = "(name_key || chr(10) || email_key || chr(10) || lower(subject))"  # as its index has it
        return literal_column(said, Text).like(words)


_MOST: Final = bindparam("most", type_=BigInteger)
_COUNTED: Final = select(counters.c.value).where(counters.c.name == literal_column("'people'"))


def _maybe_without() -> Any:
    """Who never had a role, or has one that is over: all who can be without any, from two small indexes."""
    none = select(people.c.id).where(people.c.role_grants == literal_column("0"))
    over = select(grants.c.person_id).where(
        grants.c.role_id.is_not(None), raw_time(grants.c.until) <= bindparam("now", type_=BigInteger)
    )
    return none.union(over)


def _by_id(look: Lookup) -> Select[Any]:
    return select(*person_columns()).where(look.among(people.c.id, "ids"))


def _found() -> Select[Any]:
    return select(_SEARCH.c.rowid).where(text("people_search MATCH :match")).limit(MOST_COUNTED)


def _phrase(words: str) -> str:
    """``words`` as one phrase of FTS5, whatever signs are in it."""
    return '"' + words.replace('"', '""') + '"'


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
