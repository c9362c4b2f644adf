"""What administration asks of storage beyond ``app.core.ports``: reads for lists and cards, and its writes.

As there: each read is one look at the newest committed state; all may raise ``StorageUnavailable``. Cursors are opaque;
one that was not made for the same query is ``InvalidInput({"cursor": …})``. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from app.core.audit_rows import AuditQuery, AuditRow, ChainHead
from app.core.directory import (
    GrantRow,
    GuardRow,
    MappingRow,
    PeopleQuery,
    PermissionRow,
    PersonCard,
    PersonRow,
    RoleCard,
    RoleReview,
    RoleRow,
    SessionRow,
    Slice,
    Statistics,
    WithheldRow,
)
from app.core.policy import Grants
from app.core.ports import Reader, Storage, UnitOfWork
from app.core.principal import Subject


class DirectoryReader(Protocol):
    """Reads for administrators."""

    def people(self, query: PeopleQuery, now: datetime) -> Slice[PersonRow]:
        """People that match, in the order asked for."""

    def person_card(self, person: int, now: datetime) -> PersonCard | None:
        """One person by id; None when there is none."""

    def roles(self, now: datetime, *, text: str = "", cursor: str = "", limit: int = 50) -> Slice[RoleRow]:
        """Roles by name, with counts; ``text``: part of the name."""

    def role_card(self, role: int, now: datetime) -> RoleCard | None:
        """One role by id; None when there is none."""

    def role_by_name(self, name: str, now: datetime) -> RoleCard | None:
        """One role by its exact name; None when there is none."""

    def role_permissions(self, roles: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """Role id → permissions, for at most 50 roles; ``administrator`` has the whole catalogue."""

    def review_role(self, role: int, permissions: frozenset[str], now: datetime) -> RoleReview | None:
        """What giving the role exactly these permissions would do now; None when there is no such role."""

    def permissions(self, now: datetime, *, text: str = "", cursor: str = "", limit: int = 50) -> Slice[PermissionRow]:
        """The catalogue by name; ``text``: part of the name or sentence."""

    def mappings(
        self, *, text: str = "", unmapped: bool = False, own_names: bool = False, cursor: str = "", limit: int = 50
    ) -> Slice[MappingRow]:
        """Token roles that are mapped, or that arrived in tokens; ``unmapped``: only those that become nothing.

        ``own_names``: whether one that is called as a built-in role becomes that role without a mapping (development).
        """

    def sessions(
        self,
        now: datetime,
        *,
        person: int | None = None,
        seen_since: datetime | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> Slice[SessionRow]:
        """Sessions neither ended nor past their absolute limit, last used first.

        The idle limit is the caller's: only those used after ``seen_since`` are given.
        """

    def audit(self, query: AuditQuery) -> Slice[AuditRow]:
        """Events that match, newest first (by time, then number)."""

    def audit_event(self, seq: int) -> AuditRow | None:
        """One event by its number."""

    def audit_events(self, query: AuditQuery) -> Iterator[AuditRow]:
        """All events that match, oldest first, read in batches; ``cursor`` and ``limit`` are not looked at."""

    def chain_head(self) -> ChainHead:
        """A quick look at the audit's end."""

    def statistics(
        self, now: datetime, *, days: int, seen_since: datetime | None = None, own_names: bool = False
    ) -> Statistics:
        """The installation in numbers, with usage of the last ``days`` days; sessions used after ``seen_since``.

        ``own_names`` as in ``mappings``.
        """

    def guards(self) -> Sequence[GuardRow]:
        """Everything that processes published, by kind and name."""


