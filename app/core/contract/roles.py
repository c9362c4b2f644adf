"""Roles."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.core.contract.base import ListPage, ListQuery, RequestModel, ResponseModel
from app.core.contract.fields import LINE, Id, Name, PermissionName, Reason
from app.core.list_orders import RoleSort
from app.core.records import MAX_COMPARED_ROLES, MAX_ROLE_DESCRIPTION_CHARACTERS, MAX_ROLE_NAME_CHARACTERS

Permissions = Annotated[list[PermissionName], Field(max_length=20_000, description="Names; duplicates are ignored.")]


class RolesQuery(ListQuery):
    """Which roles to list."""

    sort: RoleSort = Field(RoleSort.NAME, description="The order; with `-`, from Z to A, or the most first.")


class RolePath(RequestModel):
    """A role in the path."""

    role: Id


class RoleRequest(RequestModel):
    """The new state of a role."""

    name: Annotated[Name, Field(max_length=MAX_ROLE_NAME_CHARACTERS)]
    description: str = Field(max_length=MAX_ROLE_DESCRIPTION_CHARACTERS, pattern=LINE)
    permissions: Permissions
    reason: Reason


class PermissionsRequest(RequestModel):
    """Permissions to review for a role."""

    permissions: Permissions


class RoleDeletionQuery(RequestModel):
    """How a role is deleted."""

    reason: Reason
    move_to: Id | None = Field(None, description="The role that people who have it get instead.")


class ComparedRolesQuery(RequestModel):
    """Roles to compare."""

    role: list[Id] = Field(
        min_length=1, max_length=MAX_COMPARED_ROLES, description="Ids of roles; repeat the parameter."
    )


class RoleItem(ResponseModel):
    """A role in a list."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: int = Field(description="How many permissions it includes.")
    people: int = Field(description="How many people have it now.")
    people_capped: bool = Field(description="Whether there are more than were counted.")


class RoleBody(ResponseModel):
    """A role with all details; the version is the ETag."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: tuple[str, ...]
    people: int
    people_capped: bool
    token_roles: tuple[str, ...] = Field(description="Token roles that become this role.")


class RoleList(ListPage[RoleItem]):
    """A page of roles."""

    roles: tuple[RoleItem, ...]

    @property
    def rows(self) -> tuple[RoleItem, ...]:
        """The roles."""
        return self.roles


class RolePermissions(ResponseModel):
    """Role id → names of its permissions; unknown ids are omitted."""

    roles: dict[str, tuple[str, ...]]


class RoleReviewBody(ResponseModel):
    """The effect of a change of a role's permissions."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    people: int
    people_capped: bool
    gain: dict[str, int] = Field(description="Added permission → how many people do not have it yet.")
    lose: dict[str, int] = Field(description="Removed permission → how many people will no longer have it.")
    other_roles: dict[str, tuple[str, ...]] = Field(
        description="Permission → other roles that grant it to some of them."
    )
    sessions: int = Field(description="Live sessions of people who gain or lose a permission.")


class Moved(ResponseModel):
    """How many people got another role instead."""

    moved: int
