"""Mappings of token roles to roles."""

from __future__ import annotations

from pydantic import Field

from app.core.contract.base import ListPage, ListQuery, RequestModel, ResponseModel
from app.core.contract.fields import BodyId, Flag, Name, Reason


class MappingsQuery(ListQuery):
    """Which mappings to list."""

    unmapped: Flag = Field(False, description="Only roles of tokens that become nothing here.")


class MappingRequest(RequestModel):
    """What a token's role is to become."""

    token_role: Name
    roles: list[BodyId] = Field(max_length=100, description="Ids of roles here; none at all unmaps it.")
    reason: Reason


class MappedRole(ResponseModel):
    """A role here."""

    id: int
    name: str


class MappingBody(ResponseModel):
    """What a token's role becomes here."""

    token_role: str
    roles: tuple[MappedRole, ...]
    own_name: bool = Field(description="Whether it becomes the built-in role of its name as well (development).")
    people: int = Field(description="In how many people's last token it was.")
    version: str


class MappingList(ListPage[MappingBody]):
    """A page of mappings."""

    mappings: tuple[MappingBody, ...]

    @property
    def rows(self) -> tuple[MappingBody, ...]:
        """The mappings."""
        return self.mappings


class MappingChanged(ResponseModel):
    """The mapping as it is now, and how many people's rights changed."""

    mapping: MappingBody
    people_changed: int
