"""Roles."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from app.core.contract.base import ListPage, RequestModel, ResponseModel
from app.core.contract.fields import LINE, Id, Name, PermissionName, Reason

MAX_COMPARED_ROLES: Final = 50
"""Roles in one comparison at most."""

Permissions = Annotated[list[PermissionName], Field(max_length=20_000, description="Names; each counts once.")]


class RolePath(RequestModel):
    """A role in the address."""

    role: Id


class RoleRequest(RequestModel):
    """A role as it is to be."""

    name: Annotated[Name, Field(max_length=100)]
    description: str = Field(max_length=500, pattern=LINE)
    permissions: Permissions
    reason: Reason


class PermissionsRequest(RequestModel):
    """Permissions that a role might have."""

    permissions: Permissions


class RoleDeletionQuery(RequestModel):
    """How a role is deleted."""

    reason: Reason
    move_to: Id | None = Field(None, description="The role that those who hold it get instead.")


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
    permissions: int = Field(description="How many it gives.")
    people: int = Field(description="How many hold it now.")
    people_capped: bool = Field(description="Whether there are more than were counted.")


class RoleBody(ResponseModel):
    """All of one role; its version is the ETag."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: tuple[str, ...]
    people: int
    people_capped: bool
    token_roles: tuple[str, ...] = Field(description="Roles of tokens that become this one.")


class RoleList(ListPage[RoleItem]):
    """A page of roles."""

    roles: tuple[RoleItem, ...]

    @property
    def rows(self) -> tuple[RoleItem, ...]:
        """The roles."""
        return self.roles


class RolePermissions(ResponseModel):
    """Role id → names of its permissions; ids of no role are left out."""

    roles: dict[str, tuple[str, ...]]


class RoleReviewBody(ResponseModel):
    """What a change of a role's permissions would do now."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    people: int
    people_capped: bool
    gain: dict[str, int] = Field(description="Added permission → how many people do not have it yet.")
    lose: dict[str, int] = Field(description="Removed permission → how many people will no longer have it.")
    other_roles: dict[str, tuple[str, ...]] = Field(
        description="Permission → other roles by which some have it anyway."
    )
    sessions: int = Field(description="Live sessions of those who gain or lose something.")


class Moved(ResponseModel):
    """How many people got another role instead."""

    moved: int
