"""Reads of the audit: a page of a list, an export of all matches, which is oldest first, and the state of its head."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Text, bindparam, func, select

from app.core.administration_records import MAX_COUNTED, RowPage
from app.core.audit import AuditKind
from app.core.audit_rows import AuditQuery, AuditRow, AuditSort, ChainHead
from app.core.keyring import Keyring
from db.audit_chain import head_mac_matches
from db.audit_filter import AUDIT_EVENT, EVENT_TIME, AuditFilter
from db.cursors import Position, cursor, position_of
from db.models import audit_events, audit_head, audit_retention
from db.query_cache import QueryCache, page_size
from db.rows import raw_time
from db.statement import Row
from db.times import from_micros, to_micros

_BATCH: Final = 1000
_MAX_REFUSALS: Final = 10_000
_MAX_REFUSED_PAGES: Final = 20
_BY_SELECTIVITY: Final = ("name", "actor", "target", "kinds", "outcome")
"""Filters, the one that usually matches the fewest events first."""


def audit_page(queries: QueryCache, query: AuditQuery) -> RowPage[AuditRow]:
    """A page of the events that match, in the order of the query.

    Raises:
        InvalidInput: The cursor is not one of this query.
    """
    audit_filter = AuditFilter.of(query)
    if audit_filter is None:
        return RowPage()
    newest_first = query.sort is AuditSort.NEWEST
    key = ("audit", audit_filter, newest_first)
    position = position_of(query.cursor, key, int, int)
    size = page_size(query.limit)
    driving_column = _driving_column(queries, audit_filter)
    total = _count(queries, audit_filter, driving_column)
    rows = _page(queries, audit_filter, driving_column, position, size + 1, newest_first=newest_first)
    page = rows[:size]
    return RowPage(
        rows=tuple(map(audit_row, page)),
        next=cursor(key, (page[-1][1], page[-1][0])) if len(rows) > size else None,
        total=total,
    )


def audit_events_of(queries: QueryCache, query: AuditQuery) -> Iterator[AuditRow]:
    """All events that match, oldest first."""
    audit_filter = AuditFilter.of(query)
    if audit_filter is None:
        return
    driving_column = _driving_column(queries, audit_filter)
    position: Position | None = None
    while True:
        rows = _page(queries, audit_filter, driving_column, position, _BATCH, newest_first=False)
        yield from map(audit_row, rows)
        if len(rows) < _BATCH:
            return
        position = (rows[-1][1], rows[-1][0])


def audit_event(queries: QueryCache, seq: int) -> AuditRow | None:
    """The event with this number."""
    rows = queries.rows(
        "audit event",
        lambda: select(*AUDIT_EVENT).where(audit_events.c.seq == bindparam("seq", type_=BigInteger)),
        seq=seq,
    )
    return audit_row(rows[0]) if rows else None


def chain_head(queries: QueryCache, keyring: Keyring) -> ChainHead:
    """The head of the audit, checked against its MAC and the newest event, without a walk along the chain."""
    boundary = queries.scalar("retention boundary", lambda: select(func.coalesce(func.max(audit_retention.c.seq), 0)))
    rows = queries.rows("audit head", _head)
    if not rows:
        return ChainHead(0, None, sealed=False, boundary_seq=boundary)
    seq, mac, head_mac, newest = rows[0]
    last = queries.rows(
        "event time",
        lambda: select(EVENT_TIME).where(audit_events.c.seq == bindparam("seq", type_=BigInteger)),
        seq=seq,
    )
    return ChainHead(
        seq=seq,
        last_at=from_micros(last[0][0]) if last else None,
        sealed=head_mac_matches(keyring, seq, mac, head_mac) and max(newest or 0, boundary) == seq,
        boundary_seq=boundary,
    )


def audit_row(row: Row) -> AuditRow:
    """The event of an ``AUDIT_EVENT`` row."""
    seq, at, kind, outcome, actor, target, reason, correlation_id, address, stored = row
    try:
        details = json.loads(stored)
    except ValueError:  # changed in the database: verification of the chain reports it, a list must not fail
        details = {}
    return AuditRow(
        seq, from_micros(at), kind, outcome, actor, target, reason, correlation_id, address,
        details if isinstance(details, dict) else {},
    )  # fmt: skip


def _head() -> Select[Any]:
    newest = select(func.max(audit_events.c.seq)).scalar_subquery()
    return select(audit_head.c.seq, audit_head.c.mac, audit_head.c.seal, newest)


def _driving_column(queries: QueryCache, audit_filter: AuditFilter) -> str | None:
    """The column whose index is scanned, which is the one that matches the fewest events; None for all events."""
    columns = audit_filter.index_scans()
    if len(columns) < 2:  # noqa: PLR2004 - nothing to choose from
        return next(iter(columns), None)
    best, least = None, MAX_COUNTED
    for column in columns:
        count = queries.scalar(
            ("audit scan", column, *audit_filter.form),
            partial(audit_filter.scan_counts, column),
            **audit_filter.parameters_of(column),
        )
        if count < least:
            best, least = column, count
    if best is None:  # all are frequent
        return next(column for column in _BY_SELECTIVITY if column in columns)
    return best


def _count(queries: QueryCache, audit_filter: AuditFilter, driving_column: str | None) -> int:
    count = queries.scalar(
        ("audit counted", driving_column, *audit_filter.form),
        lambda: audit_filter.matches_count(driving_column),
        **audit_filter.parameters,
    )
    return min(count, MAX_COUNTED)


def _page(
    queries: QueryCache,
    audit_filter: AuditFilter,
    driving_column: str | None,
    position: Position | None,
    max_rows: int,
    *,
    newest_first: bool,
) -> list[Row]:
    return queries.rows(
        ("audit page", driving_column, *audit_filter.form, position is not None, newest_first),
        lambda: audit_filter.page(driving_column, after=position is not None, newest_first=newest_first),
        **audit_filter.parameters,
        **({"at": position[0], "seq": position[1]} if position is not None else {}),
        max_rows=max_rows,
    )


def refused_pages(queries: QueryCache, since: datetime) -> tuple[tuple[str, int], ...]:
    """The pages with most refusals since a time, and how many of the last refusals each has."""
    rows = queries.rows("refused pages", _refused_pages, since=to_micros(since), kind=AuditKind.PAGE_DENY.value)
    return tuple((page, int(count)) for page, count in rows)


def _refused_pages() -> Select[Any]:
    """It reads a bounded number of events, by the index of kinds."""
    refused = (
        select(audit_events.c.target)
        .where(
            audit_events.c.kind == bindparam("kind", type_=Text),
            raw_time(audit_events.c.at) >= bindparam("since", type_=BigInteger),
        )
        .order_by(EVENT_TIME.desc(), audit_events.c.seq.desc())
        .limit(_MAX_REFUSALS)
        .subquery()
    )
    count = func.count()
    return (
        select(refused.c.target, count)
        .group_by(refused.c.target)
        .order_by(count.desc(), refused.c.target)
        .limit(_MAX_REFUSED_PAGES)
    )
