"""Live sessions of everybody or of one person, last used first."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, literal_column, select, tuple_

from app.core.directory import SessionRow, Slice
from db.cursors import cursor, position_of
from db.models import people, policy, sessions
from db.query_cache import QueryCache, capped, page_size
from db.rows import PERSON, SESSION, person_of, raw_time, session_of
from db.session_liveness import is_live
from db.times import to_micros

_SEEN: Final = raw_time(sessions.c.last_seen_at)
_EXPIRES: Final = raw_time(sessions.c.expires_at)


def session_slice(
    queries: QueryCache, now: datetime, *, person: int | None, seen_since: datetime | None, after: str, limit: int
) -> Slice[SessionRow]:
    """Sessions neither ended nor past their limit; ``seen_since``: only those used after it."""
    key = ("sessions", person)
    position = position_of(after, key, int, int)
    size = page_size(limit)
    given: dict[str, Any] = {"now": to_micros(now)}
    if person is not None:
        given["person"] = person
    if seen_since is not None:
        given["since"] = to_micros(seen_since)
    form = (person is not None, seen_since is not None)
    total = queries.scalar(("live sessions counted", *form), lambda: capped(live_sessions(*form)), **given)
    rows = queries.rows(
        ("live sessions", *form, position is not None),
        lambda: _page(live_sessions(*form, walking=True), after=position is not None),
        **given,
        **({"seen": position[0], "id": position[1]} if position is not None else {}),
        max_rows=size + 1,
    )
    shown = rows[:size]
    return Slice(
        rows=tuple(_row(row) for row in shown),
        next=cursor(key, (shown[-1][1], shown[-1][0])) if len(rows) > size else None,
        total=total,
    )


def live_sessions(of_person: bool, recently: bool, *, walking: bool = False) -> Select[Any]:  # noqa: FBT001 - halves of a form
    """Ids of live sessions: of ``:person``, used after ``:since``, where asked.

    ``walking``: in the order of last use, whose index is then gone along; that of expiry would give most of them.
    """
    number = BigInteger
    conditions: list[ColumnElement[bool]] = [
        *is_live(
            bindparam("now", type_=number),
            used_after=bindparam("since", type_=number) if recently else None,
            expires_at=_EXPIRES + literal_column("0") if walking else _EXPIRES,
            last_seen_at=_SEEN,
        )
    ]
    if of_person:
        conditions.append(sessions.c.person_id == bindparam("person", type_=number))
    return select(sessions.c.id).where(*conditions)


def _page(ids: Select[Any], *, after: bool) -> Select[Any]:
    rows = (
        ids.with_only_columns(sessions.c.id, _SEEN, sessions.c.person_id, policy.c.version, *PERSON, *SESSION)
        .join(people, people.c.id == sessions.c.person_id)
        .join(policy, policy.c.id == 1)
    )
    if after:
        number = BigInteger
        rows = rows.where(
            tuple_(_SEEN, sessions.c.id) < tuple_(bindparam("seen", type_=number), bindparam("id", type_=number))
        )
    return rows.order_by(_SEEN.desc(), sessions.c.id.desc()).limit(bindparam("max_rows", type_=BigInteger))


def _row(row: Any) -> SessionRow:
    _, _, person_id, version, *rest = row
    count = len(PERSON)
    return SessionRow(person_id, session_of(rest[count:], person_of(rest[:count]), version))
