"""One person with everything that administrators see, and the version that preconditions of changes compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import BigInteger, Select, bindparam, select

from app.core.administration_records import GrantRow, PersonCard, PersonRow, WithheldRow
from app.core.permissions import ADMINISTRATOR
from app.core.policy import Source
from db.models import grants, people, permissions, role_mappings, role_permissions, roles, token_roles, withheld_grants
from db.people_rows import person_columns, person_row
from db.query_cache import QueryCache
from db.rows import raw_time
from db.statement import Row
from db.times import from_micros, from_optional_micros, to_micros

_VERSION_CHARACTERS: Final = 16
_ADMINISTRATOR_SOURCES: Final = frozenset({Source.ADMIN, Source.INSTALLATION})
_THIS_PERSON: Final = grants.c.person_id == bindparam("person", type_=BigInteger)


def person_card(queries: QueryCache, person: int, now: datetime) -> PersonCard | None:
    """The person with this id."""
    at = to_micros(now)
    rows = queries.rows("person by id", _person, person=person, now=at)
    if not rows:
        return None
    row = person_row(rows[0])
    stored = queries.rows("grants of a person", _grants, person=person)
    withheld = _withheld_from(queries, person)
    live_grants = sorted((_grant(grant) for grant in stored if grant[6] is None or grant[6] > at), key=_order)
    return PersonCard(
        row=row,
        version=_version(row, rows[0][1], stored, withheld),
        grants=tuple(live_grants),
        permissions=_permissions(queries, person, live_grants),
        token_roles=_token_roles(queries, person, live_grants, withheld),
        withheld=withheld,
        counts_as_administrator=not row.person.blocked and any(map(_makes_administrator, live_grants)),
    )


def person_and_version(queries: QueryCache, person: int, now: datetime) -> tuple[PersonRow, str] | None:
    """The row of a person, and the version of their card."""
    rows = queries.rows("person by id", _person, person=person, now=to_micros(now))
    if not rows:
        return None
    row = person_row(rows[0])
    stored = queries.rows("grants of a person", _grants, person=person)
    return row, _version(row, rows[0][1], stored, _withheld_from(queries, person))


def grant_of(queries: QueryCache, person: int, grant: int) -> GrantRow | None:
    """One grant of a person, expired or not."""
    rows = queries.rows("grants of a person", _grants, person=person)
    return next((_grant(row) for row in rows if row[0] == grant), None)


def withheld_of(queries: QueryCache, person: int, withheld: int) -> WithheldRow | None:
    """One withheld role or permission of a person."""
    return next((row for row in _withheld_from(queries, person) if row.id == withheld), None)


def _person() -> Select[Any]:
    return select(*person_columns()).where(people.c.id == bindparam("person", type_=BigInteger))


def _grants() -> Select[Any]:
    return (
        select(
            grants.c.id,
            grants.c.source,
            grants.c.given_by,
            raw_time(grants.c.created_at),
            roles.c.name,
            grants.c.permission,
            raw_time(grants.c.until),
            grants.c.reason,
            grants.c.role_id,
        )
        .select_from(grants.outerjoin(roles, roles.c.id == grants.c.role_id))
        .where(_THIS_PERSON)
        .order_by(grants.c.id)
    )


def _grant(row: Row) -> GrantRow:
    number, source, author, granted_at, role, permission, expires_at, reason, _ = row
    return GrantRow(
        number,
        Source(source),
        author,
        from_micros(granted_at),
        role,
        permission,
        from_optional_micros(expires_at),
        reason,
    )


def _withheld_from(queries: QueryCache, person: int) -> tuple[WithheldRow, ...]:
    """The withheld roles and permissions of a person, the oldest first."""
    return tuple(
        WithheldRow(number, by, from_micros(since), role, permission, reason, bool(from_token), bool(from_default))
        for number, by, since, role, permission, reason, from_token, from_default in queries.rows(
            "withheld from a person", _withheld, person=person
        )
    )


def _withheld() -> Select[Any]:
    return (
        select(
            withheld_grants.c.id,
            withheld_grants.c.withheld_by,
            raw_time(withheld_grants.c.withheld_at),
            roles.c.name,
            withheld_grants.c.permission,
            withheld_grants.c.reason,
            withheld_grants.c.from_token,
            withheld_grants.c.from_default,
        )
        .select_from(withheld_grants.outerjoin(roles, roles.c.id == withheld_grants.c.role_id))
        .where(withheld_grants.c.person_id == bindparam("person", type_=BigInteger))
        .order_by(withheld_grants.c.id)
    )


def _order(grant: GrantRow) -> tuple[bool, str, datetime, int]:
    """Roles before single permissions, by name, the oldest first."""
    return grant.role is None, grant.role or grant.permission or "", grant.granted_at, grant.id


def _makes_administrator(grant: GrantRow) -> bool:
    return grant.role == ADMINISTRATOR and grant.expires_at is None and grant.source in _ADMINISTRATOR_SOURCES


def _version(row: PersonRow, erased_at: int | None, stored: Sequence[Row], withheld: Sequence[WithheldRow]) -> str:
    """A hash of what administrators may change: block, erasure, withheld grants, grants of other sources than token."""
    granted_here = [
        [number, source, granted_at, expires_at, role, permission]
        for number, source, _, granted_at, _, permission, expires_at, _, role in stored
        if source != Source.TOKEN.value
    ]
    state = json.dumps(
        [row.id, row.person.blocked, erased_at, granted_here, [grant.id for grant in withheld]], separators=(",", ":")
    )
    return sha256(state.encode()).hexdigest()[:_VERSION_CHARACTERS]


def _permissions(queries: QueryCache, person: int, live_grants: Sequence[GrantRow]) -> dict[str, tuple[GrantRow, ...]]:
    """Permission → its grants."""
    by_permission: dict[str, list[GrantRow]] = {}
    by_role: dict[str, list[GrantRow]] = {}
    for grant in live_grants:
        if grant.permission is not None:
            by_permission.setdefault(grant.permission, []).append(grant)
        elif grant.role is not None:
            by_role.setdefault(grant.role, []).append(grant)
    if ADMINISTRATOR in by_role:
        administrator_grants = by_role.pop(ADMINISTRATOR)
        for (name,) in queries.rows("catalogue", lambda: select(permissions.c.name)):
            by_permission[name] = administrator_grants + by_permission.get(name, [])
    if by_role:
        for role, permission in queries.rows("permissions of a person's roles", _role_permissions, person=person):
            if role in by_role:
                by_permission[permission] = by_permission.get(permission, []) + by_role[role]
    return {name: tuple(by_permission[name]) for name in sorted(by_permission)}


def _role_permissions() -> Select[Any]:
    role_ids = select(grants.c.role_id).where(_THIS_PERSON, grants.c.role_id.is_not(None))
    return (
        select(roles.c.name, role_permissions.c.permission)
        .select_from(roles.join(role_permissions, role_permissions.c.role_id == roles.c.id))
        .where(roles.c.id.in_(role_ids))
    )


def _token_roles(
    queries: QueryCache, person: int, live_grants: Sequence[GrantRow], withheld: Sequence[WithheldRow]
) -> dict[str, tuple[str, ...]]:
    """Role of the last token → the roles it is mapped to, and the role of the same name when the token granted it."""
    of_token = {grant.role for grant in live_grants if grant.source is Source.TOKEN}
    of_token |= {row.role for row in withheld if row.from_token}
    mapped: dict[str, set[str]] = {}
    for name, role in queries.rows("token roles of a person", _token_roles_of, person=person):
        mapped_roles = mapped.setdefault(name, {name} & of_token)
        if role is not None:
            mapped_roles.add(role)
    return {name: tuple(sorted(mapped[name])) for name in sorted(mapped)}


def _token_roles_of() -> Select[Any]:
    return (
        select(token_roles.c.name, roles.c.name)
        .select_from(
            token_roles.outerjoin(role_mappings, role_mappings.c.token_role == token_roles.c.name).outerjoin(
                roles, roles.c.id == role_mappings.c.role_id
            )
        )
        .where(token_roles.c.person_id == bindparam("person", type_=BigInteger))
    )
