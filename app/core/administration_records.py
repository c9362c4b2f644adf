"""Values that administration reads: people, roles, mappings, sessions, audit events and guards, as rows and cards.

Plain data; times are aware UTC, ids are the storage's own numbers, versions are opaque texts that differ whenever what
administrators may change of a thing has changed (they become ETags, RFC 9110 §8.8.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeVar

from app.core.audit import SYSTEM
from app.core.policy import Source
from app.core.records import EndReason, Person, Session

T = TypeVar("T")

MAX_COUNTED: Final = 1000
"""Totals are counted up to here, and are "1,000+" beyond: an exact count of a wide match costs more than its page."""
MAX_ROWS: Final = 200
"""Rows of one page of a list at most."""


@dataclass(frozen=True, slots=True)
class RowPage(Generic[T]):
    """One page of a list. ``next`` is the opaque cursor of the following page; None on the last one."""

    rows: tuple[T, ...] = ()
    next: str | None = None
    total: int = 0
    """How many rows match; ``MAX_COUNTED`` where it is that many or more."""

    @property
    def capped(self) -> bool:
        """Whether ``total`` means "that many or more"."""
        return self.total >= MAX_COUNTED


class PersonState(StrEnum):
    """What a person is to this installation now; the first that fits."""

    ERASED = "erased"
    BLOCKED = "blocked"
    PENDING = "pending"  # granted something, or blocked, before a first sign-in
    ACTIVE = "active"


class PeopleSort(StrEnum):
    """The declared orders of the list of people.

    Names that begin with the text come first, and people without a name or time come last, in both directions.
    """

    NAME = "name"
    NAME_DESCENDING = "-name"
    LAST_SEEN = "-last_seen_at"  # newest first
    LAST_SEEN_ASCENDING = "last_seen_at"
    FIRST_SEEN = "-first_seen_at"
    FIRST_SEEN_ASCENDING = "first_seen_at"

    @property
    def by_name(self) -> bool:
        """Whether it is an order by name; the others are by time."""
        return self.value.removeprefix("-") == "name"

    @property
    def descending(self) -> bool:
        """Whether names from Z to A, or the newest time first."""
        return self.value.startswith("-")


class Through(StrEnum):
    """Which grants of a permission the filter of a list of people counts."""

    EFFECTIVE = "effective"  # by a role, by the administrator role, or of the permission itself
    DIRECT = "direct"  # of the permission itself


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    """Filters, order and page of a list of people; an empty member does not filter."""

    text: str = ""
    """Part of the name, e-mail or subject, without regard to case; one or two characters: the beginning of the name."""
    state: PersonState | None = None
    role: str = ""
    """Name of a role that they have now."""
    without_roles: bool = False
    machine: bool | None = None
    permission: str = ""
    """Name of a permission that they can use now: blocked and erased people can use none, and machines none that
    requires a step-up sign-in. Claims of tokens are not stored, so what only they grant does not count."""
    through: Through = Through.EFFECTIVE
    """Which grants of ``permission`` count."""
    source: Source | None = None
    """The source of a role or permission that they have now."""
    seen_after: datetime | None = None
    """Last seen at this time or later."""
    seen_before: datetime | None = None
    """Last seen before this time; people who were never seen do not match."""
    sort: PeopleSort = PeopleSort.NAME
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person in a list."""

    id: int
    person: Person
    state: PersonState
    roles: tuple[str, ...] = ()
    """Names of the roles that they have now, sorted."""


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant that counts now. Exactly one of ``role`` and ``permission`` is set."""

    id: int
    source: Source
    author: str
    granted_at: datetime
    role: str | None = None
    permission: str | None = None
    expires_at: datetime | None = None
    reason: str = ""

    @property
    def automatic(self) -> bool:
        """Whether it comes from the provider's token or ``GATEHOUSE_DEFAULT_ROLE``."""
        return self.source is Source.TOKEN or (self.source is Source.INSTALLATION and self.author == SYSTEM)


