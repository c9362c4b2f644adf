"""The list of people: 50 of very many, by any filter, in about the time that 50 of ten take.

Whoever matches is looked for from the filter's own index first, up to ``MOST_COUNTED``. When that is all of them, they
are sorted here. When there are more, matches are frequent: then the list's order is walked, a stretch at a time, and
only when a long stretch holds too few, all that match are sorted by the database.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    tuple_,
)
from sqlalchemy import column as named_column

from app.core.directory import MOST_COUNTED, PeopleQuery, PeopleSort, PersonRow, PersonState, Slice
from db.cursors import Place, cursor, place_of
from db.lookup import Lookup, live, page_size
from db.models import counters, grants, people, roles
from db.rows import PERSON, person_of, raw_time
from db.statement import Row
from db.texts import clean, search_key, sound
from db.times import micros

PIECE: Final = 3
"""Characters in a piece of the search index: shorter texts are looked for at the beginning of names only."""
_STRETCHES: Final = (300, 6000)
_TEXT_MAX_CHARACTERS: Final = 200
_LAST: Final = "\U0010ffff"
_SEARCH: Final = table("people_search", named_column("rowid", BigInteger))
_SORTS: Final = {
    PeopleSort.NAME: people.c.name_key,
    PeopleSort.LAST_SEEN: raw_time(people.c.last_seen_at),
    PeopleSort.FIRST_SEEN: raw_time(people.c.first_seen_at),
}
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
    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = {"now": self.now} if self.query.role or self.query.without_roles else {}
        if self.query.role:
            given["role"] = self.query.role
        if self._search == "beginning":
            given |= {"words": self.words, "words_end": self.words + _LAST}
        elif self._search:
            given["words"] = self.words if self.look.sqlite else f"%{_escaped(self.words)}%"
        return given

    def page(self, after: Place | None, count: int) -> tuple[list[Place], int]:
        """Where the next ``count`` rows stand, and how many match in all, up to ``MOST_COUNTED``."""
        if not any(self.form[:-1]) and self.query.machine is None:
            total = self.look.number("people counted", lambda: _COUNTED)
            return self._stretch(after, count), min(total, MOST_COUNTED)
        found = self._candidates()
        if len(found) < MOST_COUNTED:
            return self._sorted(found, after)[:count], len(found)
        for stretch in _STRETCHES:
            places = self._sorted(self._stretch(after, stretch, matching=True), None)
            if len(places) >= count:
                return places[:count], MOST_COUNTED
        return self._all_sorted(after, count), MOST_COUNTED

    def _candidates(self) -> list[Place]:
        """Places of all that match, up to ``MOST_COUNTED`` of them, in no order."""
        if self.look.sqlite and self.form[:1] == ("part",) and not any(self.form[1:4]) and self.query.machine is None:
            given = {"match": _phrase(self.words)}
            ids = [row[0] for row in self.look.rows("people found", _found, **given)]
            if len(ids) >= MOST_COUNTED:  # then nobody asks where they stand
                return [(None, one) for one in ids]
            form = ("people placed", self.query.sort)
            return [tuple(row) for row in self.look.rows(form, self._placed, ids=self.look.some(ids))]
        given = self._given
        if self.look.sqlite and self._search == "part":
            given = given | {"match": _phrase(self.words)}
        rows = self.look.rows(("people that match", *self.form), lambda: self._matching().limit(MOST_COUNTED), **given)
        return [tuple(row) for row in rows]

    def _placed(self) -> Select[Any]:
        return select(self._value, people.c.id).where(self.look.among(people.c.id, "ids"))

    @property
    def _value(self) -> ColumnElement[Any]:
        return _SORTS[self.query.sort]

    def _matching(self) -> Select[Any]:
        """All that match, driven by the filter's own index."""
        found = select(self._value, people.c.id)
        if self._search == "part" and self.look.sqlite:
            found = found.select_from(_SEARCH.join(people, people.c.id == _SEARCH.c.rowid)).where(
                text("people_search MATCH :match")
            )
            return found.where(*self._conditions(search=False))
        return found.where(*self._conditions())

    def _all_sorted(self, after: Place | None, count: int) -> list[Place]:
        """The next places, with everybody who matches sorted by the database."""
        given = self._given | ({"match": _phrase(self.words)} if self.look.sqlite and self._search == "part" else {})
        places: list[Place] = []
        for segment in self._segments(after):
            statement_form = ("people sorted", *self.form, segment.form)
            rows = self.look.rows(
                statement_form,
                partial(self._sorting, segment),
                **given,
                **segment.given,
                most=count - len(places),
            )
            places += [tuple(row) for row in rows]
            if len(places) >= count:
                break
        return places

    def _stretch(self, after: Place | None, length: int, *, matching: bool = False) -> list[Place]:
        """The next ``length`` places of the list's order; with ``matching`` only those among them that match."""
        places: list[Place] = []
        for segment in self._segments(after)[: 1 if matching else None]:  # what follows is another part of the order
            rows = self.look.rows(
                ("people walked", matching, *(self.form if matching else (self.query.sort,)), segment.form),
                partial(self._walk, segment, matching=matching),
                **(self._given if matching else {}),
                **segment.given,
                most=length - len(places),
            )
            places += [tuple(row) for row in rows]
            if len(places) >= length:
                break
        return places

    def _sorting(self, segment: _Segment) -> Select[Any]:
        return segment.of(self._matching()).limit(bindparam("most", type_=BigInteger))

    def _walk(self, segment: _Segment, *, matching: bool) -> Select[Any]:
        inner = segment.of(select(self._value, people.c.id))
        if self._search == "beginning" and matching:
            inner = inner.where(self._text())
        inner = inner.limit(bindparam("most", type_=BigInteger))
        if not matching:
            return inner
        near = inner.subquery()
        return select(self._value, people.c.id).where(
            people.c.id.in_(select(near.c.id)), *self._conditions(walking=True)
        )

    def _sorted(self, places: list[Place], after: Place | None) -> list[Place]:
        """Places in the list's order, from behind ``after``."""
        down = self.query.sort is not PeopleSort.NAME
        height = partial(_height, down=down)
        places = sorted(places, key=height, reverse=down)
        if after is None:
            return places
        here = height(after)
        return [place for place in places if (height(place) < here if down else height(place) > here)]

    def _segments(self, after: Place | None) -> list[_Segment]:
        """The parts of the list's order from ``after`` on: those without a name, or never seen, stand last."""
        if self.query.sort is PeopleSort.NAME:
            name = self.look.in_order(people.c.name_key)
            parts = [_Segment(name, after, last=last, nothing=_NAMELESS) for last in (False, True)]
        else:
            parts = [_Segment(self._value, after, last=last, down=True) for last in (False, True)]
        return parts[1:] if after is not None and after[0] in {None, ""} else parts

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
        words = bindparam("words", type_=Text)
        if self._search == "beginning":
            name = self.look.in_order(people.c.name_key)
            return and_(name >= words, name < bindparam("words_end", type_=Text))
        if self.look.sqlite:
            return or_(
                func.instr(people.c.name_key, words) > 0,
                func.instr(people.c.email_key, words) > 0,
                func.instr(func.lower(people.c.subject), words) > 0,
            )
        said = "(name_key || chr(10) || email_key || chr(10) || lower(subject))"  # as its index has it
        return literal_column(said, Text).like(words)


