"""The rows of lists of people: which columns they are read from, and how they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import (
    Select,
    func,
    literal_column,
    select,
)

from app.core.directory import PersonRow, PersonState
from db.models import grants, people, roles
from db.query_cache import QueryCache, live
from db.rows import PERSON, person_of, raw_time
from db.statement import Row

_SHOWN: Final = len(PERSON)
_COLUMNS: Final = 3 + _SHOWN
_SEPARATOR: Final = cast("str", literal_column("'\n'"))  # in the text itself, so that it can be prepared


def people_rows(queries: QueryCache, ids: Sequence[int], now: int) -> tuple[PersonRow, ...]:
    """The people with these ids, in their order; ids that are nobody's are left out."""
    if not ids:
        return ()
    rows = {
        row[0]: row for row in queries.rows("people by id", lambda: _by_id(queries), ids=queries.some(ids), now=now)
    }
    return tuple(person_row(rows[one]) for one in ids if one in rows)


def person_columns() -> tuple[Any, ...]:
    """What ``person_row`` takes: id, erased, roles held at ``now`` joined by line ends, ``PERSON``."""
    held = (
        select(func.aggregate_strings(roles.c.name, _SEPARATOR))
        .select_from(grants.join(roles, roles.c.id == grants.c.role_id))
        .where(grants.c.person_id == people.c.id, live())
        .scalar_subquery()
    )
    return (people.c.id, raw_time(people.c.erased_at), held, *PERSON)


def person_row(row: Row) -> PersonRow:
    """The row that ends in ``person_columns``."""
    number, erased_at, held = row[-_COLUMNS:-_SHOWN]
    person = person_of(row[-_SHOWN:])
    if erased_at is not None:
        state = PersonState.ERASED
    elif person.blocked:
        state = PersonState.BLOCKED
    else:
        state = PersonState.PENDING if person.first_seen_at is None else PersonState.ACTIVE
    return PersonRow(number, person, state, tuple(sorted(set(held.split("\n")))) if held else ())


def _by_id(queries: QueryCache) -> Select[Any]:
    return select(*person_columns()).where(queries.among(people.c.id, "ids"))
