"""Token roles: what arrived in tokens or is mapped, and what each becomes here.

Names are found by jumping from one to the next in an index, so that it does not matter in how many tokens they came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Text, bindparam, func, select

from app.core.directory import MOST_COUNTED, MappingRow, Slice
from app.core.permissions import ROLES
from db.cursors import cursor, position_of
from db.models import role_mappings, roles, token_roles
from db.query_cache import QueryCache, page_size
from db.texts import clean, search_key

_TEXT_MAX_CHARACTERS: Final = 200
_VERSION_CHARACTERS: Final = 16
_BATCH: Final = 500
_BELOW_ALL: Final = ""


def mapping_slice(
    queries: QueryCache, *, text: str, unmapped: bool, own_names: bool, after: str, limit: int
) -> Slice[MappingRow]:
    """Token roles that are mapped or arrived, by name; ``unmapped``: only those that become nothing.

    ``own_names``: whether one that is called as a built-in role becomes that role without a mapping.
    """
    words = search_key(clean(text.strip(), _TEXT_MAX_CHARACTERS))
    key = ("mappings", words, unmapped, own_names)
    position = position_of(after, key, str)
    mapped = _mapped(queries)
    every = sorted(mapped.keys() | set(arrived(queries)))
    becoming = mapped.keys() | (ROLES.keys() if own_names else ())
    names = [name for name in every if words in search_key(name) and not (unmapped and name in becoming)]
    rest = [name for name in names if position is None or name > str(position[0])]
    size = page_size(limit)
    shown = rest[:size]
    return Slice(
        rows=_rows(queries, shown),
        next=cursor(key, (shown[-1],)) if len(rest) > size else None,
        total=min(len(names), MOST_COUNTED),
    )


def mapping_row(queries: QueryCache, token_role: str) -> MappingRow:
    """What a token role becomes now, mapped or not."""
    return _rows(queries, [token_role])[0]


def arrived(queries: QueryCache) -> Iterator[str]:
    """Names of token roles in anybody's last token, each once."""
    last = _BELOW_ALL
    while True:
        rows = queries.rows("token roles that arrived", _next_names, after=last, max_rows=_BATCH)
        names = [row[0] for row in rows if row[0] is not None]
        yield from names
        if len(names) < _BATCH:
            return
        last = names[-1]


def unmapped_names(queries: QueryCache, max_rows: int, *, own_names: bool) -> tuple[str, ...]:
    """The first token roles that arrived and become nothing; ``own_names`` as in ``mapping_slice``."""
    mapped = _mapped(queries).keys() | (ROLES.keys() if own_names else ())
    found: list[str] = []
    for name in arrived(queries):
        if name not in mapped:
            found.append(name)
            if len(found) == max_rows:
                break
    return tuple(found)


def _mapped(queries: QueryCache) -> dict[str, bool]:
    rows = queries.rows("mapped token roles", lambda: select(role_mappings.c.token_role).distinct())
    return dict.fromkeys((row[0] for row in rows), True)


def _next_names() -> Select[Any]:
    """The next distinct names after one: a loose index scan, which neither engine does by itself."""
    name = token_roles.c.name  # in the database's own order, which its index has; callers sort
    lowest = func.min(name)
    first = select(lowest.label("name")).where(name > bindparam("after", type_=Text)).cte("names", recursive=True)
    following = select(lowest).where(name > first.c.name).correlate(first).scalar_subquery()
    names = first.union_all(select(following).where(first.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None)).limit(bindparam("max_rows", type_=BigInteger))


def _rows(queries: QueryCache, names: Sequence[str]) -> tuple[MappingRow, ...]:
    becomes: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
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
        becomes[name].append((number, role))
    return tuple(
        MappingRow(
            token_role=name,
            version=_version(name, [number for number, _ in becomes[name]]),
            roles=tuple(sorted(becomes[name], key=lambda one: one[1])),
            people=queries.scalar("people of a token role", _people, name=name),
        )
        for name in names
    )


def _people() -> Select[Any]:
    mine = (
        select(token_roles.c.person_id).where(token_roles.c.name == bindparam("name", type_=Text)).limit(MOST_COUNTED)
    )
    return select(func.count()).select_from(mine.subquery())


def _version(name: str, becomes: Sequence[int]) -> str:
    return sha256(json.dumps([name, sorted(becomes)]).encode()).hexdigest()[:_VERSION_CHARACTERS]
