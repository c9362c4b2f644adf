"""People, and what they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StrictBool

from app.core.directory import PeopleSort, PersonState
from app.core.policy import Source
from remote_api.schemas import Answer, Asked, Page, SubjectBody
from remote_api.schemas.fields import (
    LINE,
    BodyId,
    Cursor,
    Flag,
    Id,
    Limit,
    Moment,
    Name,
    PermissionName,
    Reason,
    Search,
)

MAX_BULK_PEOPLE: int = 200
"""In one bulk call."""


class PeopleAsked(Asked):
    """Which people to list."""

    q: Search = Field("", description="Part of a name, e-mail or subject, without regard to case.")
    state: PersonState | None = Field(None, description="Only people in this state.")
    role: str = Field("", max_length=500, pattern=LINE, description="Only people who hold the role of this name now.")
    without_roles: Flag = Field(False, description="Only people who hold no role now.")
    machine: Flag | None = Field(None, description="Only machines, or only people.")
    sort: PeopleSort = Field(PeopleSort.NAME, description="The order; with `-`, newest first.")
    cursor: Cursor = ""
    limit: Limit = 50


class PersonPath(Asked):
    """A person in the address."""

    person: Id


class GrantPath(PersonPath):
    """One of a person's grants in the address."""

    grant: Id


class WithheldPath(PersonPath):
    """Something that is withheld from a person, in the address."""

    withheld: Id


class NewPerson(Asked):
    """Somebody who has not signed in yet."""

    issuer: Name | None = Field(None, description="The issuer; the configured provider's when left out.")
    subject: Annotated[Name, Field(max_length=255)] = Field(description="The `sub` that its tokens will carry.")
    reason: Reason


class Block(Asked):
    """Whether somebody may use anything here."""

    blocked: StrictBool
    reason: Reason


class Because(Asked):
    """Why something is done."""

    reason: Reason


class NewGrantBody(Asked):
    """What to give: exactly one of ``role`` and ``permission``."""

    role: Name | None = Field(None, description="Name of a role.")
    permission: PermissionName | None = Field(None, description="Name of a single permission.")
    until: Moment | None = Field(None, description="When it expires; never when left out.")
    reason: Reason


class GrantBody(Answer):
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
    since: datetime
    until: datetime | None = Field(description="When it expires; null when it does not.")
    reason: str


class WithheldBody(Answer):
    """Something that an administrator withholds: no automatic source gives it.

    Exactly one of ``role`` and ``permission`` is there.
    """

    id: int
    role: str | None
    permission: str | None
    by: str = Field(description="Who withheld it.")
    since: datetime
    reason: str
    from_token: bool = Field(description="Whether the provider's last token would give it.")
    from_default_role: bool = Field(description="Whether GATEHOUSE_DEFAULT_ROLE would give it.")


class PersonItem(Answer):
    """A person or machine in a list."""

    id: int
    subject: SubjectBody
    name: str
    email: str
    email_verified: bool
    picture: str
    state: PersonState
    machine: bool
    first_seen_at: datetime | None = Field(description="Null before a first sign-in or call.")
    last_seen_at: datetime | None
    roles: list[str] = Field(description="Names of the roles held now.")


class EffectivePermission(Answer):
    """A permission that somebody holds, and by which grants."""

    name: str
    sentence: str
    grants: list[int] = Field(description="Ids of the grants that give it.")


class TokenRole(Answer):
    """A role of somebody's last token."""

    name: str
    roles: list[str] = Field(description="What it becomes here; empty where it is mapped nowhere.")


class PersonBody(PersonItem):
    """All of one person; its version is the ETag."""

    grants: list[GrantBody]
    withheld: list[WithheldBody]
    permissions: list[EffectivePermission]
    token_roles: list[TokenRole]
    counts_as_administrator: bool = Field(
        description="Whether this is one of those of whom the last must stay: unblocked, endlessly an administrator."
    )
    version: str


class People(Page):
    """A page of people."""

    people: list[PersonItem]


class Blocked(Answer):
    """What blocking or letting in again did."""

    blocked: bool
    sessions_ended: int


class BulkAsked(Asked):
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


class BulkProblem(Answer):
    """Why one of them was refused."""

    code: str
    title: str
    detail: str


class BulkResult(Answer):
    """What became of one of them."""

    person: int
    outcome: str = Field(
        description="`done`, `unchanged` (it was so already), `refused`, or `unknown` (it may have been done)."
    )
    problem: BulkProblem | None


class BulkResults(Answer):
    """One result for each person, in the order asked."""

    results: list[BulkResult]
