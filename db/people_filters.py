"""The filters of a search of people beside its words: state, role, machine."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Text, and_, bindparam, exists, literal_column, not_, select

from app.core.directory import PeopleQuery, PersonState
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


def filters(asked: PeopleQuery, *, walking: bool) -> list[ColumnElement[bool]]:
    """The conditions; their values are ``role``, a name, and ``now``.

    Args:
        asked: Its state, role and kinds; words and order do not matter.
        walking: Whether people are gone through in order, so that no set of candidates is wanted.
    """
    found: list[ColumnElement[bool]] = []
    if asked.state is not None:
        found.append(_STATES[asked.state])
    if asked.machine is not None:
        found.append(people.c.machine.is_(asked.machine))
    if asked.role:
        role = select(roles.c.id).where(roles.c.name == bindparam("role", type_=Text)).scalar_subquery()
        found.append(people.c.id.in_(select(grants.c.person_id).where(grants.c.role_id == role, live())))
    if asked.without_roles:
        held = exists().where(grants.c.person_id == people.c.id, grants.c.role_id.is_not(None), live())
        found += [not_(held), *([] if walking else [people.c.id.in_(_maybe_without())])]
    return found


def _maybe_without() -> Any:
    """Who never had a role, or has one that is over: all who can be without any, from two small indexes."""
    none = select(people.c.id).where(people.c.role_grants == literal_column("0"))
    over = select(grants.c.person_id).where(
        grants.c.role_id.is_not(None), raw_time(grants.c.until) <= bindparam("now", type_=BigInteger)
    )
    return none.union(over)
