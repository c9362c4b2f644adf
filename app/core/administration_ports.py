"""Protocols of storage for administration, beyond ``app.core.ports``: reads for lists and cards, and its writes.

As there, each read sees one newest committed state, and all may raise ``StorageUnavailable``. Cursors are opaque; one
of another query raises ``InvalidInput({"cursor": …})``. Storage makes no decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from app.core.administration_records import (
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
    RowPage,
    SessionRow,
    WithheldRow,
)
from app.core.audit_rows import AuditQuery, AuditRow, ChainHead
from app.core.list_orders import MappingSort, RoleSort, SessionSort
from app.core.policy import Grants
from app.core.ports import Reader, Storage, UnitOfWork
from app.core.principal import Subject
from app.core.statistics_records import Statistics


class AdministrationReader(Protocol):
    """Reads for administrators."""

    def people(self, query: PeopleQuery, now: datetime) -> RowPage[PersonRow]:
        """Return the people that match, in the order of the query."""

    def person_card(self, person: int, now: datetime) -> PersonCard | None:
        """One person by id; None when there is none."""

    def roles(
        self, now: datetime, *, text: str = "", sort: RoleSort = RoleSort.NAME, cursor: str = "", limit: int = 50
    ) -> RowPage[RoleRow]:
        """Roles with counts, in the order of ``sort``; ``text``: part of the name."""

    def role_card(self, role: int, now: datetime) -> RoleCard | None:
        """One role by id; None when there is none."""

    def role_by_name(self, name: str, now: datetime) -> RoleCard | None:
        """One role by its exact name; None when there is none."""

    def role_permissions(self, roles: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """Role id → permissions, for at most 50 roles; ``administrator`` has the whole catalogue."""

    def review_role(self, role: int, permissions: frozenset[str], now: datetime) -> RoleReview | None:
        """Return what these permissions of the role would change now; None when there is no such role."""

    def permissions(
        self, now: datetime, *, text: str = "", cursor: str = "", limit: int = 50
    ) -> RowPage[PermissionRow]:
        """The catalogue by name; ``text``: part of the name or sentence."""

    def mappings(
        self,
        *,
        text: str = "",
        unmapped: bool = False,
        implicit_role_mapping: bool = False,
        sort: MappingSort = MappingSort.TOKEN_ROLE,
        cursor: str = "",
        limit: int = 50,
    ) -> RowPage[MappingRow]:
        """Token roles that are mapped, or that arrived in tokens; ``unmapped``: only those that become nothing.

        ``implicit_role_mapping``: whether one that is called as a built-in role becomes that role without a mapping
        (development).
        """

    def sessions(
        self,
        now: datetime,
        *,
        text: str = "",
        person: int | None = None,
        seen_since: datetime | None = None,
        sort: SessionSort = SessionSort.LAST_SEEN,
        cursor: str = "",
        limit: int = 50,
    ) -> RowPage[SessionRow]:
        """Return sessions that are neither ended nor past their absolute lifetime, in the order of ``sort``.

        The caller knows the idle lifetime: only sessions used after ``seen_since`` are returned. ``text`` finds people
        as in ``PeopleQuery``.
        """

    def audit(self, query: AuditQuery) -> RowPage[AuditRow]:
        """Events that match, in the order of the query."""

    def audit_event(self, seq: int) -> AuditRow | None:
        """One event by its number."""

    def audit_events(self, query: AuditQuery) -> Iterator[AuditRow]:
        """All events that match, oldest first, read in batches; ``cursor`` and ``limit`` are ignored."""

    def chain_head(self) -> ChainHead:
        """Return the end of the audit, without verifying the events before it."""

    def refused_pages(self, since: datetime) -> tuple[tuple[str, int], ...]:
        """Return the pages with most refusals since a time, with their number among the last refusals."""

    def statistics(
        self, now: datetime, *, days: int, seen_since: datetime | None = None, implicit_role_mapping: bool = False
    ) -> Statistics:
        """The installation in numbers, with usage of the last ``days`` days; sessions used after ``seen_since``.

        ``implicit_role_mapping`` as in ``mappings``.
        """

    def guards(self) -> Sequence[GuardRow]:
        """Everything that processes published, by kind and name."""


class AdministrationUnit(UnitOfWork, Protocol):
    """The writes of administration, beside those of ``UnitOfWork``; its reads see this unit's own state.

    A write increases the policy version whenever it changes rights.
    """

    def person_by_id(self, person: int) -> tuple[PersonRow, str] | None:
        """The row of a person (without roles) and the version of their card; None when there is none."""

    def person_card(self, person: int, now: datetime) -> PersonCard | None:
        """As ``AdministrationReader.person_card``, inside this unit."""

    def person_of(self, subject: Subject) -> PersonRow | None:
        """The row of a subject (without roles); None when it is not known."""

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
        """Delete the person's automatic grants of the role or permission of ``grant``, and withhold it from then on.

        ``from_default``: it is the default role, whether or not that was granted yet.
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
        """As ``AdministrationReader.role_card``, inside this unit."""

    def role_named(self, name: str, now: datetime) -> RoleCard | None:
        """A role whose name is the same but for case, spacing and look-alikes."""

    def add_role(self, name: str, description: str, permissions: frozenset[str]) -> int:
        """Create a role and return its id.

        Raises:
            NotFound: for an unknown permission.
            NameTaken: if another role has the name.
        """

    def change_role(self, role: int, *, name: str, description: str, permissions: frozenset[str]) -> None:
        """Set everything of a role, which changes its version. Raises the errors of ``add_role``."""

    def move_role(self, role: int, replacement: int | None, *, by: str, reason: str, now: datetime) -> int:
        """Replace ``role`` by ``replacement`` in every grant of source admin, policy or request.

        Without a replacement its people lose it. Mappings and withheld rows move to ``replacement`` too: where an
        administrator withholds one of the two roles, no automatic source grants the replacement.

        Returns:
            How many people were moved.
        """

    def delete_role(self, role: int) -> None:
        """Delete a role, its mappings and its grants of source ``token``.

        Raises:
            RoleInUse: if it has other grants.
        """

    def mapping(self, token_role: str) -> MappingRow:
        """Return the mapping of a token role; without local roles if it is not mapped."""

    def set_mapping(self, token_role: str, roles: frozenset[int], now: datetime, *, implicit_role_mapping: bool) -> int:
        """Map a token role to exactly these roles, and recompute the token grants of everyone whose last token had it.

        Returns how many people's grants changed. ``implicit_role_mapping`` as in ``UnitOfWork.sync_token_rights``.
        """

    def erase_person(self, person: int, now: datetime) -> None:
        """Delete name, e-mail and picture, all grants and token roles, and browser and address of the sessions.

        The subject stays, because the audit names it, and so do its withheld rows, without their reason. A new sign-in
        stores the profile again.
        """

    def publish_guards(self, process: str, version: str, guards: Sequence[GuardRow], now: datetime) -> None:
        """Replace the guards that ``process`` published."""


class AdministrationStorage(Storage, Protocol):
    """Storage that administration can use."""

    @property
    def read(self) -> Reader:
        """Reads outside of a unit of work."""

    @property
    def administration(self) -> AdministrationReader:
        """Reads for administrators."""

    def unit_of_work(self) -> AbstractContextManager[AdministrationUnit]:
        """Open a unit of work; leaving the block without ``commit`` rolls back."""
