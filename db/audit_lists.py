"""Reading the audit: newest first by page, or all that match, oldest first, in batches; and a quick look at its end.

Every order is by time and number, so that one index for each column that can be asked for gives rows in the list's
own order. Where several columns are asked for, the one with the fewest events is gone through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
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

from app.core.audit import Outcome, codes_of
from app.core.directory import MOST_COUNTED, AuditQuery, AuditRow, ChainHead, Slice
from app.core.keyring import Keyring
from db.audit import FIELDS, head_is_sealed
from db.cursors import Place, cursor, place_of
from db.models import audit_events, audit_head, audit_retention
from db.query_cache import QueryCache, fits, page_size
from db.rows import raw_time
from db.statement import Row
from db.times import from_micros, to_micros

_BATCH: Final = 1000
_MOST_KINDS: Final = 50
_DONE: Final = Outcome.DONE.value
_OTHER: Final = "other"
_EVENT: Final = (audit_events.c.seq, raw_time(audit_events.c.at), *(audit_events.c[name] for name in FIELDS[2:]))
_AT: Final = raw_time(audit_events.c.at)
_HERE: Final = tuple_(_AT, audit_events.c.seq)


def audit_slice(queries: QueryCache, query: AuditQuery) -> Slice[AuditRow]:
    """Events that match, newest first."""
    asked = _Asked.of(query)
    if asked is None:
        return Slice()
    place = place_of(query.cursor, asked, int, int)
    size = page_size(query.limit)
    narrow = _narrowest(queries, asked)
    total = _count(queries, asked, narrow)
    rows = _page(queries, asked, narrow, place, size + 1, newest_first=True)
    shown = rows[:size]
    return Slice(
        rows=tuple(map(audit_row, shown)),
        next=cursor(asked, (shown[-1][1], shown[-1][0])) if len(rows) > size else None,
        total=total,
    )


def audit_events_of(queries: QueryCache, query: AuditQuery) -> Iterator[AuditRow]:
    """All events that match, oldest first."""
    asked = _Asked.of(query)
    if asked is None:
        return
    narrow = _narrowest(queries, asked)
    place: Place | None = None
    while True:
        rows = _page(queries, asked, narrow, place, _BATCH, newest_first=False)
        yield from map(audit_row, rows)
        if len(rows) < _BATCH:
            return
        place = (rows[-1][1], rows[-1][0])


def audit_event(queries: QueryCache, seq: int) -> AuditRow | None:
    """One event by its number."""
    rows = queries.rows(
        "audit event", lambda: select(*_EVENT).where(audit_events.c.seq == bindparam("seq", type_=BigInteger)), seq=seq
    )
    return audit_row(rows[0]) if rows else None


def chain_head(queries: QueryCache, keyring: Keyring) -> ChainHead:
    """A quick look at the audit's end."""
    boundary = queries.number("retention boundary", lambda: select(func.coalesce(func.max(audit_retention.c.seq), 0)))
    rows = queries.rows("audit head", _head)
    if not rows:
        return ChainHead(0, None, sealed=False, boundary_seq=boundary)
    seq, mac, seal, newest = rows[0]
    last = queries.rows(
        "event time", lambda: select(_AT).where(audit_events.c.seq == bindparam("seq", type_=BigInteger)), seq=seq
    )
    return ChainHead(
        seq=seq,
        last_at=from_micros(last[0][0]) if last else None,
        sealed=head_is_sealed(keyring, seq, mac, seal) and max(newest or 0, boundary) == seq,
        boundary_seq=boundary,
    )


def audit_row(row: Row) -> AuditRow:
    """The event of its stored columns."""
    seq, at, kind, outcome, actor, target, reason, correlation_id, address, details = row
    try:
        said = json.loads(details)
    except ValueError:  # changed by somebody else: the chain says so, a list must not fail
        said = {}
    return AuditRow(
        seq, from_micros(at), kind, outcome, actor, target, reason, correlation_id, address,
        said if isinstance(said, dict) else {},
    )  # fmt: skip


