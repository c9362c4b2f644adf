"""The effect of a change of a role: who gains and loses permissions, and who has them through another role.

Holders of the role are read in batches, only until every count has reached ``MAX_COUNTED``. When no other role grants
the changed permissions, that is the first batch, however many people hold the role.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, select

from app.core.administration_records import MAX_COUNTED, RoleReview, RoleRow
from app.core.permissions import ADMINISTRATOR
from db.models import grants, role_permissions, roles, sessions
from db.query_cache import QueryCache, holders, live
from db.role_lists import role_card
from db.rows import raw_time
from db.session_liveness import is_live
from db.times import to_micros

_BATCH: Final = 1000
_ROLE: Final = bindparam("role", type_=BigInteger)
_MAX_SESSIONS: Final = 20 * MAX_COUNTED


def review_role(queries: QueryCache, role: int, permissions: frozenset[str], now: datetime) -> RoleReview | None:
    """The effect of granting the role exactly these permissions now; None when there is no such role."""
    card = role_card(queries, role, now)
    if card is None:
        return None
    added, removed = permissions - card.permissions, card.permissions - permissions
    if card.row.name == ADMINISTRATOR:  # is granted the whole catalogue by computation, and cannot be changed
        added = removed = frozenset()
    other_grants = _OtherGrants(queries, role, added | removed, to_micros(now))
    without: Counter[str] = Counter()
    other_roles: dict[str, set[str]] = {}
    for batch in _holders(queries, role, to_micros(now)):
        for name, count in other_grants.count_without(batch, other_roles).items():
            without[name] += count
        if all(without[name] >= MAX_COUNTED for name in added | removed):
            break
    return RoleReview(
        added=tuple(sorted(added)),
        removed=tuple(sorted(removed)),
        people=card.row.people,
        gain={name: min(without[name], MAX_COUNTED) for name in sorted(added)},
        lose={name: min(without[name], MAX_COUNTED) for name in sorted(removed)},
        other_roles={name: tuple(sorted(other_roles[name])) for name in sorted(other_roles)},
        sessions=_sessions(queries, card.row, other_grants, to_micros(now)) if added or removed else 0,
    )


@dataclass(frozen=True, slots=True)
class _OtherGrants:
    """The grants of the changed permissions other than by the role."""

    queries: QueryCache
    role: int
    changed: frozenset[str]
    now: int
    _by_role: dict[int, tuple[str, frozenset[str]]] = field(default_factory=dict)

    def count_without(self, people: Sequence[int], other_roles: dict[str, set[str]]) -> Counter[str]:
        """Changed permission → how many of ``people`` have no other grant of it.

        Args:
            people: Ids.
            other_roles: Permission → the other roles that grant it; extended by this call.
        """
        with_other_grant: Counter[str] = Counter()
        for permissions, roles_by_permission in self._of_people(people).values():
            with_other_grant.update(permissions)
            for name, role_names in roles_by_permission.items():
                other_roles.setdefault(name, set()).update(role_names)
        return Counter({name: len(people) - with_other_grant[name] for name in self.changed})

    def unaffected(self, people: Sequence[int]) -> set[int]:
        """Those of ``people`` who have another grant of every changed permission."""
        of_people = self._of_people(people).items()
        return {person for person, (permissions, _) in of_people if len(permissions) == len(self.changed)}

    def _of_people(self, people: Sequence[int]) -> dict[int, tuple[set[str], dict[str, set[str]]]]:
        """Person → the changed permissions with another grant, and the roles that grant them."""
        if not people:
            return {}
        by_role = self._by_role or self._read()
        of_people: dict[int, tuple[set[str], dict[str, set[str]]]] = {}
        rows = self.queries.rows(
            "other grants of people",
            lambda: select(grants.c.person_id, grants.c.role_id, grants.c.permission).where(
                self.queries.is_any(grants.c.person_id, "ids"), live()
            ),
            ids=self.queries.array(people),
            now=self.now,
        )
        for person, role, permission in rows:
            name, granted = by_role.get(role, ("", frozenset())) if role is not None else ("", frozenset({permission}))
            granted &= self.changed
            if role == self.role or not granted:
                continue
            permissions, roles_by_permission = of_people.setdefault(person, (set(), {}))
            permissions |= granted
            if name:
                for granted_name in granted:
                    roles_by_permission.setdefault(granted_name, set()).add(name)
        return of_people

    def _read(self) -> dict[int, tuple[str, frozenset[str]]]:
        """Role id → its name and the changed permissions that it grants; the administrator role grants all."""
        collected: dict[int, tuple[str, set[str]]] = {}
        rows = self.queries.rows(
            "roles that grant",
            lambda: (
                select(roles.c.id, roles.c.name, role_permissions.c.permission)
                .select_from(roles.join(role_permissions, role_permissions.c.role_id == roles.c.id))
                .where(self.queries.is_any(role_permissions.c.permission, "names", Text))
            ),
            names=self.queries.array(self.changed),
        )
        for number, name, permission in rows:
            collected.setdefault(number, (name, set()))[1].add(permission)
        administrator = select(roles.c.id).where(roles.c.name == ADMINISTRATOR)
        for (number,) in self.queries.rows("administrator role", lambda: administrator):
            collected[number] = (ADMINISTRATOR, set(self.changed))
        self._by_role.update({number: (name, frozenset(names)) for number, (name, names) in collected.items()})
        return self._by_role


def _holders(queries: QueryCache, role: int, now: int) -> Iterator[list[int]]:
    """Ids of the people who hold the role, in batches."""
    last = 0
    while True:
        rows = queries.rows("holders of a role", _batch, role=role, now=now, after=last, max_rows=_BATCH)
        if rows:
            yield [row[0] for row in rows]
        if len(rows) < _BATCH:
            return
        last = rows[-1][0]


def _batch() -> Select[Any]:
    return (
        holders(_ROLE)
        .where(grants.c.person_id > bindparam("after", type_=BigInteger))
        .order_by(grants.c.person_id)
        .limit(bindparam("max_rows", type_=BigInteger))
    )


def _sessions(queries: QueryCache, role: RoleRow, other_grants: _OtherGrants, now: int) -> int:
    """The number of live sessions of people who gain or lose permissions.

    The idle lifetime does not matter: an idle session can be resumed, and then the change applies to it.
    """
    many = role.people >= MAX_COUNTED
    rows = queries.rows(("sessions of a role", many), lambda: _live_sessions(many=many), role=role.id, now=now)
    people = [row[0] for row in rows]
    unaffected: set[int] = set()
    distinct = sorted(set(people))
    for start in range(0, len(distinct), _BATCH):
        unaffected |= other_grants.unaffected(distinct[start : start + _BATCH])
    return min(sum(person not in unaffected for person in people), MAX_COUNTED)


def _live_sessions(*, many: bool) -> Select[Any]:
    """A scan of the live sessions when many people hold the role, else of the holders."""
    of_role = grants.c.role_id == _ROLE
    if many:
        of_holders: ColumnElement[bool] = (
            select(grants.c.id).where(grants.c.person_id == sessions.c.person_id, of_role, live()).exists()
        )
    else:
        of_holders = sessions.c.person_id.in_(select(grants.c.person_id).where(of_role, live()))
    return (
        select(sessions.c.person_id)
        .where(*is_live(bindparam("now", type_=BigInteger), expires_at=raw_time(sessions.c.expires_at)), of_holders)
        .limit(_MAX_SESSIONS)
    )
