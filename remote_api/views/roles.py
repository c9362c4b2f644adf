"""Roles: list, read, compare, review a change, create, update and delete."""

from __future__ import annotations

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration
from app.core.administration_records import MAX_COUNTED, RoleCard, RoleRow
from app.core.contract.base import construct
from app.core.contract.roles import (
    ComparedRolesQuery,
    Moved,
    PermissionsRequest,
    RoleBody,
    RoleDeletionQuery,
    RoleItem,
    RoleList,
    RolePath,
    RolePermissions,
    RoleRequest,
    RoleReviewBody,
    RolesQuery,
)
from app.core.errors import NotFound
from app.core.permissions import Permission
from remote_api import preconditions
from remote_api.access import requires
from remote_api.preconditions import conditional, unconditional
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
def roles(query: RolesQuery) -> RoleList:
    """List roles, with counts."""
    rows = services().storage.administration.roles(
        services().clock(), text=query.q, sort=query.sort, cursor=query.cursor, limit=query.limit
    )
    return construct(
        RoleList,
        roles=tuple([_item(row) for row in rows.rows]),
        next=rows.next,
        total=rows.total,
        total_capped=rows.capped,
    )


@api.post("", responses={201: RoleBody})
@unconditional("it creates a role")
@requires(Permission.MANAGE_ROLES)
def create_role(body: RoleRequest) -> tuple[RoleBody, int, dict[str, str]]:
    """Create a role."""
    with transaction() as tx:
        number = administration.create_role(
            tx.unit,
            tx.actor,
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
def permissions_of_roles(query: ComparedRolesQuery) -> RolePermissions:
    """Return the permissions of several roles, to compare them."""
    permissions = services().storage.administration.role_permissions(list(dict.fromkeys(query.role)))
    return construct(
        RolePermissions, roles={str(number): tuple(sorted(names)) for number, names in permissions.items()}
    )


@api.get("/<int:role>", responses={200: RoleBody})
@requires(Permission.READ_ROLES)
def role(path: RolePath) -> tuple[RoleBody, int, dict[str, str]]:
    """Return a role."""
    return _answer(services().storage.administration.role_card(path.role, services().clock()))


@api.put("/<int:role>", responses={200: RoleBody})
@conditional
@requires(Permission.MANAGE_ROLES)
def update_role(path: RolePath, body: RoleRequest) -> tuple[RoleBody, int, dict[str, str]]:
    """Update a role: name, description and permissions become exactly these."""
    with transaction() as tx:
        administration.update_role(
            tx.unit,
            tx.actor,
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
def review(path: RolePath, body: PermissionsRequest) -> RoleReviewBody:
    """Return what setting a role's permissions to exactly these would change now; changes nothing.

    Raises:
        NotFound: if there is no such role.
    """
    changes = services().storage.administration.review_role(path.role, frozenset(body.permissions), services().clock())
    if changes is None:
        raise NotFound(_NO_ROLE)
    return construct(
        RoleReviewBody,
        added=changes.added,
        removed=changes.removed,
        people=changes.people,
        people_capped=changes.people >= MAX_COUNTED,
        gain=dict(changes.gain),
        lose=dict(changes.lose),
        other_roles=dict(changes.other_roles),
        sessions=changes.sessions,
    )


@api.delete("/<int:role>", responses={200: Moved})
@conditional
@requires(Permission.MANAGE_ROLES)
def delete_role(path: RolePath, query: RoleDeletionQuery) -> Moved:
    """Delete a role; one that people have needs the role they get instead."""
    with transaction() as tx:
        moved = administration.delete_role(
            tx.unit,
            tx.actor,
            role=path.role,
            move_to=query.move_to,
            reason=query.reason,
            version=preconditions.version(),
            now=tx.now,
        )
    return construct(Moved, moved=moved)


def _answer(card: RoleCard | None) -> tuple[RoleBody, int, dict[str, str]]:
    """All of one role as an answer, with its version; raises ``NotFound``."""
    if card is None:
        raise NotFound(_NO_ROLE)
    return _body(card), 200, preconditions.etag(card.row.version)


def _item(row: RoleRow) -> RoleItem:
    return construct(
        RoleItem,
        id=row.id,
        name=row.name,
        description=row.description,
        built_in=row.built_in,
        version=row.version,
        permissions=row.permissions,
        people=row.people,
        people_capped=row.people >= MAX_COUNTED,
    )


def _body(card: RoleCard) -> RoleBody:
    row = card.row
    return construct(
        RoleBody,
        id=row.id,
        name=row.name,
        description=row.description,
        built_in=row.built_in,
        version=row.version,
        permissions=tuple(sorted(card.permissions)),
        people=row.people,
        people_capped=row.people >= MAX_COUNTED,
        token_roles=card.token_roles,
    )
