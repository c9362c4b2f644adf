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
    """One of a person's grants in the address."""

    person: Id
    grant: Id


class PersonWithheldPath(RequestModel):
    """Something that is withheld from a person, in the address."""

    person: Id
    withheld: Id


class NewGrantBody(RequestModel):
    """What to give: exactly one of ``role`` and ``permission``."""

    role: Name | None = Field(None, description="Name of a role.")
    permission: PermissionName | None = Field(None, description="Name of a single permission.")
    until: Moment | None = Field(None, description="When it expires; never when left out.")
    reason: Reason


class GrantBody(ResponseModel):
    """Something that a person was given. Exactly one of ``role`` and ``permission`` is there."""

    id: int
    role: str | None
    permission: str | None
    source: Source = Field(description="Where it came from.")
    automatic: bool = Field(
        description="Whether no one decided about it: the provider's token gave it, or GATEHOUSE_DEFAULT_ROLE. "
        "Revoking it withholds it."
    )
    by: str = Field(description="Who gave it; empty for tokens.")
    since: Time
    until: Time | None = Field(description="When it expires; null when it does not.")
    reason: str

    @property
    def name(self) -> str:
        """Name of the role or permission."""
        return self.role or self.permission or ""


class WithheldBody(ResponseModel):
    """Something that an administrator withholds: no automatic source gives it.

    Exactly one of ``role`` and ``permission`` is there.
    """

    id: int
    role: str | None
    permission: str | None
    by: str = Field(description="Who withheld it.")
    since: Time
    reason: str
    from_token: bool = Field(description="Whether the provider's last token would give it.")
    from_default_role: bool = Field(description="Whether GATEHOUSE_DEFAULT_ROLE would give it.")

    @property
    def name(self) -> str:
        """Name of the role or permission."""
        return self.role or self.permission or ""


class BulkRequest(RequestModel):
    """The same grant, given to or taken from several people: exactly one of ``role`` and ``permission``."""

    action: Annotated[str, Field(pattern="^(grant|revoke)$", json_schema_extra={"enum": ["grant", "revoke"]})]
    role: Name | None = None
    permission: PermissionName | None = None
    people: list[BodyId] = Field(min_length=1, max_length=MAX_BULK_PEOPLE, description="Ids; each counts once.")
    until: Moment | None = None
    automatic: StrictBool = Field(
        True,
        description="With `revoke`: whether what the provider's token or GATEHOUSE_DEFAULT_ROLE gives is withheld too.",
    )
    reason: Reason


class BulkProblem(ResponseModel):
    """Why one of them was refused."""

    code: str
    title: str
    detail: str


class BulkResult(ResponseModel):
    """What became of one of them."""

    person: int
    outcome: Annotated[BulkOutcome, WithJsonSchema({"type": "string"})] = Field(
        description="`done`, `unchanged` (it was so already), `refused`, or `unknown` (it may have been done)."
    )
    problem: BulkProblem | None


class BulkResults(ResponseModel):
    """One result for each person, in the order asked."""

    results: tuple[BulkResult, ...]
