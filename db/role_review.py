"""What a change of a role would do: who gains, who loses, and who has it by another role anyway.

Holders are gone through a thousand at a time, and only until every number has reached ``MOST_COUNTED``: where nobody
has a permission otherwise, that is the first thousand, however many hold the role.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, select

from app.core.directory import MOST_COUNTED, RoleReview, RoleRow
from app.core.permissions import ADMINISTRATOR
from db.models import grants, role_permissions, roles, sessions
from db.query_cache import QueryCache, holders, live
from db.role_lists import role_card
from db.rows import raw_time
from db.session_liveness import is_live
from db.times import to_micros

_BATCH: Final = 1000
_ROLE: Final = bindparam("role", type_=BigInteger)
_MOST_SESSIONS_LOOKED_AT: Final = 20 * MOST_COUNTED


def review_role(queries: QueryCache, role: int, permissions: frozenset[str], now: datetime) -> RoleReview | None:
    """What giving the role exactly these permissions would do now; None when there is no such role."""
    card = role_card(queries, role, now)
    if card is None:
        return None
    added, removed = permissions - card.permissions, card.permissions - permissions
    if card.row.name == ADMINISTRATOR:  # holds the whole catalogue by computation, and cannot be changed
        added = removed = frozenset()
    others = _Others(queries, role, added | removed, to_micros(now))
    lacking: Counter[str] = Counter()
    helped: dict[str, set[str]] = {}
    for batch in _holders(queries, role, to_micros(now)):
        for name, count in others.lacking(batch, helped).items():
            lacking[name] += count
        if all(lacking[name] >= MOST_COUNTED for name in added | removed):
            break
    return RoleReview(
        added=tuple(sorted(added)),
        removed=tuple(sorted(removed)),
        people=card.row.people,
        gain={name: min(lacking[name], MOST_COUNTED) for name in sorted(added)},
        lose={name: min(lacking[name], MOST_COUNTED) for name in sorted(removed)},
        other_roles={name: tuple(sorted(helped[name])) for name in sorted(helped)},
        sessions=_sessions(queries, card.row, others, to_micros(now)) if added or removed else 0,
    )


@dataclass(frozen=True, slots=True)
class _Others:
    """By what else the changed permissions are held."""

    queries: QueryCache
    role: int
    changed: frozenset[str]
    now: int
    _given: dict[int, tuple[str, frozenset[str]]] = field(default_factory=dict)

    def lacking(self, people: Sequence[int], helped: dict[str, set[str]]) -> Counter[str]:
        """Changed permission → how many of ``people`` have it by nothing else; notes in ``helped`` which roles do."""
        having: Counter[str] = Counter()
        for held, by in self._held(people).values():
            having.update(held)
            for name in by:
                helped.setdefault(name, set()).update(by[name])
        return Counter({name: len(people) - having[name] for name in self.changed})

    def unaffected(self, people: Sequence[int]) -> set[int]:
        """Those of ``people`` who have every changed permission by something else."""
        return {one for one, (held, _) in self._held(people).items() if len(held) == len(self.changed)}

    def _held(self, people: Sequence[int]) -> dict[int, tuple[set[str], dict[str, set[str]]]]:
        """Person → the changed permissions held by something else, and by which roles."""
        if not people:
            return {}
        given = self._given or self._read()
        found: dict[int, tuple[set[str], dict[str, set[str]]]] = {}
        rows = self.queries.rows(
            "other grants of people",
            lambda: select(grants.c.person_id, grants.c.role_id, grants.c.permission).where(
                self.queries.is_any(grants.c.person_id, "ids"), live()
            ),
            ids=self.queries.array(people),
            now=self.now,
        )
        for person, role, permission in rows:
            name, gives = given.get(role, ("", frozenset())) if role is not None else ("", frozenset({permission}))
            gives &= self.changed
            if role == self.role or not gives:
                continue
            held, by = found.setdefault(person, (set(), {}))
            held |= gives
            if name:
                for one in gives:
                    by.setdefault(one, set()).add(name)
        return found

    def _read(self) -> dict[int, tuple[str, frozenset[str]]]:
        """Other role → its name, and which of the changed permissions it gives; the administrator role all."""
        collected: dict[int, tuple[str, set[str]]] = {}
        rows = self.queries.rows(
            "roles that give",
            lambda: (
                select(roles.c.id, roles.c.name, role_permissions.c.permission)
                .select_from(roles.join(role_permissions, role_permissions.c.role_id == roles.c.id))
                .where(self.queries.is_any(role_permissions.c.permission, "names", Text))
            ),
            names=self.queries.array(self.changed),
        )
        for number, name, permission in rows:
            collected.setdefault(number, (name, set()))[1].add(permission)
        every = select(roles.c.id).where(roles.c.name == ADMINISTRATOR)
        for (number,) in self.queries.rows("administrator role", lambda: every):
            collected[number] = (ADMINISTRATOR, set(self.changed))
        self._given.update({number: (name, frozenset(some)) for number, (name, some) in collected.items()})
        return self._given


def _holders(queries: QueryCache, role: int, now: int) -> Iterator[list[int]]:
    """Ids of who hold the role, in batches."""
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


def _sessions(queries: QueryCache, role: RoleRow, others: _Others, now: int) -> int:
    """How many live sessions those have who gain or lose something.

    The idle lifetime is left out: an idle session can be resumed, and then has the change too.
    """
    many = role.people >= MOST_COUNTED
    rows = queries.rows(("sessions of a role", many), lambda: _live_sessions(many=many), role=role.id, now=now)
    people = [row[0] for row in rows]
    without: set[int] = set()
    distinct = sorted(set(people))
    for start in range(0, len(distinct), _BATCH):
        without |= others.unaffected(distinct[start : start + _BATCH])
    return min(sum(person not in without for person in people), MOST_COUNTED)


def _live_sessions(*, many: bool) -> Select[Any]:
    """Where many hold the role, the sessions are gone through, else the holders."""
    of_role = grants.c.role_id == _ROLE
    if many:
        theirs: ColumnElement[bool] = (
            select(grants.c.id).where(grants.c.person_id == sessions.c.person_id, of_role, live()).exists()
        )
    else:
        theirs = sessions.c.person_id.in_(select(grants.c.person_id).where(of_role, live()))
    return (
        select(sessions.c.person_id)
        .where(*is_live(bindparam("now", type_=BigInteger), expires_at=raw_time(sessions.c.expires_at)), theirs)
        .limit(_MOST_SESSIONS_LOOKED_AT)
    )
