"""The audit: list events, export them, verify the chain."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain
from threading import Lock
from typing import Final

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration, correlation
from app.core.audit import AuditEvent, AuditKind
from app.core.audit_rows import AuditQuery, AuditRow
from app.core.chain_problems import ChainState
from app.core.contract.audit import (
    AuditExportQuery,
    AuditFilters,
    AuditItem,
    AuditListQuery,
    Chain,
    ChainQuery,
    EventPath,
    Events,
    KindBody,
    Kinds,
)
from app.core.contract.base import construct
from app.core.errors import NotFound, TooManyRequests
from app.core.permissions import Permission
from app.core.principal import Subject
from app.core.spreadsheet import safe_cell
from remote_api.access import requires
from remote_api.actor_names import actor_name, present_names
from remote_api.audit_sentences import NameOf, sentence
from remote_api.services import services
from remote_api.transactions import iso, transaction

_COLUMNS: Final = (
    "seq", "at", "kind", "sentence", "outcome", "actor", "target", "reason", "correlation_id", "address", "details",
)  # fmt: skip
_VERIFYING_SECONDS: Final = 10
_CHUNK_CHARACTERS: Final = 32 * 1024
_FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}

api = APIBlueprint(
    "audit",
    __name__,
    url_prefix="/api/v1/audit",
    abp_tags=[Tag(name="audit", description="Audit events.")],
)
_verifying = Lock()
"""Held while the whole chain is verified, which reads every event."""


@api.get("", responses={200: Events})
@requires(Permission.READ_AUDIT)
def events(query: AuditListQuery) -> Events:
    """List events."""
    filters = replace(_query(query), sort=query.sort, cursor=query.cursor, limit=query.limit)
    rows = services().storage.administration.audit(filters)
    name_of = present_names()
    return construct(
        Events,
        events=tuple([_item(row, name_of) for row in rows.rows]),
        next=rows.next,
        total=rows.total,
        total_capped=rows.capped,
    )


@api.get("/<int:seq>", responses={200: AuditItem})
@requires(Permission.READ_AUDIT)
def event(path: EventPath) -> AuditItem:
    """Return one event.

    Raises:
        NotFound: if there is no such event.
    """
    row = services().storage.administration.audit_event(path.seq)
    if row is None:
        raise NotFound("There is no such event.")
    return _item(row, present_names())


@api.get("/kinds", responses={200: Kinds})
@requires(Permission.READ_AUDIT)
def kinds() -> Kinds:
    """List the kinds of events."""
    return construct(
        Kinds, kinds=tuple([construct(KindBody, kind=kind.value, sentence=kind.sentence) for kind in AuditKind])
    )


@api.get(
    "/export",
    responses={
        200: {
            "description": "The events as a file, oldest first.",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        }
    },
)
@requires(Permission.EXPORT_AUDIT)
def export(query: AuditExportQuery) -> Response:
    """Export events as a file, oldest first; the export is recorded as an event."""
    filters = _query(query)
    with transaction() as tx:
        administration.authorize(tx.unit, tx.actor, Permission.EXPORT_AUDIT, tx.now)
        tx.unit.record(
            AuditEvent(
                kind=AuditKind.LOG_EXPORT,
                at=tx.now,
                actor=tx.actor.name,
                correlation_id=correlation.current(),
                address=tx.actor.address,
                details={"format": query.format, "filters": _written(filters)},
            )
        )
    rows = services().storage.administration.audit_events(filters)
    lines = _csv(rows) if query.format == "csv" else _jsonl(rows)
    return Response(
        _in_chunks(lines),
        content_type=_FORMATS[query.format],
        headers={"Content-Disposition": f'attachment; filename="audit-{tx.now:%Y-%m-%d}.{query.format}"'},
    )


@api.get("/chain", endpoint="look", responses={200: Chain})  # the operationId stays audit_look
@requires(Permission.READ_AUDIT)
def read_chain(query: ChainQuery) -> Chain:
    """Return the end of the chain; with `full`, verify the whole chain."""
    state = _verified() if query.full else None
    head = services().storage.administration.chain_head()
    return construct(
        Chain,
        verified=state is not None and state.complete,
        good=None if state is None else state.good,
        events=None if state is None else state.events,
        problems=() if state is None else tuple([str(problem) for problem in state.problems]),
        seq=head.seq,
        last_at=head.last_at,
        sealed=head.sealed,
        boundary_seq=head.boundary_seq,
    )


def _verified() -> ChainState:
    if not _verifying.acquire(blocking=False):
        raise TooManyRequests(_VERIFYING_SECONDS, "The audit is being verified already; that takes a while.")
    try:
        return services().verify_chain()
    finally:
        _verifying.release()


def _query(filters: AuditFilters) -> AuditQuery:
    return AuditQuery(
        name=filters.name,
        actor=filters.actor,
        target=filters.target,
        kinds=tuple(dict.fromkeys(filters.kind)),
        outcome=filters.outcome or "",
        since=filters.since,
        until=filters.until,
    )


def _written(query: AuditQuery) -> str:
    """The filters of a download, for its own event."""
    values = {
        "name": query.name,
        "actor": query.actor,
        "target": query.target,
        "kind": " ".join(query.kinds),
        "outcome": query.outcome,
        "since": iso(query.since),
        "until": iso(query.until),
    }
    return "; ".join(f"{name}={value}" for name, value in values.items() if value)


def _item(row: AuditRow, name_of: NameOf) -> AuditItem:
    return construct(
        AuditItem,
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        sentence=sentence(row, name_of),
        outcome=row.outcome,
        actor=row.actor,
        actor_name=actor_name(row.actor, name_of),
        target=row.target,
        target_name=actor_name(row.target, name_of),
        reason=row.reason,
        correlation_id=row.correlation_id,
        address=row.address,
        details=dict(row.details),
    )


def _as_stored(_: Subject) -> str:
    """An export has names as the audit stores them; the current name of a person is not part of it."""
    return ""


def _jsonl(rows: Iterator[AuditRow]) -> Iterator[str]:
    for row in rows:
        item = vars(_item(row, _as_stored))
        line = {name: item[name] for name in _COLUMNS}
        yield json.dumps(line, ensure_ascii=False, default=datetime.isoformat) + "\n"


def _csv(rows: Iterator[AuditRow]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    for cells in chain([_COLUMNS], map(_cells, rows)):
        writer.writerow(cells)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _cells(row: AuditRow) -> tuple[int | str, ...]:
    """In the order of ``_COLUMNS``; texts such that no spreadsheet takes them for a formula."""
    cells = vars(_item(row, _as_stored)) | {
        "at": row.at.isoformat(),
        "details": json.dumps(dict(row.details), ensure_ascii=False),
    }
    return tuple(cell if isinstance(cell := cells[name], int) else safe_cell(cell) for name in _COLUMNS)


def _in_chunks(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines gathered into pieces that are worth sending."""
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= _CHUNK_CHARACTERS:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()