def _head() -> Select[Any]:
    newest = select(func.max(audit_events.c.seq)).scalar_subquery()
    return select(audit_head.c.seq, audit_head.c.mac, audit_head.c.seal, newest)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, with texts that can be there."""

    name: str
    actor: str
    target: str
    kinds: tuple[str, ...]
    outcome: str
    since: int | None
    until: int | None

    @classmethod
    def of(cls, query: AuditQuery) -> _Asked | None:
        """None when nothing can match."""
        texts = (query.name, query.actor, query.target, query.outcome, *query.kinds)
        if not all(map(fits, texts)):
            return None
        return cls(
            query.name,
            query.actor,
            query.target,
            tuple(sorted({code for kind in query.kinds for code in codes_of(kind)}))[:_MOST_KINDS],
            query.outcome,
            None if query.since is None else to_micros(query.since),
            None if query.until is None else to_micros(query.until),
        )

    @property
    def given(self) -> dict[str, Any]:
        """Values by name."""
        texts = {"name": self.name, "actor": self.actor, "target": self.target, "outcome": self.outcome}
        given: dict[str, Any] = {name: text for name, text in texts.items() if text}
        given |= {f"kind_{number}": kind for number, kind in enumerate(self.kinds)}
        times = {"since": self.since, "until": self.until}
        return given | {name: time for name, time in times.items() if time is not None}

    @property
    def form(self) -> tuple[object, ...]:
        """What makes two statements the same but for their values."""
        return (
            bool(self.name), bool(self.actor), bool(self.target), len(self.kinds), self._outcome,
            self.since is not None, self.until is not None,
        )  # fmt: skip

    def ways(self) -> dict[str, list[list[ColumnElement[bool]]]]:
        """What can be gone through: column → alternatives that have no event in common, each in an index's order."""
        found: dict[str, list[list[ColumnElement[bool]]]] = {}
        if self.actor:
            found["actor"] = [[_is("actor", "actor")]]
        if self.target:
            found["target"] = [[_is("target", "target")]]
        if self.name:
            found["name"] = [[_is("actor", "name")], [_is("target", "name"), audit_events.c.actor != _text("name")]]
        if self.kinds:
            found["kinds"] = [[_is("kind", f"kind_{number}")] for number in range(len(self.kinds))]
        if self._outcome == _OTHER:  # what the index of everything but successes is made for
            found["outcome"] = [[_is("outcome", "outcome"), literal_column("outcome <> 'done'")]]
        return found

    @property
    def _outcome(self) -> str:
        return _OTHER if self.outcome not in {"", _DONE} else self.outcome

    def rest(self) -> list[ColumnElement[bool]]:
        """From when to when, and successes, which are most of all there is."""
        found = [_is("outcome", "outcome")] if self._outcome == _DONE else []
        if self.since is not None:
            found.append(bindparam("since", type_=BigInteger) <= _AT)
        if self.until is not None:
            found.append(bindparam("until", type_=BigInteger) > _AT)
        return found


def _text(name: str) -> Any:
    return bindparam(name, type_=Text)


def _is(column: str, name: str) -> ColumnElement[bool]:
    matches: ColumnElement[bool] = audit_events.c[column] == _text(name)
    return matches


def _narrowest(queries: QueryCache, asked: _Asked) -> str | None:
    """The column to go through; None for all events in their order."""
    ways = asked.ways()
    if len(ways) < 2:  # noqa: PLR2004 - nothing to choose from
        return next(iter(ways), None)
    best, least = None, MOST_COUNTED
    for column, alternatives in ways.items():
        count = queries.number(
            ("audit way", column, *asked.form),
            partial(_sum, [select(audit_events.c.seq).where(*one, *asked.rest()) for one in alternatives]),
            **_needed(asked, column),
        )
        if count < least:
            best, least = column, count
    if best is None:  # all are frequent: people and targets tell events apart best
        return next(column for column in ("name", "actor", "target", "kinds", "outcome") if column in ways)
    return best


