"""Reads of roles and of the permission catalogue: pages of the lists, and single roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Text, bindparam, func, literal_column, select

from app.core.administration_records import MAX_COUNTED, PermissionRow, RoleCard, RoleRow, RowPage
from app.core.permissions import ADMINISTRATOR
from app.core.records import MAX_COMPARED_ROLES, MAX_SEARCH_CHARACTERS
from db.cursors import cursor, position_of
from db.models import grants, permissions, role_mappings, role_permissions, roles
from db.query_cache import QueryCache, capped, holders, live, page_size
from db.statement import Row
from db.texts import clean, is_storable, role_key, search_key
from db.times import to_micros

_AT_ROLE: Final = bindparam("role", type_=BigInteger)


def role_page(queries: QueryCache, now: datetime, *, text: str, after: str, limit: int) -> RowPage[RoleRow]:
    """A page of the roles by name.

    Args:
        queries: Executes the reads.
        now: The time at which grants are live.
        text: A part of the name, compared without case.
        after: The cursor; empty for the first page.
        limit: The size of the page.

    Raises:
        InvalidInput: The cursor is not one of this list.
    """
    search_text = search_key(clean(text.strip(), MAX_SEARCH_CHARACTERS))
    size = page_size(limit)
    position = position_of(after, ("roles", search_text), str)
    # There are few roles, so their names are filtered here, the same way for both engines.
    names = sorted(
        (name, number)
        for number, name in queries.rows("role names", lambda: select(roles.c.id, roles.c.name))
        if search_text in search_key(name)
    )
    rest = [role for role in names if position is None or role[0] > str(position[0])]
    page = rest[:size]
    by_id = {
        row[0]: role_row(row)
        for row in queries.rows(
            "roles by id",
            lambda: _roles().where(queries.is_any(roles.c.id, "ids")),
            ids=queries.array(number for _, number in page),
            now=to_micros(now),
        )
    }
    return RowPage(
        rows=tuple(by_id[number] for _, number in page if number in by_id),
        next=cursor(("roles", search_text), (page[-1][0],)) if len(rest) > size else None,
        total=min(len(names), MAX_COUNTED),
    )


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


def permission_page(queries: QueryCache, now: datetime, *, text: str, after: str, limit: int) -> RowPage[PermissionRow]:
    """A page of the permission catalogue by name.

    Args:
        queries: Executes the reads.
        now: The time at which grants are live.
        text: A part of the name or of the sentence, compared without case.
        after: The cursor; empty for the first page.
        limit: The size of the page.

    Raises:
        InvalidInput: The cursor is not one of this list.
    """
    search_text = clean(text.strip(), MAX_SEARCH_CHARACTERS).lower()
    size = page_size(limit)
    position = position_of(after, ("permissions", search_text), str)
    parameters: dict[str, Any] = {"search_text": search_text} if search_text else {}
    total = queries.scalar(
        ("permissions counted", bool(search_text)),
        lambda: capped(_matching(queries, select(permissions.c.name), has_search_text=bool(search_text))),
        **parameters,
    )
    rows = queries.rows(
        ("permissions", bool(search_text), position is not None),
        lambda: _permission_rows(queries, has_search_text=bool(search_text), after=position is not None),
        **parameters,
        **({"name": position[0]} if position is not None else {}),
        now=to_micros(now),
        max_rows=size + 1,
    )
    page = rows[:size]
    return RowPage(
        rows=tuple(PermissionRow(row[0], row[1], bool(row[2]), row[3], row[4]) for row in page),
        next=cursor(("permissions", search_text), (page[-1][0],)) if len(rows) > size else None,
        total=total,
    )


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
    stored = (
        select(func.count())
        .select_from(role_permissions)
        .where(role_permissions.c.role_id == roles.c.id)
        .correlate(roles)
        .scalar_subquery()
    )
    whole_catalogue = select(func.count()).select_from(permissions).scalar_subquery()
    permission_count = func.coalesce(
        select(whole_catalogue).where(roles.c.name == ADMINISTRATOR).correlate(roles).scalar_subquery(), stored
    )
    people = (
        select(func.count())
        .select_from(holders(roles.c.id).limit(MAX_COUNTED).correlate(roles).subquery())
        .correlate(roles)
        .scalar_subquery()
    )
    return select(
        roles.c.id, roles.c.name, roles.c.description, roles.c.built_in, roles.c.version, permission_count, people
    )


def _matching(queries: QueryCache, rows: Select[Any], *, has_search_text: bool) -> Select[Any]:
    if not has_search_text:
        return rows
    index_of = func.instr if queries.sqlite else func.strpos
    searched_text = permissions.c.name + literal_column("' '") + func.lower(permissions.c.sentence)
    return rows.where(index_of(searched_text, bindparam("search_text", type_=Text)) > 0)


def _permission_rows(queries: QueryCache, *, has_search_text: bool, after: bool) -> Select[Any]:
    in_roles = (
        select(func.count())
        .select_from(role_permissions)
        .where(role_permissions.c.permission == permissions.c.name)
        .correlate(permissions)
        .scalar_subquery()
    )
    direct_grants = (
        select(func.count())
        .select_from(
            select(grants.c.person_id)
            .where(grants.c.permission == permissions.c.name, live())
            .distinct()
            .limit(MAX_COUNTED)
            .correlate(permissions)
            .subquery()
        )
        .correlate(permissions)
        .scalar_subquery()
    )
    name = queries.collated(permissions.c.name)
    rows: Select[Any] = select(
        permissions.c.name, permissions.c.sentence, permissions.c.by_scope, in_roles, direct_grants
    )
    rows = _matching(queries, rows, has_search_text=has_search_text)
    if after:
        rows = rows.where(name > bindparam("name", type_=Text))
    return rows.order_by(name).limit(bindparam("max_rows", type_=BigInteger))
