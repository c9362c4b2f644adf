"""People and machines."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from app.core.audit import subject_name
from app.core.contract.base import ListPage, RequestModel, ResponseModel, SubjectBody, Time
from app.core.contract.fields import LINE, Cursor, Flag, Id, Limit, Name, Reason, Search
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.directory import PeopleSort, PersonState
from app.core.principal import Subject


class PeopleListQuery(RequestModel):
    """Which people to list."""

    q: Search = Field("", description="Part of a name, e-mail or subject, without regard to case.")
    state: PersonState | None = Field(None, description="Only people in this state.")
    role: str = Field("", max_length=500, pattern=LINE, description="Only people who hold the role of this name now.")
    without_roles: Flag = Field(False, description="Only people who hold no role now.")
    machine: Flag | None = Field(None, description="Only machines, or only people.")
    sort: PeopleSort = Field(PeopleSort.NAME, description="The order; with `-`, newest first.")
    cursor: Cursor = ""
    limit: Limit = 50


class PersonPath(RequestModel):
    """A person in the address."""

    person: Id


class NewPerson(RequestModel):
    """Somebody who has not signed in yet."""

    issuer: Name | None = Field(None, description="The issuer; the configured provider's when left out.")
    subject: Annotated[Name, Field(max_length=255)] = Field(description="The `sub` that its tokens will carry.")
    reason: Reason


class Block(RequestModel):
    """Whether somebody may use anything here."""

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
    roles: tuple[str, ...] = Field(description="Names of the roles held now.")

    @property
    def shown_name(self) -> str:
        """The name, else the e-mail, else how the provider names the person."""
        return self.name or self.email or self.subject.subject

    @property
    def audit_name(self) -> str:
        """The name in the audit: ``subject at issuer``."""
        return subject_name(Subject(self.subject.issuer, self.subject.subject))


class EffectivePermission(ResponseModel):
    """A permission that somebody holds, and by which grants."""

    name: str
    sentence: str
    grants: tuple[int, ...] = Field(description="Ids of the grants that give it.")


class TokenRole(ResponseModel):
    """A role of somebody's last token."""

    name: str
    roles: tuple[str, ...] = Field(description="What it becomes here; empty where it is mapped nowhere.")


class PersonBody(PersonItem):
    """All of one person; its version is the ETag."""

    grants: tuple[GrantBody, ...]
    withheld: tuple[WithheldBody, ...]
    permissions: tuple[EffectivePermission, ...]
    token_roles: tuple[TokenRole, ...]
    counts_as_administrator: bool = Field(
        description="Whether this is one of those of whom the last must stay: unblocked, endlessly an administrator."
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
    """What blocking or letting in again did."""

    blocked: bool
    sessions_ended: int
