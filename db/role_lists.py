"""Reads of roles: pages of their list, and single roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Text, bindparam, func, select

from app.core.administration_records import MAX_COUNTED, RoleCard, RoleRow, RowPage
from app.core.list_orders import RoleSort
from app.core.permissions import ADMINISTRATOR
from app.core.records import MAX_COMPARED_ROLES, MAX_SEARCH_CHARACTERS
from db.cursors import Position, cursor, page_after, position_of
from db.models import permissions, role_mappings, role_permissions, roles
from db.query_cache import QueryCache, holders, page_size
from db.statement import Row
from db.texts import clean, is_storable, role_key, search_key
from db.times import to_micros

_AT_ROLE: Final = bindparam("role", type_=BigInteger)


def role_page(
    queries: QueryCache, now: datetime, *, text: str, sort: RoleSort, after: str, limit: int
) -> RowPage[RoleRow]:
    """A page of the roles.

    Args:
        queries: Executes the reads.
        now: The time at which grants are live.
        text: A part of the name, compared without case.
        sort: The order; equal counts are by name.
        after: The cursor; empty for the first page.
        limit: The size of the page.

    Raises:
        InvalidInput: The cursor is not one of this list.
    """
    search_text = search_key(clean(text.strip(), MAX_SEARCH_CHARACTERS))
    key = ("roles", search_text, str(sort))
    column, descending = sort.value.removeprefix("-"), sort.value.startswith("-")
    by_name = column == "name"
    position = position_of(after, key, *((str,) if by_name else (int, str)))
    # There are few roles, so they are filtered and sorted here, the same way for both engines.
    names = {
        number: name
        for number, name in queries.rows("role names", lambda: select(roles.c.id, roles.c.name))
        if search_text in search_key(name)
    }
    ordered: Iterable[tuple[Position, int]] = (((name,), number) for number, name in names.items())
    if not by_name:
        sign = -1 if descending else 1
        counts = queries.rows(
            ("numbers of roles", column),
            lambda: select(roles.c.id, _COUNTS[column]()).where(queries.is_any(roles.c.id, "ids")),
            ids=queries.array(names),
            now=to_micros(now),
        )
        ordered = (((sign * count, names[number]), number) for number, count in counts)
    page, more = page_after(ordered, position, page_size(limit), reverse=by_name and descending)
    by_id = {row.id: row for row in _rows_of(queries, [number for _, number in page], now)}
    rows = tuple(by_id[number] for _, number in page if number in by_id)
    last: Position = page[-1][0] if page else ()
    return RowPage(rows=rows, next=cursor(key, last) if more else None, total=min(len(names), MAX_COUNTED))


def _rows_of(queries: QueryCache, ids: Iterable[int], now: datetime) -> list[RoleRow]:
    rows = queries.rows(
        "roles by id",
        lambda: _roles().where(queries.is_any(roles.c.id, "ids")),
        ids=queries.array(ids),
        now=to_micros(now),
    )
    return [role_row(row) for row in rows]


def role_card(queries: QueryCache, role: int, now: datetime) -> RoleCard | None:
    """The role with this id."""
    return _card(
        queries,
        queries.rows("role by id", lambda: _roles().where(roles.c.id == _AT_ROLE), role=role, now=to_micros(now)),
    )


def role_card_named(queries: QueryCache, name: str, now: datetime, *, alike: bool = False) -> RoleCard | None:
    """The role with exactly this name, or with ``alike`` a name that looks like it (``db.texts.role_key``)."""
    if not is_storable(name):
        return None
    column, value = (roles.c.name_key, role_key(name)) if alike else (roles.c.name, name)
    rows = queries.rows(
        ("role by name", alike),
        lambda: _roles().where(column == bindparam("value", type_=Text)),
        value=value,
        now=to_micros(now),
    )
    return _card(queries, rows)


def permissions_of(queries: QueryCache, ids: Sequence[int]) -> Mapping[int, frozenset[str]]:
    """Role id → permissions, for at most ``MAX_COMPARED_ROLES`` ids; unknown ids are ignored."""
    rows = queries.rows(
        "names of roles",
        lambda: select(roles.c.id, roles.c.name).where(queries.is_any(roles.c.id, "ids")),
        ids=queries.array(ids[:MAX_COMPARED_ROLES]),
    )
    names: dict[int, str] = {row[0]: row[1] for row in rows}
    granted: dict[int, set[str]] = {number: set() for number in names}
    rows = queries.rows(
        "permissions of roles",
        lambda: select(role_permissions.c.role_id, role_permissions.c.permission).where(
            queries.is_any(role_permissions.c.role_id, "ids")
        ),
        ids=queries.array(names),
    )
    for number, permission in rows:
        granted[number].add(permission)
    return {
        number: catalogue(queries) if names[number] == ADMINISTRATOR else frozenset(permission_names)
        for number, permission_names in granted.items()
    }


def catalogue(queries: QueryCache) -> frozenset[str]:
    """The names of all permissions."""
    return frozenset(row[0] for row in queries.rows("catalogue", lambda: select(permissions.c.name)))


def role_row(row: Row) -> RoleRow:
    """The role of a ``_roles`` row."""
    number, name, description, built_in, version, permission_count, people = row
    return RoleRow(number, name, description, bool(built_in), str(version), permission_count, people)


def _card(queries: QueryCache, rows: Sequence[Row]) -> RoleCard | None:
    if not rows:
        return None
    row = role_row(rows[0])
    mapped = queries.rows(
        "token roles of a role",
        lambda: select(role_mappings.c.token_role).where(role_mappings.c.role_id == _AT_ROLE),
        role=row.id,
    )
    return RoleCard(
        row, permissions_of(queries, [row.id])[row.id], tuple(sorted(token_role for (token_role,) in mapped))
    )


def _roles() -> Select[Any]:
    return select(
        roles.c.id,
        roles.c.name,
        roles.c.description,
        roles.c.built_in,
        roles.c.version,
        _permission_count(),
        _people_count(),
    )


def _permission_count() -> Any:
    """How many permissions a role includes; for the administrator role the whole catalogue."""
    stored = (
        select(func.count())
        .select_from(role_permissions)
        .where(role_permissions.c.role_id == roles.c.id)
        .correlate(roles)
        .scalar_subquery()
    )
    whole_catalogue = select(func.count()).select_from(permissions).scalar_subquery()
    return func.coalesce(
        select(whole_catalogue).where(roles.c.name == ADMINISTRATOR).correlate(roles).scalar_subquery(), stored
    )


def _people_count() -> Any:
    """How many people have a role, up to ``MAX_COUNTED``."""
    return (
        select(func.count())
        .select_from(holders(roles.c.id).limit(MAX_COUNTED).correlate(roles).subquery())
        .correlate(roles)
        .scalar_subquery()
    )


_COUNTS: Final = {"people": _people_count, "permissions": _permission_count}
"""Column that a list of roles is sorted by → its expression."""
