"""The caller's own identity, roles and permissions."""

from __future__ import annotations

from pydantic import Field

from app.core.contract.base import ResponseModel, StepUp, SubjectBody, Time
from app.core.policy import Source
from app.core.principal import AuthMethod


class GrantPathBody(ResponseModel):
    """One way in which something is held."""

    source: Source = Field(description="Where it came from.")
    role: str | None = Field(description="The role it came with; null for a single permission.")
    by: str = Field(description="Who gave it; empty for tokens.")
    since: Time | None
    until: Time | None = Field(description="When it expires; null when it does not.")


class HeldRole(ResponseModel):
    """A role the caller holds."""

    name: str
    description: str
    ways: tuple[GrantPathBody, ...] = Field(min_length=1)


class HeldPermission(ResponseModel):
    """A permission the caller may use through this token; the way that decided comes first."""

    name: str
    sentence: str
    ways: tuple[GrantPathBody, ...] = Field(min_length=1)
    step_up: StepUp | None = Field(description="What must be done before it can be used; null when it can be used now.")


class Me(ResponseModel):
    """Who is asking, and what they may do through this token."""

    subject: SubjectBody
    name: str
    email: str
    method: AuthMethod = Field(description="How the caller was proven.")
    client_id: str
    session: str | None = Field(description="Reference of the caller's session; null where there is none.")
    authenticated_at: Time | None
    roles: tuple[HeldRole, ...]
    permissions: tuple[HeldPermission, ...]
