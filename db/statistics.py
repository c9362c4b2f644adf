"""Statistics of the installation, what needs an administrator's attention, and the guard inventory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, exists, func, or_, select

from app.core.administration_records import GuardKind, GuardRow, PeopleQuery, PersonState
from app.core.ports import Reader
from app.core.statistics_records import Attention, Statistics
from db.mapping_lists import unmapped_names
from db.models import counters, grants, guards, permissions, role_permissions, roles
from db.people import select_administrators
from db.people_lists import people_page
from db.query_cache import QueryCache, capped, live
from db.rows import raw_time
from db.session_lists import live_sessions
from db.times import from_micros, to_micros

MAX_NAMES: Final = 20


def statistics(
    queries: QueryCache,
    reader: Reader,
    now: datetime,
    *,
    days: int,
    seen_since: datetime | None,
    implicit_role_mapping: bool,
) -> Statistics:
    """The statistics of the installation.

    Args:
        queries: Executes the reads.
        reader: Reads the usage.
        now: The time at which grants and sessions are live.
        days: How many days of usage, today included.
        seen_since: Sessions used since then count; None for all that have not expired.
        implicit_role_mapping: Whether a token role with the name of a built-in role counts as mapped to it.
    """
    counts: dict[str, int] = {
        row[0]: row[1] for row in queries.rows("counters", lambda: select(counters.c.name, counters.c.value))
    }
    form = (False, seen_since is not None)
    parameters = {} if seen_since is None else {"since": to_micros(seen_since)}
    today = now.date()
    return Statistics(
        people=int(counts.get("people", 0)),
        machines=int(counts.get("machines", 0)),
        sessions=queries.scalar(
            ("live sessions counted", *form), lambda: capped(live_sessions(*form)), now=to_micros(now), **parameters
        ),
        roles=queries.scalar("roles counted", lambda: select(func.count()).select_from(roles)),
        days=tuple(reader.usage(today - timedelta(days=max(1, days) - 1), today)),
        attention=attention(queries, now, implicit_role_mapping=implicit_role_mapping),
    )


def attention(queries: QueryCache, now: datetime, *, implicit_role_mapping: bool) -> Attention:
    """What needs an administrator's attention; ``implicit_role_mapping`` as in ``statistics``."""
    at = to_micros(now)

    def names(form: str, build: Callable[[], Select[Any]], **parameters: Any) -> tuple[str, ...]:
        return tuple(row[0] for row in queries.rows(form, build, **parameters))

    def people(query: PeopleQuery) -> int:
        return people_page(queries, query, now).total

    return Attention(
        unused_roles=names("unused roles", lambda: _unused_roles(queries), now=at),
        ungranted_permissions=names("permissions without grants", lambda: _ungranted(queries), now=at),
        unguarded_permissions=names("permissions without guards", lambda: _unguarded(queries)),
        unmapped_token_roles=unmapped_names(queries, MAX_NAMES, implicit_role_mapping=implicit_role_mapping),
        people_without_roles=people(PeopleQuery(without_roles=True, limit=1)),
        blocked_people=people(PeopleQuery(state=PersonState.BLOCKED, limit=1)),
        administrators=queries.scalar("administrators counted", lambda: capped(select_administrators())),
    )


def guard_rows(queries: QueryCache) -> tuple[GuardRow, ...]:
    """The guards that processes published, by kind and name."""
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
    granted = exists().where(grants.c.role_id == roles.c.id, live())
    return _first(queries, select(roles.c.name).where(~granted), roles.c.name)


def _ungranted(queries: QueryCache) -> Select[Any]:
    """Permissions that no grant names; administrators, who have every permission, do not count."""
    direct_grant = exists().where(grants.c.permission == permissions.c.name, live())
    role_grant = exists().where(grants.c.role_id == role_permissions.c.role_id, live())
    by_role = exists().where(role_permissions.c.permission == permissions.c.name, role_grant)
    return _first(queries, select(permissions.c.name).where(~or_(direct_grant, by_role)), permissions.c.name)


def _unguarded(queries: QueryCache) -> Select[Any]:
    guarded = exists().where(guards.c.permission == permissions.c.name)
    return _first(queries, select(permissions.c.name).where(~guarded), permissions.c.name)


def _first(queries: QueryCache, rows: Select[Any], name: Any) -> Select[Any]:
    return rows.order_by(queries.collated(name)).limit(MAX_NAMES)