class DirectoryUnit(UnitOfWork, Protocol):
    """The writes of administration, beside those of ``UnitOfWork``; its reads see this unit's own state.

    A write moves the policy version whenever it changes what anybody may do.
    """

    def person_by_id(self, person: int) -> tuple[PersonRow, str] | None:
        """The row of a person (roles left out) and the version of their card; None when there is none."""

    def person_card(self, person: int, now: datetime) -> PersonCard | None:
        """As ``DirectoryReader.person_card``, inside this unit."""

    def person_of(self, subject: Subject) -> PersonRow | None:
        """The row of a subject (roles left out); None when it is not known."""

    def person_id(self, subject: Subject) -> int:
        """The id of a subject, which becomes known by this (pending) where it was not. May raise ``InvalidInput``."""

    def token_roles_of(self, subject: Subject) -> frozenset[str]:
        """Role names of the subject's last token."""

    def catalogue(self) -> frozenset[str]:
        """Names of all permissions."""

    def grants_of(self, subject: Subject, now: datetime) -> Grants:
        """As ``Reader.grants``, inside this unit."""

    def grant_row(self, person: int, grant: int) -> GrantRow | None:
        """One grant of a person; None when it is not theirs or gone."""

    def delete_grant(self, grant: int) -> bool:
        """Remove a grant by id; True when it was there."""

    def withhold_grant(
        self, person: int, grant: GrantRow, *, by: str, reason: str, from_default: bool, now: datetime
    ) -> None:
        """Remove the person's automatic grants of what ``grant`` gives, and let no automatic source give it again.

        ``from_default``: the default role is what it gives, whether or not it was given yet.
        """

    def withheld_row(self, person: int, withheld: int) -> WithheldRow | None:
        """Something that is withheld from a person; None when it is not theirs or gone."""

    def release_withheld(self, withheld: int, *, is_default: bool, now: datetime) -> bool:
        """Remove a withholding, and grant again what its automatic sources give; False: there was none.

        ``is_default``: what is withheld is the default role now, and was not just so at the last sign-in.
        """

    def withheld_permissions(self, subject: Subject) -> frozenset[str]:
        """Single permissions withheld from the subject."""

    def role_for_change(self, role: int, now: datetime) -> RoleCard | None:
        """As ``DirectoryReader.role_card``, inside this unit."""

    def role_named(self, name: str, now: datetime) -> RoleCard | None:
        """A role whose name is the same but for case, spacing and look-alikes."""

    def add_role(self, name: str, description: str, permissions: frozenset[str]) -> int:
        """Make a role; returns its id. Raises ``NotFound`` for an unknown permission, and ``NameTaken``."""

    def change_role(self, role: int, *, name: str, description: str, permissions: frozenset[str]) -> None:
        """Set everything of a role and move its version. Raises as ``add_role``."""

    def move_role(self, role: int, to: int | None, *, by: str, reason: str, now: datetime) -> int:
        """Give everyone who holds ``role`` by a grant of source admin, policy or request the role ``to`` instead.

        ``to`` None: nothing. Mappings go to ``to`` too, and so does what is withheld: an automatic grant of ``role`` or
        ``to`` becomes none where an administrator withholds it. Returns how many people were moved.
        """

    def delete_role(self, role: int) -> None:
        """Delete a role, its mappings and its grants of source ``token``. Raises ``RoleInUse`` when others are left."""

    def mapping(self, token_role: str) -> MappingRow:
        """What a token role becomes now, mapped or not."""

    def set_mapping(self, token_role: str, roles: frozenset[int], now: datetime, *, map_own_names: bool) -> int:
        """Map a token role to exactly these roles, and recompute the token grants of everyone whose last token had it.

        Returns how many people's grants changed. ``map_own_names`` as in ``UnitOfWork.sync_token_rights``.
        """

    def erase_person(self, person: int, now: datetime) -> None:
        """Remove name, e-mail and picture, all grants, token roles, and what sessions say of browser and address.

        The subject stays, because the audit names it, and so does what is withheld from it, without the reason.
        Somebody who signs in again is known again.
        """

    def publish_guards(self, process: str, version: str, guards: Sequence[GuardRow], now: datetime) -> None:
        """Replace what ``process`` published by these."""


class DirectoryStorage(Storage, Protocol):
    """Storage that administration can use."""

    @property
    def read(self) -> Reader:
        """Reads that stand alone."""

    @property
    def directory(self) -> DirectoryReader:
        """Reads for administrators."""

    def unit_of_work(self) -> AbstractContextManager[DirectoryUnit]:
        """Open a unit of work; leaving the block without ``commit`` rolls back."""
