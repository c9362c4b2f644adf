"""Grants: roles and permissions of a person, what is withheld, and changes of several people."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool, WithJsonSchema

from app.core.contract.base import RequestModel, ResponseModel, Time
from app.core.contract.fields import BodyId, Id, Moment, Name, PermissionName, Reason
from app.core.policy import Source

MAX_BULK_PEOPLE: Final = 200
"""People in one bulk call at most."""

BulkOutcome = Literal["done", "unchanged", "refused", "unknown"]


class PersonGrantPath(RequestModel):
    """A grant of a person in the path."""

    person: Id
    grant: Id


class PersonWithheldPath(RequestModel):
    """A withheld role or permission of a person in the path."""

    person: Id
    withheld: Id


class NewGrantBody(RequestModel):
    """The grant to add: exactly one of ``role`` and ``permission``."""

    role: Name | None = Field(None, description="Name of a role.")
    permission: PermissionName | None = Field(None, description="Name of a single permission.")
    until: Moment | None = Field(None, description="When it expires; never if omitted.")
    reason: Reason


class GrantBody(ResponseModel):
    """A grant of a person. Exactly one of ``role`` and ``permission`` is set."""

    id: int
    role: str | None
    permission: str | None
    source: Source = Field(description="The source of the grant.")
    automatic: bool = Field(
        description="Whether it comes from the provider's token or GATEHOUSE_DEFAULT_ROLE, and not from a decision. "
        "Revoking it withholds it."
    )
    by: str = Field(description="The actor who granted it; empty for tokens.")
    by_name: str = Field(description="The present name of that person; empty for others.")
    since: Time
    until: Time | None = Field(description="When it expires; null when it does not.")
    reason: str

    @property
    def name(self) -> str:
        """Name of the role or permission."""
        return self.role or self.permission or ""


class WithheldBody(ResponseModel):
    """A role or permission that an administrator withholds from automatic sources.

    Exactly one of ``role`` and ``permission`` is set.
    """

    id: int
    role: str | None
    permission: str | None
    by: str = Field(description="The actor who withheld it.")
    by_name: str = Field(description="The present name of that person; empty for others.")
    since: Time
    reason: str
    from_token: bool = Field(description="Whether the provider's last token grants it.")
    from_default_role: bool = Field(description="Whether GATEHOUSE_DEFAULT_ROLE grants it.")

    @property
    def name(self) -> str:
        """Name of the role or permission."""
        return self.role or self.permission or ""


class BulkRequest(RequestModel):
    """A role or permission to grant to several people or to revoke from them: exactly one of both fields."""

    action: Annotated[str, Field(pattern="^(grant|revoke)$", json_schema_extra={"enum": ["grant", "revoke"]})]
    role: Name | None = None
    permission: PermissionName | None = None
    people: list[BodyId] = Field(min_length=1, max_length=MAX_BULK_PEOPLE, description="Ids; duplicates are ignored.")
    until: Moment | None = None
    automatic: StrictBool = Field(
        True,
        description="With `revoke`: whether grants of the provider's token or GATEHOUSE_DEFAULT_ROLE are withheld too.",
    )
    reason: Reason


class BulkProblem(ResponseModel):
    """Why the change of one person was refused."""

    code: str
    title: str
    detail: str


class BulkResult(ResponseModel):
    """The result of one person."""

    person: int
    outcome: Annotated[BulkOutcome, WithJsonSchema({"type": "string"})] = Field(
        description="`done`, `unchanged` (nothing to change), `refused`, or `unknown` (it may have been done)."
    )
    problem: BulkProblem | None


class BulkResults(ResponseModel):
    """One result for each person, in the order of the request."""

    results: tuple[BulkResult, ...]
