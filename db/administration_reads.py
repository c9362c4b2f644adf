"""Reads for administrators (``AdministrationReader`` of ``app.core.administration_ports``), a module for each noun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from app.core.administration_records import (
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
)
from app.core.audit_rows import AuditQuery, AuditRow, ChainHead
from app.core.keyring import Keyring
from app.core.list_orders import MappingSort, RoleSort, SessionSort
from app.core.ports import Reader
from app.core.statistics_records import Statistics
from db import (
    audit_lists,
    mapping_lists,
    people_lists,
    permission_lists,
    person_cards,
    role_lists,
    role_review,
    session_lists,
)
from db import statistics as installation_statistics
from db.query_cache import QueryCache


class AdministrationReads:
    """``AdministrationReader``. Thread-safe."""

    def __init__(self, queries: QueryCache, reader: Reader, keyring: Keyring) -> None:
        self._queries = queries
        self._reader = reader
        self._keyring = keyring

    def people(self, query: PeopleQuery, now: datetime) -> RowPage[PersonRow]:
        """A page of the people that match."""
        return people_lists.people_page(self._queries, query, now)

    def person_card(self, person: int, now: datetime) -> PersonCard | None:
        """The person with this id."""
        return person_cards.person_card(self._queries, person, now)

    def roles(
        self, now: datetime, *, text: str = "", sort: RoleSort = RoleSort.NAME, cursor: str = "", limit: int = 50
    ) -> RowPage[RoleRow]:
        """A page of the roles."""
        return role_lists.role_page(self._queries, now, text=text, sort=sort, after=cursor, limit=limit)

    def role_card(self, role: int, now: datetime) -> RoleCard | None:
        """The role with this id."""
        return role_lists.role_card(self._queries, role, now)

    def role_by_name(self, name: str, now: datetime) -> RoleCard | None:
        """The role with exactly this name."""
        return role_lists.role_card_named(self._queries, name, now)

    def role_permissions(self, roles: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """Role id → permissions, for at most 50 roles."""
        return role_lists.permissions_of(self._queries, roles)

    def review_role(self, role: int, permissions: frozenset[str], now: datetime) -> RoleReview | None:
        """The effect of granting the role exactly these permissions now."""
        return role_review.review_role(self._queries, role, permissions, now)

    def permissions(
        self, now: datetime, *, text: str = "", cursor: str = "", limit: int = 50
    ) -> RowPage[PermissionRow]:
        """A page of the permission catalogue by name."""
        return permission_lists.permission_page(self._queries, now, text=text, after=cursor, limit=limit)

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
        """A page of the token roles that are mapped or were received."""
        return mapping_lists.mapping_page(
            self._queries,
            text=text,
            unmapped=unmapped,
            implicit_role_mapping=implicit_role_mapping,
            sort=sort,
            after=cursor,
            limit=limit,
        )

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
        """A page of live sessions."""
        return session_lists.session_page(
            self._queries, now, text=text, person=person, seen_since=seen_since, sort=sort, after=cursor, limit=limit
        )

    def audit(self, query: AuditQuery) -> RowPage[AuditRow]:
        """A page of the events that match."""
        return audit_lists.audit_page(self._queries, query)

    def audit_event(self, seq: int) -> AuditRow | None:
        """The event with this number."""
        return audit_lists.audit_event(self._queries, seq)

    def audit_events(self, query: AuditQuery) -> Iterator[AuditRow]:
        """All events that match, oldest first."""
        return audit_lists.audit_events_of(self._queries, query)

    def chain_head(self) -> ChainHead:
        """The head of the audit, without a walk along the chain."""
        return audit_lists.chain_head(self._queries, self._keyring)

    def refused_pages(self, since: datetime) -> tuple[tuple[str, int], ...]:
        """The pages with most refusals since a time, with their number."""
        return audit_lists.refused_pages(self._queries, since)

    def statistics(
        self, now: datetime, *, days: int, seen_since: datetime | None = None, implicit_role_mapping: bool = False
    ) -> Statistics:
        """The statistics of the installation."""
        return installation_statistics.statistics(
            self._queries,
            self._reader,
            now,
            days=days,
            seen_since=seen_since,
            implicit_role_mapping=implicit_role_mapping,
        )

    def guards(self) -> Sequence[GuardRow]:
        """The guards that processes published, by kind and name."""
        return installation_statistics.guard_rows(self._queries)
