"""Calls about roles and the catalogue of permissions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app import access
from app.admin.api.responses import Page, asked, read, read_page
from app.api_client import call, path
from app.core.permissions import Permission

MAX_COMPARED_ROLES: Final = 50
"""Roles in one ``permissions_of_roles`` at most."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role in a list. ``people`` is "that many or more" where ``people_capped``."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: int
    people: int
    people_capped: bool


@dataclass(frozen=True, slots=True)
class RoleCard:
    """A role with what is in it; ``version`` is what a change must name."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: tuple[str, ...]
    people: int
    people_capped: bool
    token_roles: tuple[str, ...]
    """Token roles that become this one."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a change of a role's permissions would do now. Counts are of people."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    people: int
    people_capped: bool
    gain: Mapping[str, int]
    """Added permission → how many do not have it yet."""
    lose: Mapping[str, int]
    """Removed permission → how many will no longer have it."""
    other_roles: Mapping[str, tuple[str, ...]]
    """Added or removed permission → other roles by which some of them have it anyway."""
    sessions: int
    """Live sessions of those who gain or lose something."""


@dataclass(frozen=True, slots=True)
class Known:
    """A permission of the catalogue. ``roles``: how many list it; ``people``: who hold it by a grant of its own."""

    name: str
    sentence: str
    resource: str
    by_scope: bool
    step_up: Mapping[str, object] | None
    roles: int
    people: int


@dataclass(frozen=True, slots=True)
class _Sets:
    roles: Mapping[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Moved:
    moved: int


@access.requires(Permission.READ_ROLES)
def roles(text: str = "", *, cursor: str = "", limit: int = 50) -> Page[Role]:
    """Roles by name; ``text``: part of the name."""
    return read_page(call("GET", path("roles"), params=asked(q=text, cursor=cursor, limit=limit)), "roles", Role)


@access.requires(Permission.READ_ROLES)
def role(role_id: int) -> RoleCard:
    """One role; raises ``NotFound``."""
    return read(call("GET", path("roles", role_id)), RoleCard)


@access.requires(Permission.READ_ROLES)
def permissions_of_roles(role_ids: Sequence[int]) -> Mapping[int, frozenset[str]]:
    """Role id → names of its permissions, for at most ``MAX_COMPARED_ROLES`` roles."""
    answer = call("GET", path("roles", "permissions"), params=asked(role=list(role_ids)))
    return read(answer, _Sets).roles


@access.requires(Permission.READ_ROLES)
def catalogue(text: str = "", *, cursor: str = "", limit: int = 50) -> Page[Known]:
    """The catalogue by name; ``text``: part of the name or sentence."""
    params = asked(q=text, cursor=cursor, limit=limit)
    return read_page(call("GET", path("permissions"), params=params), "permissions", Known)


@access.requires(Permission.READ_ROLES)
def review_role(role_id: int, permissions: Collection[str]) -> Review:
    """What giving the role exactly these permissions would do; changes nothing."""
    body = {"permissions": sorted(permissions)}
    return read(call("POST", path("roles", role_id, "review"), body=body, changes=False), Review)


@access.requires(Permission.MANAGE_ROLES)
def create_role(name: str, *, description: str, permissions: Collection[str], reason: str) -> RoleCard:
    """Make a role. Raises ``NameTaken``, ``NotHeld``, ``InvalidInput``."""
    body = {"name": name, "description": description, "permissions": sorted(permissions), "reason": reason}
    return read(call("POST", path("roles"), body=body), RoleCard)


@access.requires(Permission.MANAGE_ROLES)
def update_role(
    role_id: int, *, name: str, description: str, permissions: Collection[str], reason: str, version: str
) -> RoleCard:
    """Set everything of a role. Raises ``StaleVersion``, ``NameTaken``, ``NotHeld``, ``BuiltInRole``."""
    body = {"name": name, "description": description, "permissions": sorted(permissions), "reason": reason}
    return read(call("PUT", path("roles", role_id), body=body, version=version), RoleCard)


@access.requires(Permission.MANAGE_ROLES)
def delete_role(role_id: int, *, move_to: int | None, reason: str, version: str) -> int:
    """Delete a role; who holds it gets ``move_to``. Returns how many moved. Raises ``RoleInUse``, ``StaleVersion``."""
    params = asked(move_to=move_to, reason=reason)
    return read(call("DELETE", path("roles", role_id), params=params, version=version), _Moved).moved
