"""Lists of live sessions, of all people or of one, the most recently used first."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, literal_column, select, tuple_

from app.core.administration_records import RowPage, SessionRow
from db.cursors import cursor, position_of
from db.models import people, policy, sessions
from db.query_cache import QueryCache, capped, page_size
from db.rows import PERSON, SESSION, person_of, raw_time, session_of
from db.session_liveness import is_live
from db.times import to_micros

_LAST_SEEN: Final = raw_time(sessions.c.last_seen_at)
_EXPIRES: Final = raw_time(sessions.c.expires_at)


def session_page(
    queries: QueryCache, now: datetime, *, person: int | None, seen_since: datetime | None, after: str, limit: int
) -> RowPage[SessionRow]:
    """A page of the sessions that have neither ended nor expired.

    Args:
        queries: Executes the reads.
        now: The time at which sessions are live.
        person: The id of the person; None for everyone.
        seen_since: Only sessions used after this time; None for all.
        after: The cursor; empty for the first page.
        limit: The size of the page.

    Raises:
        InvalidInput: The cursor is not one of this list.
    """
    key = ("sessions", person)
    position = position_of(after, key, int, int)
    size = page_size(limit)
    parameters: dict[str, Any] = {"now": to_micros(now)}
    if person is not None:
        parameters["person"] = person
    if seen_since is not None:
        parameters["since"] = to_micros(seen_since)
    form = (person is not None, seen_since is not None)
    total = queries.scalar(("live sessions counted", *form), lambda: capped(live_sessions(*form)), **parameters)
    rows = queries.rows(
        ("live sessions", *form, position is not None),
        lambda: _page(live_sessions(*form, in_order=True), after=position is not None),
        **parameters,
        **({"seen": position[0], "id": position[1]} if position is not None else {}),
        max_rows=size + 1,
    )
    page = rows[:size]
    return RowPage(
        rows=tuple(_row(row) for row in page),
        next=cursor(key, (page[-1][1], page[-1][0])) if len(rows) > size else None,
        total=total,
    )


def live_sessions(of_person: bool, recent: bool, *, in_order: bool = False) -> Select[Any]:  # noqa: FBT001 - halves of a form
    """A select of the ids of live sessions.

    Args:
        of_person: Whether only those of the parameter ``person``.
        recent: Whether only those used after the parameter ``since``.
        in_order: Whether the index of last use is scanned, in its order; the index of expiry would return most rows.
    """
    number = BigInteger
    conditions: list[ColumnElement[bool]] = [
        *is_live(
            bindparam("now", type_=number),
            used_after=bindparam("since", type_=number) if recent else None,
            expires_at=_EXPIRES + literal_column("0") if in_order else _EXPIRES,
            last_seen_at=_LAST_SEEN,
        )
    ]
    if of_person:
        conditions.append(sessions.c.person_id == bindparam("person", type_=number))
    return select(sessions.c.id).where(*conditions)


def _page(ids: Select[Any], *, after: bool) -> Select[Any]:
    rows = (
        ids.with_only_columns(sessions.c.id, _LAST_SEEN, sessions.c.person_id, policy.c.version, *PERSON, *SESSION)
        .join(people, people.c.id == sessions.c.person_id)
        .join(policy, policy.c.id == 1)
    )
    if after:
        number = BigInteger
        rows = rows.where(
            tuple_(_LAST_SEEN, sessions.c.id) < tuple_(bindparam("seen", type_=number), bindparam("id", type_=number))
        )
    return rows.order_by(_LAST_SEEN.desc(), sessions.c.id.desc()).limit(bindparam("max_rows", type_=BigInteger))


def _row(row: Any) -> SessionRow:
    _, _, person_id, version, *rest = row
    count = len(PERSON)
    return SessionRow(person_id, session_of(rest[count:], person_of(rest[:count]), version))
