"""Loads ``Grants`` from the rows of a subject's grants: one row each, with a role's permissions joined into a text."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, cast

from sqlalchemy import Select, bindparam, func, literal_column, or_, select

from app.core.permissions import ADMINISTRATOR
from app.core.policy import NO_GRANTS, GrantPath, Grants, Source
from db.models import grants, people, role_permissions, roles
from db.rows import raw_time
from db.statement import Row
from db.times import from_optional_micros

_SOURCES: Final = {source.value: source for source in Source}
_RANK: Final = {source.value: rank for rank, source in enumerate((Source.ADMIN, Source.INSTALLATION, Source.REQUEST))}
_LAST_RANK: Final = len(_RANK)


def grants_query() -> Select[tuple[object, ...]]:
    """The live grants of the parameters (``issuer``, ``subject``) at ``now``."""
    space = cast("str", literal_column("' '"))  # a literal, so that the statement can be prepared
    role_permission_names = (
        select(func.aggregate_strings(role_permissions.c.permission, space))
        .where(role_permissions.c.role_id == grants.c.role_id)
        .scalar_subquery()
    )
    return (
        select(
            grants.c.source,
            raw_time(grants.c.until),
            grants.c.given_by,
            raw_time(grants.c.created_at),
            grants.c.permission,
            roles.c.name,
            role_permission_names,
        )
        .select_from(
            people.join(grants, grants.c.person_id == people.c.id).outerjoin(roles, roles.c.id == grants.c.role_id)
        )
        .where(
            people.c.issuer == bindparam("issuer"),
            people.c.subject == bindparam("subject"),
            or_(grants.c.until.is_(None), grants.c.until > bindparam("now")),
        )
    )


def _order(row: Row) -> tuple[bool, int, int, str]:
    """Grants without an expiry first; then by source: admin, policy, request, token; the later expiry; the name."""
    expires_at = row[1]
    return expires_at is not None, _RANK.get(row[0], _LAST_RANK), -(expires_at or 0), row[5] or ""


def grants_from(rows: Sequence[Row]) -> Grants:
    """The ``Grants`` of ``grants_query`` rows."""
    if not rows:
        return NO_GRANTS
    by_permission: dict[str, tuple[GrantPath, ...]] = {}
    by_role: dict[str, tuple[GrantPath, ...]] = {}
    administrator_paths: tuple[GrantPath, ...] = ()
    ends: list[int] = []
    for source, expires_at, author, granted_at, permission, role, joined in sorted(rows, key=_order):
        if expires_at is not None:
            ends.append(expires_at)
        path: tuple[GrantPath, ...] = (
            GrantPath(
                role, _SOURCES[source], from_optional_micros(expires_at), author, from_optional_micros(granted_at)
            ),
        )
        if role is not None:
            by_role[role] = by_role.get(role, ()) + path
        if role == ADMINISTRATOR:
            administrator_paths += path
            continue
        granted: dict[str, tuple[GrantPath, ...]] = dict.fromkeys(
            joined.split(" ") if joined else () if permission is None else (permission,), path
        )
        if not by_permission:
            by_permission = granted
            continue
        common = by_permission.keys() & granted.keys()
        for name in common:
            granted[name] = by_permission[name] + path
        by_permission.update(granted)
    return Grants(
        permissions=MappingProxyType(by_permission),
        roles=MappingProxyType(by_role),
        administrator_paths=administrator_paths,
        next_expiry_at=from_optional_micros(min(ends)) if ends else None,
    )
