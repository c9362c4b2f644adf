"""Calls for roles and the catalogue of permissions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from app import access
from app.admin.api.parameters import query_params
from app.api_client import call, path
from app.core.contract.permissions import PermissionList
from app.core.contract.roles import Moved, RoleBody, RoleList, RolePermissions, RoleReviewBody
from app.core.list_orders import RoleSort
from app.core.permissions import Permission


@access.requires(Permission.READ_ROLES)
def roles(text: str = "", *, sort: RoleSort = RoleSort.NAME, cursor: str = "", limit: int = 50) -> RoleList:
    """Return roles in the order of ``sort``; ``text``: part of the name."""
    params = query_params(q=text, sort=sort.value, cursor=cursor, limit=limit)
    return call("GET", path("roles"), params=params).read(RoleList)


@access.requires(Permission.READ_ROLES)
def role(role_id: int) -> RoleBody:
    """Return one role.

    Raises:
        NotFound: There is no such role.
    """
    return call("GET", path("roles", role_id)).read(RoleBody)


@access.requires(Permission.READ_ROLES)
def permissions_of_roles(role_ids: Sequence[int]) -> Mapping[int, frozenset[str]]:
    """Return role id → names of its permissions, for at most ``MAX_COMPARED_ROLES`` roles."""
    answer = call("GET", path("roles", "permissions"), params=query_params(role=list(role_ids)))
    roles = answer.read(RolePermissions).roles
    return {int(number): frozenset(names) for number, names in roles.items()}


@access.requires(Permission.READ_ROLES)
def catalogue(text: str = "", *, cursor: str = "", limit: int = 50) -> PermissionList:
    """Return the permissions of the catalogue by name; ``text``: part of the name or sentence."""
    params = query_params(q=text, cursor=cursor, limit=limit)
    return call("GET", path("permissions"), params=params).read(PermissionList)


@access.requires(Permission.READ_ROLES)
def review_role(role_id: int, permissions: Collection[str]) -> RoleReviewBody:
    """Return the effect of setting the role's permissions to exactly these; nothing is changed."""
    body = {"permissions": sorted(permissions)}
    return call("POST", path("roles", role_id, "review"), body=body, changes=False).read(RoleReviewBody)


@access.requires(Permission.MANAGE_ROLES)
def create_role(name: str, *, description: str, permissions: Collection[str], reason: str) -> RoleBody:
    """Create a role.

    Raises:
        NameTaken: A role has this name, or one that looks like it.
        ExceedsOwnPermissions: The caller does not hold every permission of the role.
        InvalidInput: A field or a permission is not valid.
    """
    body = {"name": name, "description": description, "permissions": sorted(permissions), "reason": reason}
    return call("POST", path("roles"), body=body).read(RoleBody)


@access.requires(Permission.MANAGE_ROLES)
def update_role(
    role_id: int, *, name: str, description: str, permissions: Collection[str], reason: str, version: str
) -> RoleBody:
    """Set name, description and permissions of a role.

    Raises:
        StaleVersion: The role was changed meanwhile.
        NameTaken: Another role has this name, or one that looks like it.
        ExceedsOwnPermissions: The caller does not hold every added permission.
        BuiltInRole: The role is built in and does not allow this change.
    """
    body = {"name": name, "description": description, "permissions": sorted(permissions), "reason": reason}
    return call("PUT", path("roles", role_id), body=body, version=version).read(RoleBody)


@access.requires(Permission.MANAGE_ROLES)
def delete_role(role_id: int, *, move_to: int | None, reason: str, version: str) -> int:
    """Delete a role; return how many people got the role ``move_to`` instead.

    Raises:
        RoleInUse: People have the role, and ``move_to`` is None.
        StaleVersion: The role was changed meanwhile.
    """
    params = query_params(move_to=move_to, reason=reason)
    return call("DELETE", path("roles", role_id), params=params, version=version).read(Moved).moved
