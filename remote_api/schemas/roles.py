"""Roles, the catalogue of permissions, and mappings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from remote_api.schemas import Answer, Asked, Page, StepUp
from remote_api.schemas.fields import LINE, BodyId, Cursor, Flag, Id, Limit, Name, PermissionName, Reason, Search

Permissions = Annotated[list[PermissionName], Field(max_length=20_000, description="Names; each counts once.")]


class ListAsked(Asked):
    """Which rows of a list."""

    q: Search = ""
    cursor: Cursor = ""
    limit: Limit = 50


class RolePath(Asked):
    """A role in the address."""

    role: Id


class RoleSent(Asked):
    """A role as it is to be."""

    name: Annotated[Name, Field(max_length=100)]
    description: str = Field(max_length=500, pattern=LINE)
    permissions: Permissions
    reason: Reason


class PermissionsSent(Asked):
    """Permissions that a role might have."""

    permissions: Permissions


class RoleGone(Asked):
    """How a role is deleted."""

    reason: Reason
    move_to: Id | None = Field(None, description="The role that those who hold it get instead.")


class RolesAsked(Asked):
    """Roles to compare."""

    role: list[Id] = Field(min_length=1, max_length=50, description="Ids of roles; repeat the parameter.")


class RoleItem(Answer):
    """A role in a list."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: int = Field(description="How many it gives.")
    people: int = Field(description="How many hold it now.")
    people_capped: bool = Field(description="Whether there are more than were counted.")


class RoleBody(Answer):
    """All of one role; its version is the ETag."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: list[str]
    people: int
    people_capped: bool
    token_roles: list[str] = Field(description="Roles of tokens that become this one.")


class RoleList(Page):
    """A page of roles."""

    roles: list[RoleItem]


class RolePermissions(Answer):
    """Role id → names of its permissions; ids of no role are left out."""

    roles: dict[str, list[str]]


class RoleReviewBody(Answer):
    """What a change of a role's permissions would do now."""

    added: list[str]
    removed: list[str]
    people: int
    people_capped: bool
    gain: dict[str, int] = Field(description="Added permission → how many people do not have it yet.")
    lose: dict[str, int] = Field(description="Removed permission → how many people will no longer have it.")
    other_roles: dict[str, list[str]] = Field(description="Permission → other roles by which some have it anyway.")
    sessions: int = Field(description="Live sessions of those who gain or lose something.")


class Moved(Answer):
    """How many people got another role instead."""

    moved: int


class PermissionItem(Answer):
    """A permission of the catalogue."""

    name: str
    sentence: str
    resource: str
    by_scope: bool
    step_up: StepUp | None = Field(description="What it asks of a sign-in; null when nothing.")
    roles: int = Field(description="How many roles list it, the administrator role not counted.")
    people: int = Field(description="How many people hold it by a grant of its own.")


class PermissionList(Page):
    """A page of the catalogue."""

    permissions: list[PermissionItem]


class MappingsAsked(ListAsked):
    """Which mappings to list."""

    unmapped: Flag = Field(False, description="Only roles of tokens that become nothing here.")


class MappingSent(Asked):
    """What a token's role is to become."""

    token_role: Name
    roles: list[BodyId] = Field(max_length=100, description="Ids of roles here; none at all unmaps it.")
    reason: Reason


class MappedRole(Answer):
    """A role here."""

    id: int
    name: str


class MappingBody(Answer):
    """What a token's role becomes here."""

    token_role: str
    roles: list[MappedRole]
    own_name: bool = Field(description="Whether it becomes the built-in role of its name as well (development).")
    people: int = Field(description="In how many people's last token it was.")
    version: str


class MappingList(Page):
    """A page of mappings."""

    mappings: list[MappingBody]


class MappingChanged(Answer):
    """The mapping as it is now, and how many people's rights changed."""

    mapping: MappingBody
    people_changed: int
