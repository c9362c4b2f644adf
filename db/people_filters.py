"""The filters of a search of people besides its text: state, machine, last seen, and those by grants."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, exists, literal_column, not_, select

from app.core.administration_records import PeopleQuery, PersonState
from db.models import grants, people
from db.people_grants import GrantFilter, by_person, excludes_machines, in_set, usable_by
from db.query_cache import QueryCache, live
from db.rows import raw_time

_ERASED: Final = people.c.erased_at.is_not(None)
_STATES: Final = {
    PersonState.ERASED: _ERASED,
    PersonState.BLOCKED: and_(people.c.blocked.is_(True), not_(_ERASED)),
    PersonState.PENDING: and_(people.c.first_seen_at.is_(None), people.c.blocked.is_(False), not_(_ERASED)),
    PersonState.ACTIVE: and_(people.c.first_seen_at.is_not(None), people.c.blocked.is_(False), not_(_ERASED)),
}
_WITHOUT_PERMISSIONS: Final = {PersonState.ERASED, PersonState.BLOCKED}
_ZERO: Final = literal_column("0", BigInteger)


def is_contradictory(query: PeopleQuery) -> bool:
    """Whether no person can match, which reading everyone would only confirm."""
    return bool(query.role and query.without_roles) or bool(query.permission and query.state in _WITHOUT_PERMISSIONS)


def is_narrow(query: PeopleQuery) -> bool:
    """Whether a filter with an index of its own usually leaves few people."""
    return (
        query.state not in {None, PersonState.ACTIVE}
        or query.machine is True
        or query.without_roles
        or query.seen_after is not None
        or query.seen_before is not None
    )


def filters(
    queries: QueryCache,
    query: PeopleQuery,
    *,
    in_order: bool,
    grants_by_person: bool = False,
    met: GrantFilter | None = None,
) -> list[ColumnElement[bool]]:
    """The conditions; their parameters are those of ``db.people_grants``, ``seen_after``, ``seen_before`` and ``now``.

    Args:
        queries: Of the engine.
        query: Its text and order do not apply.
        in_order: Whether the statement scans people in the order of the list, and needs no set of candidates.
        grants_by_person: Whether grants are read for each person who meets the other conditions, as in a scan.
        met: A filter by grants that the people meet anyway.
    """
    conditions = [
        *_conditions(query),
        *_last_seen_conditions(query, unindexed=in_order and queries.sqlite and not _by_last_seen(query)),
    ]
    conditions += by_person(queries, query, met) if in_order or grants_by_person else in_set(queries, query)
    if query.without_roles:
        has_role = exists().where(grants.c.person_id == people.c.id, grants.c.role_id.is_not(None), live())
        conditions += [
            not_(has_role.correlate(people)),
            *([] if in_order else [people.c.id.in_(_possibly_without_roles())]),
        ]
    return conditions


def _conditions(query: PeopleQuery) -> list[ColumnElement[bool]]:
    """The conditions on columns of a person that are compared row by row."""
    conditions: list[ColumnElement[bool]] = []
    if query.state is not None:
        conditions.append(_STATES[query.state])
    if query.machine is not None:
        conditions.append(people.c.machine.is_(query.machine))
    if query.permission:
        conditions += usable_by(machines=not excludes_machines(query))
    return conditions


def _by_last_seen(query: PeopleQuery) -> bool:
    return query.sort.value.removeprefix("-") == "last_seen_at"


def _last_seen_conditions(query: PeopleQuery, *, unindexed: bool) -> list[ColumnElement[bool]]:
    """The conditions on the time when people were last seen.

    Args:
        query: The query.
        unindexed: Whether SQLite must not choose the index of this time, because it scans another order.
    """
    last_seen: ColumnElement[Any] = raw_time(people.c.last_seen_at)
    if unindexed:
        last_seen = last_seen + _ZERO
    conditions: list[ColumnElement[bool]] = []
    if query.seen_after is not None:
        conditions.append(last_seen >= bindparam("seen_after", type_=BigInteger))
    if query.seen_before is not None:
        conditions.append(last_seen < bindparam("seen_before", type_=BigInteger))
    return conditions


def _possibly_without_roles() -> Any:
    """People who never had a role or have an expired one, from two small indexes: all who can be without roles."""
    without = select(people.c.id).where(people.c.role_grants == literal_column("0"))
    expired = select(grants.c.person_id).where(
        grants.c.role_id.is_not(None), raw_time(grants.c.until) <= bindparam("now", type_=BigInteger)
    )
    return without.union(expired)
