"""Roles: list and see them, what is in several, what a change would do, make, change and delete them."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration
from app.core.directory import MOST_COUNTED, RoleCard, RoleRow
from app.core.errors import NotFound
from app.core.permissions import Permission
from remote_api import preconditions
from remote_api.access import requires
from remote_api.preconditions import conditional, unconditional
from remote_api.schemas.roles import (
    ListAsked,
    Moved,
    PermissionsSent,
    RoleBody,
    RoleGone,
    RoleList,
    RolePath,
    RolePermissions,
    RoleReviewBody,
    RolesAsked,
    RoleSent,
)
from remote_api.services import services
from remote_api.transactions import transaction

_NO_ROLE = "There is no such role."

api = APIBlueprint(
    "roles",
    __name__,
    url_prefix="/api/v1/roles",
    abp_tags=[Tag(name="roles", description="Named sets of permissions.")],
)


@api.get("", responses={200: RoleList})
@requires(Permission.READ_ROLES)
def roles(query: ListAsked) -> dict[str, Any]:
    """List roles by name, with counts."""
    found = services().storage.directory.roles(services().clock(), text=query.q, cursor=query.cursor, limit=query.limit)
    return {
        "roles": [_item(row) for row in found.rows],
        "next": found.next,
        "total": found.total,
        "total_capped": found.capped,
    }


@api.post("", responses={201: RoleBody})
@unconditional("it makes something new")
@requires(Permission.MANAGE_ROLES)
def create_role(body: RoleSent) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make a role."""
    with transaction() as tx:
        number = administration.create_role(
            tx.unit,
            tx.administrator,
            name=body.name,
            description=body.description,
            permissions=frozenset(body.permissions),
            reason=body.reason,
            now=tx.now,
        )
        payload, _, headers = _answer(tx.unit.role_for_change(number, tx.now))
    return payload, 201, {"Location": f"/api/v1/roles/{number}", **headers}


@api.get("/permissions", responses={200: RolePermissions})
@requires(Permission.READ_ROLES)
def permissions_of_roles(query: RolesAsked) -> dict[str, Any]:
    """Say which permissions are in several roles, for comparing them."""
    found = services().storage.directory.role_permissions(list(dict.fromkeys(query.role)))
    return {"roles": {str(number): sorted(names) for number, names in found.items()}}


@api.get("/<int:role>", responses={200: RoleBody})
@requires(Permission.READ_ROLES)
def role(path: RolePath) -> tuple[dict[str, Any], int, dict[str, str]]:
    """See all of one role."""
    return _answer(services().storage.directory.role_card(path.role, services().clock()))


@api.put("/<int:role>", responses={200: RoleBody})
@conditional
@requires(Permission.MANAGE_ROLES)
def update_role(path: RolePath, body: RoleSent) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Change a role: name, description and permissions become exactly these."""
    with transaction() as tx:
        administration.update_role(
            tx.unit,
            tx.administrator,
            role=path.role,
            name=body.name,
            description=body.description,
            permissions=frozenset(body.permissions),
            reason=body.reason,
            version=preconditions.version(),
            now=tx.now,
        )
        return _answer(tx.unit.role_for_change(path.role, tx.now))


@api.post("/<int:role>/review", responses={200: RoleReviewBody})
@unconditional("it changes nothing")
@requires(Permission.READ_ROLES)
def review(path: RolePath, body: PermissionsSent) -> dict[str, Any]:
    """Say what giving a role exactly these permissions would do now; changes nothing."""
    found = services().storage.directory.review_role(path.role, frozenset(body.permissions), services().clock())
    if found is None:
        raise NotFound(_NO_ROLE)
    return {
        "added": list(found.added),
        "removed": list(found.removed),
        "people": found.people,
        "people_capped": found.people >= MOST_COUNTED,
        "gain": dict(found.gain),
        "lose": dict(found.lose),
        "other_roles": {name: list(others) for name, others in found.other_roles.items()},
        "sessions": found.sessions,
    }


@api.delete("/<int:role>", responses={200: Moved})
@conditional
@requires(Permission.MANAGE_ROLES)
def delete_role(path: RolePath, query: RoleGone) -> dict[str, int]:
    """Delete a role; one that people hold only together with where they go."""
    with transaction() as tx:
        moved = administration.delete_role(
            tx.unit,
            tx.administrator,
            role=path.role,
            move_to=query.move_to,
            reason=query.reason,
            version=preconditions.version(),
            now=tx.now,
        )
    return {"moved": moved}


def _answer(card: RoleCard | None) -> tuple[dict[str, Any], int, dict[str, str]]:
    """All of one role as an answer, with its version; raises ``NotFound``."""
    if card is None:
        raise NotFound(_NO_ROLE)
    return _body(card), 200, preconditions.etag(card.row.version)


def _item(row: RoleRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "built_in": row.built_in,
        "version": row.version,
        "permissions": row.permissions,
        "people": row.people,
        "people_capped": row.people >= MOST_COUNTED,
    }


def _body(card: RoleCard) -> dict[str, Any]:
    return _item(card.row) | {"permissions": sorted(card.permissions), "token_roles": list(card.token_roles)}
