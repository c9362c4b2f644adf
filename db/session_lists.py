"""Lists of live sessions, of all people, of one, or of those who match a search text."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, literal_column, select, tuple_

from app.core.administration_records import PeopleQuery, RowPage, SessionRow
from app.core.list_orders import SessionSort
from app.core.records import MAX_SEARCH_CHARACTERS
from db.cursors import cursor, position_of
from db.models import people, policy, sessions
from db.people_search import PeopleSearch
from db.query_cache import QueryCache, capped, page_size
from db.rows import PERSON, SESSION, person_of, raw_time, session_of
from db.session_liveness import is_live
from db.texts import clean, search_key
from db.times import to_micros

_LAST_SEEN: Final = raw_time(sessions.c.last_seen_at)
_EXPIRES: Final = raw_time(sessions.c.expires_at)
_VALUES: Final = {
    SessionSort.LAST_SEEN: _LAST_SEEN,
    SessionSort.LAST_SEEN_ASCENDING: _LAST_SEEN,
    SessionSort.SINCE: raw_time(sessions.c.created_at),
    SessionSort.SINCE_DESCENDING: raw_time(sessions.c.created_at),
}
_ZERO: Final = literal_column("0", BigInteger)


def session_page(
    queries: QueryCache,
    now: datetime,
    *,
    text: str,
    person: int | None,
    seen_since: datetime | None,
    sort: SessionSort,
    after: str,
    limit: int,
) -> RowPage[SessionRow]:
    """A page of the sessions that have neither ended nor expired.

    Args:
        queries: Executes the reads.
        now: The time at which sessions are live.
        text: A part of the name, e-mail or subject of the person, as in a search of people.
        person: The id of the person; None for everyone.
        seen_since: Only sessions used after this time; None for all.
        sort: The order.
        after: The cursor; empty for the first page.
        limit: The size of the page.

    Raises:
        InvalidInput: The cursor is not one of this list.
    """
    search_text = search_key(clean(text.strip(), MAX_SEARCH_CHARACTERS))
    key = ("sessions", person, search_text, str(sort))
    position = position_of(after, key, int, int)
    size = page_size(limit)
    of_text = _of_text(queries, search_text, to_micros(now))
    parameters: dict[str, Any] = {**of_text.parameters, "now": to_micros(now)}
    if person is not None:
        parameters["person"] = person
    if seen_since is not None:
        parameters["since"] = to_micros(seen_since)
    form = (person is not None, seen_since is not None)
    read = queries.rows_replanned if search_text else queries.rows
    total = read(
        ("live sessions counted", *form, *of_text.form), lambda: capped(of_text.of(live_sessions(*form))), **parameters
    )[0][0]
    rows = read(
        ("live sessions", *form, *of_text.form, str(sort), position is not None),
        lambda: _page(form, of_text, sort, after=position is not None),
        **parameters,
        **({"value": position[0], "id": position[1]} if position is not None else {}),
        max_rows=size + 1,
    )
    page = rows[:size]
    return RowPage(
        rows=tuple(_row(row) for row in page),
        next=cursor(key, (page[-1][1], page[-1][0])) if len(rows) > size else None,
        total=total,
    )


def live_sessions(
    of_person: bool,  # noqa: FBT001 - halves of a form
    recent: bool,  # noqa: FBT001 - halves of a form
    *,
    in_order_of: ColumnElement[int] | None = None,
) -> Select[Any]:
    """A select of the ids of live sessions.

    Args:
        of_person: Whether only those of the parameter ``person``.
        recent: Whether only those used after the parameter ``since``.
        in_order_of: The column whose index is scanned, in its order; other indexes would return most rows.
    """
    number = BigInteger
    conditions: list[ColumnElement[bool]] = [
        *is_live(
            bindparam("now", type_=number),
            used_after=bindparam("since", type_=number) if recent else None,
            expires_at=_EXPIRES if in_order_of is None else _EXPIRES + _ZERO,
            last_seen_at=_LAST_SEEN if in_order_of is None or in_order_of is _LAST_SEEN else _LAST_SEEN + _ZERO,
        )
    ]
    if of_person:
        conditions.append(sessions.c.person_id == bindparam("person", type_=number))
    return select(sessions.c.id).where(*conditions)


class _OfText(NamedTuple):
    """The restriction of sessions to the people who match a search text."""

    form: tuple[object, ...] = ()
    parameters: dict[str, Any] = {}  # noqa: RUF012 - never changed
    condition: ColumnElement[bool] | None = None
    few: bool = False
    """Whether the sessions of these people are read and sorted, rather than scanned in their order."""

    def of(self, rows: Select[Any]) -> Select[Any]:
        """``rows`` of sessions, restricted."""
        if self.condition is None:
            return rows
        return rows.join(people, people.c.id == sessions.c.person_id).where(self.condition)


def _of_text(queries: QueryCache, search_text: str, now: int) -> _OfText:
    """The people are searched first: when there are few their sessions are read, otherwise sessions are compared."""
    if not search_text:
        return _OfText()
    search = PeopleSearch(queries, PeopleQuery(), search_text, {"now": now})
    matches = search.matching_ids()
    if matches.complete:
        ids = matches.ids if matches.total else queries.array(())
        return _OfText(("of people",), {"ids": ids}, queries.is_any(sessions.c.person_id, "ids"), few=True)
    statements = search.statements
    return _OfText(statements.form, statements.parameters, statements.text_condition(in_order=True))


def _page(form: tuple[bool, bool], of_text: _OfText, sort: SessionSort, *, after: bool) -> Select[Any]:
    value: ColumnElement[int] = _VALUES[sort]
    ids = of_text.of(live_sessions(*form, in_order_of=None if of_text.few else value))
    if of_text.condition is None:
        ids = ids.join(people, people.c.id == sessions.c.person_id)
    # A join would let SQLite read the single row first, and then sort all sessions.
    version = select(policy.c.version).where(policy.c.id == literal_column("1")).scalar_subquery()
    rows = ids.with_only_columns(sessions.c.id, value, sessions.c.person_id, version, *PERSON, *SESSION)
    ordered = value + _ZERO if of_text.few else value
    if after:
        row = tuple_(ordered, sessions.c.id)
        position = tuple_(bindparam("value", type_=BigInteger), bindparam("id", type_=BigInteger))
        rows = rows.where(row < position if sort.descending else row > position)
    columns = (ordered, sessions.c.id)
    order = [column.desc() if sort.descending else column.asc() for column in columns]
    return rows.order_by(*order).limit(bindparam("max_rows", type_=BigInteger))


def _row(row: Any) -> SessionRow:
    _, _, person_id, version, *rest = row
    count = len(PERSON)
    return SessionRow(person_id, session_of(rest[count:], person_of(rest[:count]), version))
