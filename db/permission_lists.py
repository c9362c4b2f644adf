"""The list of the permission catalogue, and how many people have each permission.

The people of each role are read once, up to ``MAX_COUNTED``, and combined here: a permission that a role with so many
people grants has as many. The cost depends on the number of roles, and not on the number of people.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, exists, func, literal_column, select

from app.core.administration_records import MAX_COUNTED, PermissionRow, RowPage
from app.core.permissions import ADMINISTRATOR, REQUIREMENTS
from app.core.records import MAX_SEARCH_CHARACTERS
from db.cursors import cursor, position_of
from db.models import grants, people, permissions, role_permissions, roles
from db.people_grants import usable_by
from db.query_cache import QueryCache, capped, live, page_size
from db.texts import clean
from db.times import to_micros


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
        max_rows=size + 1,
    )
    page = rows[:size]
    counts = _PeopleCounts(queries, [row[0] for row in page], to_micros(now))
    return RowPage(
        rows=tuple(
            PermissionRow(name, sentence, bool(by_scope), counts.roles(name), counts.people(name), counts.direct(name))
            for name, sentence, by_scope in page
        ),
        next=cursor(("permissions", search_text), (page[-1][0],)) if len(rows) > size else None,
        total=total,
    )


class _PeopleCounts:
    """How many people have each of some permissions, up to ``MAX_COUNTED``."""

    def __init__(self, queries: QueryCache, names: Sequence[str], now: int) -> None:
        self._queries = queries
        self._now = now
        self._roles: dict[str, set[int]] = defaultdict(set)
        """Permission → the roles that list it."""
        listed = queries.rows("roles of permissions", lambda: _roles_of(queries), names=queries.array(names))
        for permission, role in listed:
            self._roles[permission].add(role)
        administrator = queries.rows("administrator role", _administrator_role)
        self._administrator = {row[0] for row in administrator}
        self._unions: dict[tuple[bool, frozenset[int]], set[int]] = {}
        role_ids = self._administrator.union(*self._roles.values())
        self._of_role: dict[bool, dict[Any, set[int]]] = {}
        self._of_permission: dict[str, set[int]] = {}
        for machines in (True, False):  # no machine can use a permission that requires a step-up sign-in
            of_kind = [name for name in names if (name not in REQUIREMENTS) is machines]
            if of_kind:
                self._of_role[machines] = self._people_of("role", role_ids, machines=machines)
                self._of_permission |= self._people_of("permission", of_kind, machines=machines)

    def roles(self, name: str) -> int:
        """How many roles list the permission, the administrator role not counted."""
        return len(self._roles[name] - self._administrator)

    def direct(self, name: str) -> int:
        """How many people have the permission by a grant of its own."""
        return len(self._of_permission.get(name, ()))

    def people(self, name: str) -> int:
        """How many people have the permission by any grant."""
        machines = name not in REQUIREMENTS
        role_ids = frozenset(self._roles[name] | self._administrator)
        by_role = self._unions.get((machines, role_ids))
        if by_role is None:
            people_of = self._of_role[machines]
            sets = sorted((people_of.get(role, set()) for role in role_ids), key=len, reverse=True)
            by_role = sets[0] if sets and len(sets[0]) >= MAX_COUNTED else set().union(*sets)
            self._unions[machines, role_ids] = by_role
        return min(len(by_role | self._of_permission.get(name, set())), MAX_COUNTED)

    def _people_of(self, column: str, values: Iterable[int | str], *, machines: bool) -> dict[Any, set[int]]:
        """Role or permission → the ids of the people who have a live grant of it and can use it."""
        rows = self._queries.rows(
            ("people of grants", column, machines),
            lambda: _people_of(self._queries, column, machines=machines),
            values=self._queries.array(values),
            now=self._now,
        )
        return {value: set(json.loads(ids) if isinstance(ids, str) else ids or ()) for value, ids in rows}


def _people_of(queries: QueryCache, column: str, *, machines: bool) -> Select[Any]:
    value = queries.values_of("values", BigInteger if column == "role" else Text)
    granted = grants.c.role_id if column == "role" else grants.c.permission
    can_use = exists().where(people.c.id == grants.c.person_id, *usable_by(machines=machines)).correlate(grants)
    ids = (
        select(grants.c.person_id)
        .where(granted == value, live(), can_use)
        .distinct()
        .limit(MAX_COUNTED)
        .correlate(value.table)
        .subquery()
    )
    aggregate = func.json_group_array if queries.sqlite else func.array_agg
    return select(value, select(aggregate(ids.c.person_id)).scalar_subquery())


def _roles_of(queries: QueryCache) -> Select[Any]:
    return select(role_permissions.c.permission, role_permissions.c.role_id).where(
        queries.is_any(role_permissions.c.permission, "names", Text)
    )


def _administrator_role() -> Select[Any]:
    return select(roles.c.id).where(roles.c.name == bindparam(None, ADMINISTRATOR, Text))


def _matching(queries: QueryCache, rows: Select[Any], *, has_search_text: bool) -> Select[Any]:
    if not has_search_text:
        return rows
    index_of = func.instr if queries.sqlite else func.strpos
    searched_text = permissions.c.name + literal_column("' '") + func.lower(permissions.c.sentence)
    return rows.where(index_of(searched_text, bindparam("search_text", type_=Text)) > 0)


def _permission_rows(queries: QueryCache, *, has_search_text: bool, after: bool) -> Select[Any]:
    name: ColumnElement[str] = queries.collated(permissions.c.name)
    rows: Select[Any] = select(permissions.c.name, permissions.c.sentence, permissions.c.by_scope)
    rows = _matching(queries, rows, has_search_text=has_search_text)
    if after:
        rows = rows.where(name > bindparam("name", type_=Text))
    return rows.order_by(name).limit(bindparam("max_rows", type_=BigInteger))