@dataclass(frozen=True, slots=True)
class WithheldRow:
    """A role or permission that an administrator withholds from a person: no automatic source grants it.

    Exactly one of ``role`` and ``permission`` is set.
    """

    id: int
    author: str
    withheld_at: datetime
    role: str | None = None
    permission: str | None = None
    reason: str = ""
    from_token: bool = False
    """Whether the last token would grant it."""
    from_default: bool = False
    """Whether ``GATEHOUSE_DEFAULT_ROLE`` would have granted it at the last sign-in."""

    def under(self, default_role: str | None) -> WithheldRow:
        """The same row while ``default_role`` is set: another default role does not grant it."""
        return replace(self, from_default=self.from_default and self.role == default_role)


@dataclass(frozen=True, slots=True)
class PersonCard:
    """All that administrators see of one person."""

    row: PersonRow
    version: str
    """Of block, erasure, what is withheld, and every grant but those of source ``token``."""
    grants: tuple[GrantRow, ...] = ()
    permissions: Mapping[str, tuple[GrantRow, ...]] = field(default_factory=dict)
    """Effective permission → its grants; those of the administrator role stand under every name."""
    token_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Role name of the last token → the local roles it becomes, those included that are withheld from this person.

    Empty where it is not mapped.
    """
    withheld: tuple[WithheldRow, ...] = ()
    counts_as_administrator: bool = False
    """Unblocked, with the administrator role by an endless grant of source ``admin`` or ``policy``."""


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role in a list."""

    id: int
    name: str
    description: str
    built_in: bool
    version: str
    permissions: int
    """How many it includes; for ``administrator`` the whole catalogue."""
    people: int
    """How many have it now, counted up to ``MAX_COUNTED``."""


@dataclass(frozen=True, slots=True)
class RoleCard:
    """A role with what is in it."""

    row: RoleRow
    permissions: frozenset[str] = frozenset()
    token_roles: tuple[str, ...] = ()
    """Token roles that become this one."""


@dataclass(frozen=True, slots=True)
class RoleReview:
    """What a change of a role's permissions would do now. Counts are of people, up to ``MAX_COUNTED``."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    people: int
    """How many have the role."""
    gain: Mapping[str, int]
    """Added permission → how many do not have it yet."""
    lose: Mapping[str, int]
    """Removed permission → how many will no longer have it."""
    other_roles: Mapping[str, tuple[str, ...]]
    """Added or removed permission → other roles by which some of them have it anyway."""
    sessions: int
    """Live sessions of those who gain or lose something."""


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """A permission of the catalogue."""

    name: str
    sentence: str
    by_scope: bool
    roles: int
    """How many roles list it, the administrator role not counted."""
    people: int
    """How many can use it now, as the filter of ``PeopleQuery``, up to ``MAX_COUNTED``."""
    direct_people: int
    """How many of them by a grant of its own, up to ``MAX_COUNTED``."""


@dataclass(frozen=True, slots=True)
class MappingRow:
    """What a token's role becomes here."""

    token_role: str
    version: str
    roles: tuple[tuple[int, str], ...] = ()
    """(id, name) of the local roles; empty where it is not mapped."""
    people: int = 0
    """In how many people's last token it was, up to ``MAX_COUNTED``."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session with its person's id."""

    person_id: int
    session: Session


class GuardKind(StrEnum):
    """What requires a permission."""

    PAGE = "page"
    FUNCTION = "function"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class GuardRow:
    """One place in the code that requires a permission; ``permission`` empty requires only a sign-in."""

    kind: GuardKind
    name: str
    """A page's path, ``module:function``, or ``METHOD /route``."""
    permission: str
    file: str
    """Relative to the project, with forward slashes."""
    line: int
    process: str = ""
    """``app`` or ``api``: the process that published it."""
    version: str = ""
    """Version of the code that published it."""
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that administration ended."""

    ref: str
    reason: EndReason
