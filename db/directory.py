"""Reads for administrators (``app.core.directory_ports.DirectoryReader``), each by the module of its noun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from app.core.directory import (
    AuditQuery,
    AuditRow,
    ChainHead,
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
)
from app.core.keyring import Keyring
from app.core.ports import Reader
from db import audit_lists, mapping_lists, people_lists, person_cards, role_lists, role_review, session_lists
from db import statistics as numbers
from db.query_cache import QueryCache


class DatabaseDirectory:
    """``DirectoryReader``. Safe from any thread."""

    def __init__(self, queries: QueryCache, reader: Reader, keyring: Keyring) -> None:
        self._queries = queries
        self._reader = reader
        self._keyring = keyring

    def people(self, query: PeopleQuery, now: datetime) -> Slice[PersonRow]:
        """People that match, in the order asked for."""
        return people_lists.people_slice(self._queries, query, now)

    def person_card(self, person: int, now: datetime) -> PersonCard | None:
        """One person by id; None when there is none."""
        return person_cards.person_card(self._queries, person, now)

    def roles(self, now: datetime, *, text: str = "", cursor: str = "", limit: int = 50) -> Slice[RoleRow]:
        """Roles by name, with counts."""
        return role_lists.role_slice(self._queries, now, text=text, after=cursor, limit=limit)

    def role_card(self, role: int, now: datetime) -> RoleCard | None:
        """One role by id; None when there is none."""
        return role_lists.role_card(self._queries, role, now)

    def role_by_name(self, name: str, now: datetime) -> RoleCard | None:
        """One role by its exact name; None when there is none."""
        return role_lists.role_card_named(self._queries, name, now)

    def role_permissions(self, roles: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """Role id → permissions, for at most 50 roles."""
        return role_lists.permissions_of(self._queries, roles)

    def review_role(self, role: int, permissions: frozenset[str], now: datetime) -> RoleReview | None:
        """What giving the role exactly these permissions would do now."""
        return role_review.review_role(self._queries, role, permissions, now)

    def permissions(self, now: datetime, *, text: str = "", cursor: str = "", limit: int = 50) -> Slice[PermissionRow]:
        """The catalogue by name."""
        return role_lists.permission_slice(self._queries, now, text=text, after=cursor, limit=limit)

    def mappings(
        self, *, text: str = "", unmapped: bool = False, own_names: bool = False, cursor: str = "", limit: int = 50
    ) -> Slice[MappingRow]:
        """Token roles that are mapped, or that arrived in tokens."""
        return mapping_lists.mapping_slice(
            self._queries, text=text, unmapped=unmapped, own_names=own_names, after=cursor, limit=limit
        )

    def sessions(
        self,
        now: datetime,
        *,
        person: int | None = None,
        seen_since: datetime | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> Slice[SessionRow]:
        """Live sessions, last used first."""
        return session_lists.session_slice(
            self._queries, now, person=person, seen_since=seen_since, after=cursor, limit=limit
        )

    def audit(self, query: AuditQuery) -> Slice[AuditRow]:
        """Events that match, newest first."""
        return audit_lists.audit_slice(self._queries, query)

    def audit_event(self, seq: int) -> AuditRow | None:
        """One event by its number."""
        return audit_lists.audit_event(self._queries, seq)

    def audit_events(self, query: AuditQuery) -> Iterator[AuditRow]:
        """All events that match, oldest first."""
        return audit_lists.audit_events_of(self._queries, query)

    def chain_head(self) -> ChainHead:
        """A quick look at the audit's end."""
        return audit_lists.chain_head(self._queries, self._keyring)

    def statistics(
        self, now: datetime, *, days: int, seen_since: datetime | None = None, own_names: bool = False
    ) -> Statistics:
        """The installation in numbers."""
        return numbers.statistics(
            self._queries, self._reader, now, days=days, seen_since=seen_since, own_names=own_names
        )

    def guards(self) -> Sequence[GuardRow]:
        """Everything that processes published, by kind and name."""
        return numbers.guard_rows(self._queries)
