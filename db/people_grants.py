"""The filters of a search of people by their grants: role, permission, source.

Each is written in two forms. By person: whether one of a person's few grants meets it, which takes as long however many
people meet it. As a set: the people of all grants that meet it, read from an index of grants.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from app.core.administration_records import MAX_COUNTED, PeopleQuery, Through
from app.core.permissions import ADMINISTRATOR, REQUIREMENTS
from db.models import grants, people, permissions, role_permissions, roles
from db.query_cache import QueryCache, live
from db.texts import is_storable

GrantFilter = Literal["role", "permission", "source"]
"""A filter by grants, by its member of ``PeopleQuery``."""
_FILTERS: Final[tuple[GrantFilter, ...]] = ("role", "permission", "source")
MAX_GRANTED: Final = 10 * MAX_COUNTED
"""People who meet a filter by grants are read first when so few do; otherwise a scan of people finds them soon."""
_ZERO: Final = literal_column("0", BigInteger)
_EMPTY: Final = literal_column("''", Text)


def grant_filters(query: PeopleQuery) -> tuple[GrantFilter, ...]:
    """The filters by grants that a query has."""
    return tuple(name for name in _FILTERS if getattr(query, name))


def excludes_machines(query: PeopleQuery) -> bool:
    """Whether no machine can use the permission of the query, because it requires a step-up sign-in."""
    return query.permission in REQUIREMENTS


def usable_by(*, machines: bool) -> list[ColumnElement[bool]]:
    """Whether a person can use what is granted; ``machines``: machines too."""
    conditions: list[ColumnElement[bool]] = [people.c.blocked.is_(False), people.c.erased_at.is_(None)]
    return conditions if machines else [*conditions, people.c.machine.is_(False)]


def grant_parameters(queries: QueryCache, query: PeopleQuery) -> dict[str, Any] | None:
    """The parameters of the filters by grants; None when no grant can meet them."""
    if not all(is_storable(name) for name in (query.role, query.permission) if name):
        return None
    parameters: dict[str, Any] = {}
    if query.role:
        parameters["role"] = query.role
    if query.source is not None:
        parameters["source"] = query.source.value
    if query.permission:
        rows = queries.rows("roles with a permission", _roles_with_permission, permission=query.permission)
        if not rows:
            return None
        parameters["permission"] = query.permission
        parameters["roles"] = queries.array(row[0] for row in rows if row[0] is not None)
    return parameters


def by_person(queries: QueryCache, query: PeopleQuery, met: GrantFilter | None = None) -> list[ColumnElement[bool]]:
    """Whether a person has a grant that meets each filter but ``met``; grants are read for that person alone."""
    return [
        exists()
        .where(grants.c.person_id == people.c.id, or_(*_conditions(queries, query, name, indexed=False)), live())
        .correlate(people)
        for name in grant_filters(query)
        if name != met
    ]


def in_set(queries: QueryCache, query: PeopleQuery) -> list[ColumnElement[bool]]:
    """Whether a person is in the set of the people who meet each filter."""
    return [people.c.id.in_(_granted_people(queries, query, name)) for name in grant_filters(query)]


def granted_ids(queries: QueryCache, query: PeopleQuery, name: GrantFilter, max_ids: int = MAX_COUNTED) -> Select[Any]:
    """How many people meet one filter, up to ``max_ids``, and their ids as ``QueryCache.is_any`` takes them."""
    granted = _granted_people(queries, query, name)
    return ids_counted(queries, select(granted.subquery().c[0]).distinct(), max_ids)


def grant_number(queries: QueryCache, query: PeopleQuery, name: GrantFilter, number: int) -> Select[Any]:
    """The live grant with this number among those that meet one filter; no row when there are fewer."""
    granted = _granted_people(queries, query, name).subquery()
    return select(granted.c[0]).limit(literal_column("1")).offset(literal_column(str(number - 1)))


def granted_matches(
    queries: QueryCache, query: PeopleQuery, name: GrantFilter, conditions: list[ColumnElement[bool]]
) -> Select[Any]:
    """As ``granted_ids``, of the people who meet ``conditions`` too; they are checked while grants are read."""
    person = exists().where(people.c.id == grants.c.person_id, *conditions).correlate(grants)
    granted = _granted_people(queries, query, name, person)
    return ids_counted(queries, select(granted.subquery().c[0]).distinct())


def ids_counted(queries: QueryCache, ids: Select[Any], max_ids: int = MAX_COUNTED) -> Select[Any]:
    """How many ids a select returns, up to ``max_ids``, and these ids as ``QueryCache.is_any`` takes them."""
    counted = ids.limit(max_ids).subquery()
    person_id = counted.c[0]
    return select(func.count(), func.json_group_array(person_id) if queries.sqlite else func.array_agg(person_id))


def _granted_people(
    queries: QueryCache, query: PeopleQuery, name: GrantFilter, *conditions: ColumnElement[bool]
) -> Any:
    """The people of the live grants that meet a filter; a person with several is returned several times."""
    selects = [
        select(grants.c.person_id).where(condition, live(), *conditions)
        for condition in _conditions(queries, query, name, indexed=True)
    ]
    return selects[0] if len(selects) == 1 else union_all(*selects)


def _conditions(
    queries: QueryCache, query: PeopleQuery, name: GrantFilter, *, indexed: bool
) -> list[ColumnElement[bool]]:
    """The conditions of a filter, one of which a grant must meet.

    Args:
        queries: Of the engine.
        query: The query.
        name: The filter.
        indexed: Whether each may use an index of its column; SQLite would otherwise prefer it to the person's grants.
    """
    plain = indexed or not queries.sqlite
    role_id: Any = grants.c.role_id if plain else grants.c.role_id + _ZERO
    permission: Any = grants.c.permission if plain else grants.c.permission + _EMPTY
    source: Any = grants.c.source if plain else grants.c.source + _EMPTY
    if name == "role":
        number = select(roles.c.id).where(roles.c.name == bindparam("role", type_=Text)).scalar_subquery()
        return [role_id == number]
    if name == "source":
        return [source == bindparam("source", type_=Text)]
    direct: ColumnElement[bool] = permission == bindparam("permission", type_=Text)
    return [direct] if query.through is Through.DIRECT else [queries.is_any(role_id, "roles"), direct]


def _roles_with_permission() -> Select[Any]:
    """The ids of the roles that grant a permission, or one NULL when there are none; no row when it does not exist."""
    listed = select(role_permissions.c.role_id).where(role_permissions.c.permission == permissions.c.name)
    grants_it = or_(roles.c.name == bindparam(None, ADMINISTRATOR, Text), roles.c.id.in_(listed.correlate(permissions)))
    return (
        select(roles.c.id)
        .select_from(permissions.outerjoin(roles, grants_it))
        .where(permissions.c.name == bindparam("permission", type_=Text))
    )
