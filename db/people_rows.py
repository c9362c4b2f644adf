"""The rows of lists of people: their columns, and how ``PersonRow`` is built from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import (
    Select,
    func,
    literal_column,
    select,
)

from app.core.administration_records import PersonRow, PersonState
from db.models import grants, people, roles
from db.query_cache import QueryCache, live
from db.rows import PERSON, person_of, raw_time
from db.statement import Row

_PERSON_COLUMNS: Final = len(PERSON)
_COLUMNS: Final = 3 + _PERSON_COLUMNS
_SEPARATOR: Final = cast("str", literal_column("'\n'"))  # a literal, so that the statement can be prepared


def people_rows(queries: QueryCache, ids: Sequence[int], now: int) -> tuple[PersonRow, ...]:
    """The people with these ids, in the order of the ids; unknown ids are ignored."""
    if not ids:
        return ()
    rows = {
        row[0]: row for row in queries.rows("people by id", lambda: _by_id(queries), ids=queries.array(ids), now=now)
    }
    return tuple(person_row(rows[person]) for person in ids if person in rows)


def person_columns() -> tuple[Any, ...]:
    """The columns of ``person_row``: id, erasure time, names of roles at ``now`` joined by line feeds, ``PERSON``."""
    role_names = (
        select(func.aggregate_strings(roles.c.name, _SEPARATOR))
        .select_from(grants.join(roles, roles.c.id == grants.c.role_id))
        .where(grants.c.person_id == people.c.id, live())
        .scalar_subquery()
    )
    return (people.c.id, raw_time(people.c.erased_at), role_names, *PERSON)


def person_row(row: Row) -> PersonRow:
    """The person of a row that ends with ``person_columns``."""
    person_id, erased_at, role_names = row[-_COLUMNS:-_PERSON_COLUMNS]
    person = person_of(row[-_PERSON_COLUMNS:])
    if erased_at is not None:
        state = PersonState.ERASED
    elif person.blocked:
        state = PersonState.BLOCKED
    else:
        state = PersonState.PENDING if person.first_seen_at is None else PersonState.ACTIVE
    return PersonRow(person_id, person, state, tuple(sorted(set(role_names.split("\n")))) if role_names else ())


def _by_id(queries: QueryCache) -> Select[Any]:
    return select(*person_columns()).where(queries.is_any(people.c.id, "ids"))
