"""Reads of token roles: those received in tokens or mapped, and the roles that each is mapped to.

A loose index scan finds the distinct names, so the number of people with a token role does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Text, bindparam, func, select

from app.core.administration_records import MAX_COUNTED, MappingRow, RowPage
from app.core.list_orders import MappingSort
from app.core.permissions import ROLES
from app.core.records import MAX_SEARCH_CHARACTERS
from db.cursors import Position, cursor, page_after, position_of
from db.models import role_mappings, roles, token_roles
from db.query_cache import QueryCache, page_size
from db.texts import clean, search_key

_VERSION_CHARACTERS: Final = 16
_BATCH: Final = 500
_BELOW_ALL: Final = ""


def mapping_page(
    queries: QueryCache,
    *,
    text: str,
    unmapped: bool,
    implicit_role_mapping: bool,
    sort: MappingSort,
    after: str,
    limit: int,
) -> RowPage[MappingRow]:
    """A page of the token roles that are mapped or were received.

    Args:
        queries: Executes the reads.
        text: A part of the name, compared without case.
        unmapped: Whether only token roles that are mapped to no role.
        implicit_role_mapping: Whether a token role with the name of a built-in role is mapped to it without a mapping.
        sort: The order; equal counts are by name.
        after: The cursor; empty for the first page.
        limit: The size of the page.

    Raises:
        InvalidInput: The cursor is not one of this list.
    """
    search_text = search_key(clean(text.strip(), MAX_SEARCH_CHARACTERS))
    key = ("mappings", search_text, unmapped, implicit_role_mapping, str(sort))
    by_name, descending = sort.value.removeprefix("-") == "token_role", sort.value.startswith("-")
    position = position_of(after, key, *((str,) if by_name else (int, str)))
    mapped = _mapped(queries)
    known = mapped.keys() | set(received(queries))
    all_mapped = mapped.keys() | (ROLES.keys() if implicit_role_mapping else ())
    names = [name for name in known if search_text in search_key(name) and not (unmapped and name in all_mapped)]
    rows: Iterable[tuple[Position, str]] = (((name,), name) for name in names)
    if not by_name:
        sign, counts = -1 if descending else 1, _people_counts(queries, names)
        rows = (((sign * counts[name], name), name) for name in names)
    page, more = page_after(rows, position, page_size(limit), reverse=by_name and descending)
    return RowPage(
        rows=_rows(queries, [name for _, name in page]),
        next=cursor(key, page[-1][0]) if more else None,
        total=min(len(names), MAX_COUNTED),
    )


def mapping_row(queries: QueryCache, token_role: str) -> MappingRow:
    """The roles that a token role is mapped to, if any."""
    return _rows(queries, [token_role])[0]


def received(queries: QueryCache) -> Iterator[str]:
    """The distinct names of token roles in people's last tokens."""
    last = _BELOW_ALL
    while True:
        rows = queries.rows("received token roles", _next_names, after=last, max_rows=_BATCH)
        names = [row[0] for row in rows if row[0] is not None]
        yield from names
        if len(names) < _BATCH:
            return
        last = names[-1]


def unmapped_names(queries: QueryCache, max_rows: int, *, implicit_role_mapping: bool) -> tuple[str, ...]:
    """The first received token roles that are mapped to no role; ``implicit_role_mapping`` as in ``mapping_page``."""
    mapped = _mapped(queries).keys() | (ROLES.keys() if implicit_role_mapping else ())
    unmapped: list[str] = []
    for name in received(queries):
        if name not in mapped:
            unmapped.append(name)
            if len(unmapped) == max_rows:
                break
    return tuple(unmapped)


def _mapped(queries: QueryCache) -> dict[str, bool]:
    rows = queries.rows("mapped token roles", lambda: select(role_mappings.c.token_role).distinct())
    return dict.fromkeys((row[0] for row in rows), True)


def _next_names() -> Select[Any]:
    """The next distinct names after ``after``: a loose index scan, which neither engine plans itself."""
    name = token_roles.c.name  # in the database's own order, which its index has; callers sort
    lowest = func.min(name)
    first = select(lowest.label("name")).where(name > bindparam("after", type_=Text)).cte("names", recursive=True)
    following = select(lowest).where(name > first.c.name).correlate(first).scalar_subquery()
    names = first.union_all(select(following).where(first.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None)).limit(bindparam("max_rows", type_=BigInteger))


def _rows(queries: QueryCache, names: Sequence[str]) -> tuple[MappingRow, ...]:
    roles_by_name: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    mapped = queries.rows(
        "roles of token roles",
        lambda: (
            select(role_mappings.c.token_role, roles.c.id, roles.c.name)
            .select_from(role_mappings.join(roles, roles.c.id == role_mappings.c.role_id))
            .where(queries.is_any(role_mappings.c.token_role, "names", Text))
        ),
        names=queries.array(names),
    )
    for name, number, role in mapped:
        roles_by_name[name].append((number, role))
    counts = _people_counts(queries, names)
    return tuple(
        MappingRow(
            token_role=name,
            version=_version(name, [number for number, _ in roles_by_name[name]]),
            roles=tuple(sorted(roles_by_name[name], key=lambda role: role[1])),
            people=counts[name],
        )
        for name in names
    )


def _people_counts(queries: QueryCache, names: Sequence[str]) -> dict[str, int]:
    """Token role → in how many people's last token it was, up to ``MAX_COUNTED``."""

    def build() -> Select[Any]:
        name = queries.values_of("names", Text)
        people = select(token_roles.c.person_id).where(token_roles.c.name == name).limit(MAX_COUNTED)
        return select(name, select(func.count()).select_from(people.correlate(name.table).subquery()).scalar_subquery())

    rows = queries.rows("people of token roles", build, names=queries.array(names))
    return {row[0]: row[1] for row in rows}


def _version(name: str, role_ids: Sequence[int]) -> str:
    return sha256(json.dumps([name, sorted(role_ids)]).encode()).hexdigest()[:_VERSION_CHARACTERS]
