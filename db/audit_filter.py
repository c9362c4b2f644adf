"""The filter of an audit query as SQL conditions, and the statements that count events and select a page of them.

Every order is by time and number, so the index of each filtered column returns events in the order of the list. When
several columns are filtered, the statement scans the index of one of them, the *driving column*, and checks the others
on each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)

from app.core.administration_records import MAX_COUNTED
from app.core.audit import Outcome, codes_of
from app.core.audit_rows import AuditQuery
from db.audit_chain import FIELDS
from db.models import audit_events
from db.query_cache import fits
from db.rows import raw_time
from db.times import to_micros

AUDIT_EVENT: Final = (audit_events.c.seq, raw_time(audit_events.c.at), *(audit_events.c[name] for name in FIELDS[2:]))
"""The columns of an event in a list."""
EVENT_TIME: Final = raw_time(audit_events.c.at)
_POSITION: Final = tuple_(EVENT_TIME, audit_events.c.seq)
_MAX_KINDS: Final = 50
_SUCCEEDED: Final = Outcome.SUCCEEDED.value
_OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """An audit query whose texts can be stored; times in microseconds."""

    name: str
    actor: str
    target: str
    kinds: tuple[str, ...]
    outcome: str
    since: int | None
    until: int | None

    @classmethod
    def of(cls, query: AuditQuery) -> AuditFilter | None:
        """The filter of ``query``; None when no event can match it."""
        texts = (query.name, query.actor, query.target, query.outcome, *query.kinds)
        if not all(map(fits, texts)):
            return None
        return cls(
            query.name,
            query.actor,
            query.target,
            tuple(sorted({code for kind in query.kinds for code in codes_of(kind)}))[:_MAX_KINDS],
            query.outcome,
            None if query.since is None else to_micros(query.since),
            None if query.until is None else to_micros(query.until),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Bind parameter → value."""
        texts = {"name": self.name, "actor": self.actor, "target": self.target, "outcome": self.outcome}
        parameters: dict[str, Any] = {name: text for name, text in texts.items() if text}
        parameters |= {f"kind_{number}": kind for number, kind in enumerate(self.kinds)}
        times = {"since": self.since, "until": self.until}
        return parameters | {name: time for name, time in times.items() if time is not None}

    def parameters_of(self, column: str) -> dict[str, Any]:
        """The parameters of a count by one column."""
        prefix = "kind_" if column == "kinds" else column
        return {
            name: value
            for name, value in self.parameters.items()
            if name.startswith(prefix) or name in {"since", "until", "outcome"}
        }

    @property
    def form(self) -> tuple[object, ...]:
        """Equal for two filters whose statements differ in their parameters only."""
        return (
            bool(self.name), bool(self.actor), bool(self.target), len(self.kinds), self._outcome,
            self.since is not None, self.until is not None,
        )  # fmt: skip

    def index_scans(self) -> dict[str, list[list[ColumnElement[bool]]]]:
        """Column with an index → the conditions of each scan of it; no two scans of a column return the same event."""
        scans: dict[str, list[list[ColumnElement[bool]]]] = {}
        if self.actor:
            scans["actor"] = [[_equals("actor", "actor")]]
        if self.target:
            scans["target"] = [[_equals("target", "target")]]
        if self.name:
            scans["name"] = [
                [_equals("actor", "name")],
                [_equals("target", "name"), audit_events.c.actor != _text("name")],
            ]
        if self.kinds:
            scans["kinds"] = [[_equals("kind", f"kind_{number}")] for number in range(len(self.kinds))]
        if self._outcome == _OTHER:  # the partial index holds every event but the successes
            scans["outcome"] = [[_equals("outcome", "outcome"), literal_column("outcome <> 'done'")]]
        return scans

    def scan_counts(self, column: str) -> Select[Any]:
        """How many events the scans of one column return, each counted up to ``MAX_COUNTED``."""
        scans = self.index_scans()[column]
        return _total([select(audit_events.c.seq).where(*scan, *self._unindexed()) for scan in scans])

    def matches_count(self, driving_column: str | None) -> Select[Any]:
        """How many events match, each scan counted up to ``MAX_COUNTED``."""
        return _total([select(audit_events.c.seq).where(*scan) for scan in self._scans(driving_column)])

    def page(self, driving_column: str | None, *, after: bool, newest_first: bool) -> Any:
        """The next ``max_rows`` events: the positions of each scan's next rows, the first of them all, then the rows.

        Args:
            driving_column: The column whose index is scanned; None for all events.
            after: Whether the page follows the position (``at``, ``seq``).
            newest_first: The order.
        """
        position = tuple_(bindparam("at", type_=BigInteger), bindparam("seq", type_=BigInteger))
        max_rows = bindparam("max_rows", type_=BigInteger)
        parts = []
        for conditions in self._scans(driving_column):
            rows = select(EVENT_TIME.label("at"), audit_events.c.seq).where(*conditions)
            if after:
                rows = rows.where(position > _POSITION if newest_first else position < _POSITION)
            order = (EVENT_TIME.desc(), audit_events.c.seq.desc()) if newest_first else (EVENT_TIME, audit_events.c.seq)
            parts.append(rows.order_by(*order).limit(max_rows))
        if len(parts) == 1:
            page = parts[0].subquery()
        else:
            union = union_all(*(select(part.subquery()) for part in parts)).subquery()
            union_order = (union.c.at.desc(), union.c.seq.desc()) if newest_first else (union.c.at, union.c.seq)
            page = select(union.c.at, union.c.seq).order_by(*union_order).limit(max_rows).subquery()
        page_order = (page.c.at.desc(), page.c.seq.desc()) if newest_first else (page.c.at, page.c.seq)
        return (
            select(*AUDIT_EVENT)
            .select_from(page.join(audit_events, audit_events.c.seq == page.c.seq))
            .order_by(*page_order)
        )

    @property
    def _outcome(self) -> str:
        return _OTHER if self.outcome not in {"", _SUCCEEDED} else self.outcome

    def _unindexed(self) -> list[ColumnElement[bool]]:
        """Conditions that choose no index: the period, and the outcome of success, which most events have."""
        conditions = [_equals("outcome", "outcome")] if self._outcome == _SUCCEEDED else []
        if self.since is not None:
            conditions.append(bindparam("since", type_=BigInteger) <= EVENT_TIME)
        if self.until is not None:
            conditions.append(bindparam("until", type_=BigInteger) > EVENT_TIME)
        return conditions

    def _scans(self, driving_column: str | None) -> list[list[ColumnElement[bool]]]:
        """The conditions of each scan of the driving column, with the other columns as filters."""
        scans = [[]] if driving_column is None else self.index_scans()[driving_column]
        return [[*scan, *self._filters(driving_column), *self._unindexed()] for scan in scans]

    def _filters(self, driving_column: str | None) -> list[ColumnElement[bool]]:
        """The conditions of every column but the driving one."""
        conditions: list[ColumnElement[bool]] = []
        for column, scans in self.index_scans().items():
            if column == driving_column:
                continue
            if column == "name":
                conditions.append((audit_events.c.actor == _text("name")) | (audit_events.c.target == _text("name")))
            elif column == "kinds":
                kinds = [_text(f"kind_{number}") for number in range(len(self.kinds))]
                conditions.append(audit_events.c.kind.in_(kinds))
            else:
                conditions += scans[0]
        return conditions


def _text(name: str) -> Any:
    return bindparam(name, type_=Text)


def _equals(column: str, parameter: str) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = audit_events.c[column] == _text(parameter)
    return condition


def _total(statements: list[Select[Any]]) -> Select[Any]:
    """How many rows several statements return together, each counted up to ``MAX_COUNTED``."""
    counts = [
        select(func.count()).select_from(statement.limit(MAX_COUNTED).subquery()).scalar_subquery()
        for statement in statements
    ]
    total: ColumnElement[int] = counts[0]
    for count in counts[1:]:
        total = total + count
    return select(total)
