"""Calls about people: finding them, one person's card, adding, blocking, erasing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app import access
from app.admin.api.responses import Name, Page, asked, read, read_page
from app.api_client import ApiResponse, call, path
from app.core.audit import subject_name
from app.core.directory import PeopleSort, PersonState
from app.core.permissions import Permission
from app.core.policy import Source
from app.core.principal import Subject


@dataclass(frozen=True, slots=True)
class Person:
    """A person in a list."""

    id: int
    subject: Name
    name: str
    email: str
    email_verified: bool
    picture: str
    state: PersonState
    machine: bool
    first_seen_at: datetime | None
    """None before a first sign-in."""
    last_seen_at: datetime | None
    roles: tuple[str, ...]

    @property
    def shown_name(self) -> str:
        """What to call them: name, else e-mail, else how the provider names them."""
        return self.name or self.email or self.subject.subject

    @property
    def audit_name(self) -> str:
        """As the audit names them: ``subject at issuer``."""
        return subject_name(Subject(self.subject.issuer, self.subject.subject))


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant that counts now; exactly one of ``role`` and ``permission`` is set."""

    id: int
    role: str | None
    permission: str | None
    source: Source
    automatic: bool
    """Whether the provider's token or ``GATEHOUSE_DEFAULT_ROLE`` gave it: revoking it withholds it."""
    by: str
    since: datetime
    until: datetime | None
    reason: str

    @property
    def what(self) -> str:
        """Name of the role or permission."""
        return self.role or self.permission or ""


@dataclass(frozen=True, slots=True)
class Withheld:
    """What an administrator withholds from somebody; exactly one of ``role`` and ``permission`` is set."""

    id: int
    role: str | None
    permission: str | None
    by: str
    since: datetime
    reason: str
    from_token: bool
    from_default_role: bool

    @property
    def what(self) -> str:
        """Name of the role or permission."""
        return self.role or self.permission or ""


@dataclass(frozen=True, slots=True)
class Effective:
    """A permission somebody has, and the ids of the grants that give it."""

    name: str
    sentence: str
    grants: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TokenRole:
    """A role of the last token, and the local roles it becomes; none where it is mapped nowhere."""

    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card(Person):
    """All that administrators see of one person; ``version`` is what a change must name."""

    grants: tuple[Grant, ...]
    withheld: tuple[Withheld, ...]
    permissions: tuple[Effective, ...]
    token_roles: tuple[TokenRole, ...]
    counts_as_administrator: bool
    version: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """What became of blocking or unblocking."""

    blocked: bool
    sessions_ended: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Which people are asked for; empty members ask for nothing."""

    text: str = ""
    state: PersonState | None = None
    role: str = ""
    without_roles: bool = False
    machine: bool | None = None
    sort: PeopleSort = PeopleSort.NAME


@access.requires(Permission.READ_PEOPLE)
def people(wanted: Asked, *, cursor: str = "", limit: int = 25) -> Page[Person]:
    """People that match."""
    machine = None if wanted.machine is None else str(wanted.machine).lower()
    params = asked(
        q=wanted.text,
        state=wanted.state.value if wanted.state else None,
        role=wanted.role,
        without_roles=wanted.without_roles,
        machine=machine,
        sort=wanted.sort.value,
        cursor=cursor,
        limit=limit,
    )
    return read_page(call("GET", path("people"), params=params), "people", Person)


@access.requires(Permission.READ_PEOPLE)
def person(person_id: int) -> Card:
    """One person's card; raises ``NotFound``."""
    return read(call("GET", path("people", person_id)), Card)


@access.requires(Permission.MANAGE_GRANTS)
def add_person(subject: str, *, issuer: str = "", reason: str) -> tuple[Person, bool]:
    """Make somebody known before a first sign-in; also whether that was new. ``issuer`` empty: the configured one."""
    body = {"subject": subject, "reason": reason} | ({"issuer": issuer} if issuer else {})
    answer = call("POST", path("people"), body=body)
    return read(answer, Person), answer.status == _CREATED


@access.requires(Permission.BLOCK_PEOPLE)
def set_blocked(person_id: int, *, blocked: bool, reason: str, version: str) -> Blocked:
    """Block somebody, which ends their sessions, or let them in again. Raises ``StaleVersion``."""
    body = {"blocked": blocked, "reason": reason}
    return read(call("PUT", path("people", person_id, "block"), body=body, version=version), Blocked)


@access.requires(Permission.ERASE_PEOPLE)
def erase(person_id: int, *, reason: str, version: str) -> None:
    """Remove what is known of somebody, for good. Raises ``StaleVersion``."""
    call("POST", path("people", person_id, "erasure"), body={"reason": reason}, version=version).nothing()


def card_of(answer: ApiResponse) -> Card:
    """The card in an answer to a change."""
    return read(answer, Card)


_CREATED = 201
