"""The caller's own identity, roles and permissions."""

from __future__ import annotations

from pydantic import Field

from app.core.contract.base import ResponseModel, StepUp, SubjectBody, Time
from app.core.policy import Source
from app.core.principal import AuthMethod


class GrantPathBody(ResponseModel):
    """One grant that a role or permission comes from."""

    source: Source = Field(description="The source of the grant.")
    role: str | None = Field(description="The role that includes it; null for a single permission.")
    by: str = Field(description="The actor who granted it; empty for tokens.")
    since: Time | None
    until: Time | None = Field(description="When it expires; null when it does not.")


class HeldRole(ResponseModel):
    """A role of the caller."""

    name: str
    description: str
    ways: tuple[GrantPathBody, ...] = Field(min_length=1)


class HeldPermission(ResponseModel):
    """A permission the caller may use with this token; the grant that decided comes first."""

    name: str
    sentence: str
    ways: tuple[GrantPathBody, ...] = Field(min_length=1)
    step_up: StepUp | None = Field(description="The sign-in it needs first; null when it can be used now.")


class Me(ResponseModel):
    """The caller, and what they may do with this token."""

    subject: SubjectBody
    name: str
    email: str
    method: AuthMethod = Field(description="How the caller was authenticated.")
    client_id: str
    session: str | None = Field(description="Reference of the caller's session; null where there is none.")
    authenticated_at: Time | None
    roles: tuple[HeldRole, ...]
    permissions: tuple[HeldPermission, ...]
