"""Mappings of token roles to roles."""

from __future__ import annotations

from pydantic import Field

from app.core.contract.base import ListPage, ListQuery, RequestModel, ResponseModel
from app.core.contract.fields import BodyId, Flag, Name, Reason
from app.core.list_orders import MappingSort


class MappingsQuery(ListQuery):
    """Which mappings to list."""

    sort: MappingSort = Field(
        MappingSort.TOKEN_ROLE, description="The order; with `-`, from Z to A, or the most people first."
    )
    unmapped: Flag = Field(False, description="Only token roles that are not mapped.")


class MappingRequest(RequestModel):
    """The roles that a token role becomes."""

    token_role: Name
    roles: list[BodyId] = Field(max_length=100, description="Ids of roles; an empty list removes the mapping.")
    reason: Reason


class MappedRole(ResponseModel):
    """A role that a token role becomes."""

    id: int
    name: str


class MappingBody(ResponseModel):
    """A token role and the roles it becomes."""

    token_role: str
    roles: tuple[MappedRole, ...]
    own_name: bool = Field(description="Whether it also becomes the built-in role of its name (development).")
    people: int = Field(description="How many people's last token had it.")
    version: str


class MappingList(ListPage[MappingBody]):
    """A page of mappings."""

    mappings: tuple[MappingBody, ...]

    @property
    def rows(self) -> tuple[MappingBody, ...]:
        """The mappings."""
        return self.mappings


class MappingChanged(ResponseModel):
    """The changed mapping, and how many people's grants changed."""

    mapping: MappingBody
    people_changed: int
