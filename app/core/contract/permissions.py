"""The catalogue of permissions."""

from __future__ import annotations

from pydantic import Field

from app.core.contract.base import ListPage, ResponseModel, StepUp


class PermissionItem(ResponseModel):
    """A permission of the catalogue."""

    name: str
    sentence: str
    resource: str
    by_scope: bool
    step_up: StepUp | None = Field(description="The sign-in it needs; null for any.")
    roles: int = Field(description="How many roles list it, the administrator role not counted.")
    people: int = Field(description="How many people can use it now, as `GET /people?permission=` lists them.")
    people_capped: bool = Field(description="Whether there may be more; counting stops at 1000.")
    direct_people: int = Field(description="How many people can use it by a grant of its own; also at most 1000.")


class PermissionList(ListPage[PermissionItem]):
    """A page of the catalogue."""

    permissions: tuple[PermissionItem, ...]

    @property
    def rows(self) -> tuple[PermissionItem, ...]:
        """The permissions."""
        return self.permissions
