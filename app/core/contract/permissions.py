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
    people: int = Field(description="How many people have it by a grant of its own.")


class PermissionList(ListPage[PermissionItem]):
    """A page of the catalogue."""

    permissions: tuple[PermissionItem, ...]

    @property
    def rows(self) -> tuple[PermissionItem, ...]:
        """The permissions."""
        return self.permissions
