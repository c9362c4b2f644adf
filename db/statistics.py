"""The installation in numbers, and what an administrator should look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, exists, func, or_, select

from app.core.directory import Attention, GuardKind, GuardRow, PeopleQuery, PersonState, Statistics
from app.core.ports import Reader
from db.mapping_lists import unmapped_names
from db.models import counters, grants, guards, permissions, role_permissions, roles
from db.people import counting_administrators
from db.people_lists import people_slice
from db.query_cache import QueryCache, capped, live
from db.rows import raw_time
from db.session_lists import live_sessions
from db.times import from_micros, to_micros

MAX_NAMES: Final = 20


def statistics(
    queries: QueryCache, reader: Reader, now: datetime, *, days: int, seen_since: datetime | None, own_names: bool
) -> Statistics:
    """The installation in numbers, with usage of the last ``days`` days."""
    counted: dict[str, int] = {
        row[0]: row[1] for row in queries.rows("counters", lambda: select(counters.c.name, counters.c.value))
    }
    form = (False, seen_since is not None)
    given = {} if seen_since is None else {"since": to_micros(seen_since)}
    today = now.date()
    return Statistics(
        people=int(counted.get("people", 0)),
        machines=int(counted.get("machines", 0)),
        sessions=queries.scalar(
            ("live sessions counted", *form), lambda: capped(live_sessions(*form)), now=to_micros(now), **given
        ),
        roles=queries.scalar("roles counted", lambda: select(func.count()).select_from(roles)),
        days=tuple(reader.usage(today - timedelta(days=max(1, days) - 1), today)),
        attention=attention(queries, now, own_names=own_names),
    )


def attention(queries: QueryCache, now: datetime, *, own_names: bool) -> Attention:
    """What an administrator should look at."""
    at = to_micros(now)

    def names(form: str, build: Callable[[], Select[Any]], **given: Any) -> tuple[str, ...]:
        return tuple(row[0] for row in queries.rows(form, build, **given))

    def people(query: PeopleQuery) -> int:
        return people_slice(queries, query, now).total

    return Attention(
        unused_roles=names("unused roles", lambda: _unused_roles(queries), now=at),
        permissions_held_by_nobody=names("permissions held by nobody", lambda: _held_by_nobody(queries), now=at),
        permissions_asked_nowhere=names("permissions asked nowhere", lambda: _asked_nowhere(queries)),
        unmapped_token_roles=unmapped_names(queries, MAX_NAMES, own_names=own_names),
        people_without_roles=people(PeopleQuery(without_roles=True, limit=1)),
        blocked_people=people(PeopleQuery(state=PersonState.BLOCKED, limit=1)),
        administrators=queries.scalar("administrators counted", lambda: capped(counting_administrators())),
    )


def guard_rows(queries: QueryCache) -> tuple[GuardRow, ...]:
    """Everything that processes published, by kind and name."""
    rows = queries.rows("guards", _guards)
    return tuple(
        GuardRow(GuardKind(kind), name, permission, file, line, process, version, from_micros(at))
        for kind, name, permission, file, line, process, version, at in rows
    )


def _guards() -> Select[Any]:
    column = guards.c
    return select(
        column.kind, column.name, column.permission, column.file, column.line, column.process, column.version,
        raw_time(column.published_at),
    ).order_by(column.kind, column.name, column.id)  # fmt: skip


def _unused_roles(queries: QueryCache) -> Select[Any]:
    held = exists().where(grants.c.role_id == roles.c.id, live())
    return _first(queries, select(roles.c.name).where(~held), roles.c.name)


def _held_by_nobody(queries: QueryCache) -> Select[Any]:
    """Held by nobody but administrators, who hold everything."""
    alone = exists().where(grants.c.permission == permissions.c.name, live())
    somebody = exists().where(grants.c.role_id == role_permissions.c.role_id, live())
    by_role = exists().where(role_permissions.c.permission == permissions.c.name, somebody)
    return _first(queries, select(permissions.c.name).where(~or_(alone, by_role)), permissions.c.name)


def _asked_nowhere(queries: QueryCache) -> Select[Any]:
    asked = exists().where(guards.c.permission == permissions.c.name)
    return _first(queries, select(permissions.c.name).where(~asked), permissions.c.name)


def _first(queries: QueryCache, rows: Select[Any], name: Any) -> Select[Any]:
    return rows.order_by(queries.collated(name)).limit(MAX_NAMES)