def _needed(asked: _Asked, column: str) -> dict[str, Any]:
    prefix = "kind_" if column == "kinds" else column
    return {
        name: value
        for name, value in asked.given.items()
        if name.startswith(prefix) or name in {"since", "until", "outcome"}
    }


def _conditions(asked: _Asked, alternative: list[ColumnElement[bool]], narrow: str | None) -> list[ColumnElement[bool]]:
    """One alternative of the way gone through, and everything else as filters."""
    rest: list[ColumnElement[bool]] = []
    for column, others in asked.ways().items():
        if column == narrow:
            continue
        if column == "name":
            rest.append((audit_events.c.actor == _text("name")) | (audit_events.c.target == _text("name")))
        elif column == "kinds":
            rest.append(audit_events.c.kind.in_([_text(f"kind_{number}") for number in range(len(asked.kinds))]))
        else:
            rest += others[0]
    return [*alternative, *rest, *asked.rest()]


def _alternatives(asked: _Asked, narrow: str | None) -> list[list[ColumnElement[bool]]]:
    ways = [[]] if narrow is None else asked.ways()[narrow]
    return [_conditions(asked, way, narrow) for way in ways]


def _sum(selects: list[Select[Any]]) -> Select[Any]:
    """How many rows several selects have together, counting up to ``MOST_COUNTED`` of each."""
    counts = [select(func.count()).select_from(one.limit(MOST_COUNTED).subquery()).scalar_subquery() for one in selects]
    total: ColumnElement[int] = counts[0]
    for one in counts[1:]:
        total = total + one
    return select(total)


def _count(queries: QueryCache, asked: _Asked, narrow: str | None) -> int:
    count = queries.number(
        ("audit counted", narrow, *asked.form),
        lambda: _sum([select(audit_events.c.seq).where(*one) for one in _alternatives(asked, narrow)]),
        **asked.given,
    )
    return min(count, MOST_COUNTED)


def _page(
    queries: QueryCache, asked: _Asked, narrow: str | None, place: Place | None, most: int, *, newest_first: bool
) -> list[Row]:
    return queries.rows(
        ("audit page", narrow, *asked.form, place is not None, newest_first),
        lambda: _page_query(asked, narrow, after=place is not None, newest_first=newest_first),
        **asked.given,
        **({"at": place[0], "seq": place[1]} if place is not None else {}),
        most=most,
    )


def _page_query(asked: _Asked, narrow: str | None, *, after: bool, newest_first: bool) -> Any:
    """The places of each alternative's next rows, the first of them all, and then the rows."""
    there = tuple_(bindparam("at", type_=BigInteger), bindparam("seq", type_=BigInteger))
    most = bindparam("most", type_=BigInteger)
    parts = []
    for conditions in _alternatives(asked, narrow):
        rows = select(_AT.label("at"), audit_events.c.seq).where(*conditions)
        if after:
            rows = rows.where(there > _HERE if newest_first else there < _HERE)
        order = (_AT.desc(), audit_events.c.seq.desc()) if newest_first else (_AT, audit_events.c.seq)
        parts.append(rows.order_by(*order).limit(most))
    if len(parts) == 1:
        places = parts[0].subquery()
    else:
        both = union_all(*(select(part.subquery()) for part in parts)).subquery()
        ordered = (both.c.at.desc(), both.c.seq.desc()) if newest_first else (both.c.at, both.c.seq)
        places = select(both.c.at, both.c.seq).order_by(*ordered).limit(most).subquery()
    final = (places.c.at.desc(), places.c.seq.desc()) if newest_first else (places.c.at, places.c.seq)
    return select(*_EVENT).select_from(places.join(audit_events, audit_events.c.seq == places.c.seq)).order_by(*final)