@dataclass(frozen=True, slots=True)
class _Segment:
    """One part of an order: by a value and the id, or by the id alone among those who have no value, the ``last``."""

    value: ColumnElement[Any]
    after: Place | None
    last: bool
    down: bool = False
    nothing: ColumnElement[str] | None = None
    """What is stored where there is no value; None for NULL."""

    @property
    def form(self) -> tuple[object, ...]:
        return (self.last, bool(self.given))

    @property
    def given(self) -> dict[str, Any]:
        if self.after is None or self.last != (self.after[0] in {None, ""}):
            return {}
        return {"id": self.after[1]} | ({} if self.last else {"value": self.after[0]})

    def of(self, rows: Select[Any]) -> Select[Any]:
        """The segment of ``rows``, in order."""
        number, place = bindparam("id", type_=BigInteger), people.c.id
        down = place.desc() if self.down else place.asc()
        if self.last:
            rows = rows.where(self.value.is_(None) if self.nothing is None else self.value == self.nothing)
            if self.given:
                rows = rows.where(place < number if self.down else place > number)
            return rows.order_by(down)
        rows = rows.where(self.value.is_not(None) if self.nothing is None else self.value > self.nothing)
        if self.given:
            here = tuple_(self.value, place)
            there = tuple_(bindparam("value", type_=Text() if self.nothing is not None else BigInteger()), number)
            rows = rows.where(here < there if self.down else here > there)
        return rows.order_by(self.value.desc() if self.down else self.value.asc(), down)


_NAMELESS: Final = cast("ColumnElement[str]", literal_column("''"))
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


def _height(place: Place, *, down: bool) -> tuple[Any, ...]:
    """What places are sorted by: those without a value stand last in either direction."""
    value, number = place
    without = value in {None, ""}
    return (without is not down, number) if without else (down, value, number)


def _phrase(words: str) -> str:
    """``words`` as one phrase of FTS5, whatever signs are in it."""
    return '"' + words.replace('"', '""') + '"'


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
