"""The filters of a search of people besides its text: state, role, machine."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Text, and_, bindparam, exists, literal_column, not_, select

from app.core.administration_records import PeopleQuery, PersonState
from db.models import grants, people, roles
from db.query_cache import live
from db.rows import raw_time

_ERASED: Final = people.c.erased_at.is_not(None)
_STATES: Final = {
    PersonState.ERASED: _ERASED,
    PersonState.BLOCKED: and_(people.c.blocked.is_(True), not_(_ERASED)),
    PersonState.PENDING: and_(people.c.first_seen_at.is_(None), people.c.blocked.is_(False), not_(_ERASED)),
    PersonState.ACTIVE: and_(people.c.first_seen_at.is_not(None), people.c.blocked.is_(False), not_(_ERASED)),
}


def filters(query: PeopleQuery, *, in_order: bool) -> list[ColumnElement[bool]]:
    """The conditions; their parameters are ``role``, a name, and ``now``.

    Args:
        query: Its state, role and machine filter apply; its text and order do not.
        in_order: Whether the statement scans people in the order of the list, and needs no set of candidates.
    """
    conditions: list[ColumnElement[bool]] = []
    if query.state is not None:
        conditions.append(_STATES[query.state])
    if query.machine is not None:
        conditions.append(people.c.machine.is_(query.machine))
    if query.role:
        role = select(roles.c.id).where(roles.c.name == bindparam("role", type_=Text)).scalar_subquery()
        conditions.append(people.c.id.in_(select(grants.c.person_id).where(grants.c.role_id == role, live())))
    if query.without_roles:
        has_role = exists().where(grants.c.person_id == people.c.id, grants.c.role_id.is_not(None), live())
        conditions += [not_(has_role), *([] if in_order else [people.c.id.in_(_possibly_without_roles())])]
    return conditions


def _possibly_without_roles() -> Any:
    """People who never had a role or have an expired one, from two small indexes: all who can be without roles."""
    without = select(people.c.id).where(people.c.role_grants == literal_column("0"))
    expired = select(grants.c.person_id).where(
        grants.c.role_id.is_not(None), raw_time(grants.c.until) <= bindparam("now", type_=BigInteger)
    )
    return without.union(expired)
