"""People and machines."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from app.core.administration_records import PeopleSort, PersonState, Through
from app.core.audit import subject_name
from app.core.contract.base import ListPage, RequestModel, ResponseModel, SubjectBody, Time
from app.core.contract.fields import LINE, Cursor, Flag, Id, Limit, Moment, Name, PermissionName, Reason, Search
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.policy import Source
from app.core.principal import Subject


class PeopleListQuery(RequestModel):
    """Which people to list."""

    q: Search = Field("", description="Part of a name, e-mail or subject, without regard to case.")
    state: PersonState | None = Field(None, description="Only people in this state.")
    role: str = Field("", max_length=500, pattern=LINE, description="Only people who have the role of this name now.")
    without_roles: Flag = Field(False, description="Only people without a role.")
    machine: Flag | None = Field(None, description="Only machines, or only people.")
    permission: PermissionName | None = Field(
        None,
        description="Only people who can use this permission now, after a step-up sign-in if it requires one. "
        "Blocked and erased people can use none. What only the claims of a token grant does not count.",
    )
    through: Through = Field(
        Through.EFFECTIVE,
        description="With `permission`: by any grant, or only by a grant of the permission itself.",
    )
    source: Source | None = Field(None, description="Only people with a role or permission from this source now.")
    seen_after: Moment | None = Field(None, description="Only people who were last seen at this time or later.")
    seen_before: Moment | None = Field(
        None, description="Only people who were last seen before this time; not those who were never seen."
    )
    sort: PeopleSort = Field(PeopleSort.NAME, description="The order; with `-`, from Z to A, or the newest first.")
    cursor: Cursor = ""
    limit: Limit = 50


class PersonPath(RequestModel):
    """A person in the path."""

    person: Id


class NewPerson(RequestModel):
    """A person who has not signed in yet."""

    issuer: Name | None = Field(None, description="The issuer; the configured provider's if omitted.")
    subject: Annotated[Name, Field(max_length=255)] = Field(description="The `sub` that its tokens will carry.")
    reason: Reason


class Block(RequestModel):
    """Whether a person is blocked."""

    blocked: StrictBool
    reason: Reason


class PersonItem(ResponseModel):
    """A person or machine in a list."""

    id: int
    subject: SubjectBody
    name: str
    email: str
    email_verified: bool
    picture: str
    state: PersonState
    machine: bool
    first_seen_at: Time | None = Field(description="Null before a first sign-in or call.")
    last_seen_at: Time | None
    roles: tuple[str, ...] = Field(description="Names of the current roles.")

    @property
    def shown_name(self) -> str:
        """The name, else the e-mail, else how the provider names the person."""
        return self.name or self.email or self.subject.subject

    @property
    def audit_name(self) -> str:
        """The name in the audit: ``subject at issuer``."""
        return subject_name(Subject(self.subject.issuer, self.subject.subject))


class EffectivePermission(ResponseModel):
    """An effective permission of a person, and the grants it comes from."""

    name: str
    sentence: str
    grants: tuple[int, ...] = Field(description="Ids of the grants it comes from.")


class TokenRole(ResponseModel):
    """A role of a person's last token."""

    name: str
    roles: tuple[str, ...] = Field(description="The roles it becomes; empty if it is not mapped.")


class PersonBody(PersonItem):
    """A person with all details; the version is the ETag."""

    grants: tuple[GrantBody, ...]
    withheld: tuple[WithheldBody, ...]
    permissions: tuple[EffectivePermission, ...]
    token_roles: tuple[TokenRole, ...]
    counts_as_administrator: bool = Field(
        description="Whether the person counts as an administrator (one must remain): endless grant, not blocked."
    )
    version: str


class People(ListPage[PersonItem]):
    """A page of people."""

    people: tuple[PersonItem, ...]

    @property
    def rows(self) -> tuple[PersonItem, ...]:
        """The people."""
        return self.people


class Blocked(ResponseModel):
    """The result of blocking or unblocking."""

    blocked: bool
    sessions_ended: int
