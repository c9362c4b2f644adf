"""The audit: read it, download it, and look whether it is whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from functools import cache
from itertools import chain
from threading import Lock
from typing import Any, Final

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration, correlation
from app.core.audit import AuditEvent, AuditKind
from app.core.audit_rows import AuditQuery, AuditRow
from app.core.errors import NotFound, TooManyRequests
from app.core.permissions import Permission
from app.core.principal import Subject
from app.core.spreadsheet import safe_cell
from remote_api.access import requires
from remote_api.audit_text import NameOf, sentence
from remote_api.schemas.records import (
    AuditAsked,
    AuditExport,
    AuditFilters,
    AuditItem,
    Chain,
    ChainAsked,
    EventPath,
    Events,
    Kinds,
)
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
    abp_tags=[Tag(name="audit", description="What was done and refused.")],
)
_verifying = Lock()
"""Held while the whole chain is followed: that reads everything there is."""


@api.get("", responses={200: Events})
@requires(Permission.READ_AUDIT)
def events(query: AuditAsked) -> dict[str, Any]:
    """List events, newest first."""
    found = services().storage.directory.audit(_query(query, cursor=query.cursor, limit=query.limit))
    name_of = _names()
    return {
        "events": [_item(row, name_of) for row in found.rows],
        "next": found.next,
        "total": found.total,
        "total_capped": found.capped,
    }


@api.get("/<int:seq>", responses={200: AuditItem})
@requires(Permission.READ_AUDIT)
def event(path: EventPath) -> dict[str, Any]:
    """See one event."""
    found = services().storage.directory.audit_event(path.seq)
    if found is None:
        raise NotFound("There is no such event.")
    return _item(found, _names())


@api.get("/kinds", responses={200: Kinds})
@requires(Permission.READ_AUDIT)
def kinds() -> dict[str, Any]:
    """List the kinds of events there are."""
    return {"kinds": [{"kind": kind.value, "sentence": kind.sentence} for kind in AuditKind]}


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
def export(query: AuditExport) -> Response:
    """Download events as a file, oldest first; that it was done is an event too."""
    asked = _query(query)
    with transaction() as tx:
        administration.authorise(tx.unit, tx.administrator, Permission.EXPORT_AUDIT, tx.now)
        tx.unit.record(
            AuditEvent(
                kind=AuditKind.LOG_EXPORT,
                at=tx.now,
                actor=tx.administrator.name,
                correlation_id=correlation.current(),
                address=tx.administrator.address,
                details={"format": query.format, "filters": _written(asked)},
            )
        )
    rows = services().storage.directory.audit_events(asked)
    lines = _csv(rows) if query.format == "csv" else _jsonl(rows)
    return Response(
        _in_chunks(lines),
        content_type=_FORMATS[query.format],
        headers={"Content-Disposition": f'attachment; filename="audit-{tx.now:%Y-%m-%d}.{query.format}"'},
    )


@api.get("/chain", responses={200: Chain})
@requires(Permission.READ_AUDIT)
def look(query: ChainAsked) -> dict[str, Any]:
    """Say how the audit ends; with `full`, follow all of it and say whether it is whole."""
    found = _verified() if query.full else {"verified": False, "good": None, "events": None, "problems": []}
    head = services().storage.directory.chain_head()
    return found | {
        "seq": head.seq,
        "last_at": iso(head.last_at),
        "sealed": head.sealed,
        "boundary_seq": head.boundary_seq,
    }


def _verified() -> dict[str, Any]:
    if not _verifying.acquire(blocking=False):
        raise TooManyRequests(_VERIFYING_SECONDS, "The audit is being verified already; that takes a while.")
    try:
        state = services().verify_chain()
    finally:
        _verifying.release()
    problems = [str(problem) for problem in state.problems]
    return {"verified": state.complete, "good": state.good, "events": state.events, "problems": problems}


def _query(asked: AuditFilters, *, cursor: str = "", limit: int = 50) -> AuditQuery:
    return AuditQuery(
        name=asked.name,
        actor=asked.actor,
        target=asked.target,
        kinds=tuple(dict.fromkeys(asked.kind)),
        outcome=asked.outcome or "",
        since=asked.since,
        until=asked.until,
        cursor=cursor,
        limit=limit,
    )


def _written(query: AuditQuery) -> str:
    """The filters of a download, for its own event."""
    given = {
        "name": query.name,
        "actor": query.actor,
        "target": query.target,
        "kind": " ".join(query.kinds),
        "outcome": query.outcome,
        "since": iso(query.since),
        "until": iso(query.until),
    }
    return "; ".join(f"{name}={value}" for name, value in given.items() if value)


def _names() -> NameOf:
    """Names of subjects as they are now, each looked up once."""
    person = services().storage.read.person

    @cache
    def name_of(subject: Subject) -> str:
        found = person(subject)
        return found.name if found is not None else ""

    return name_of


def _item(row: AuditRow, name_of: NameOf) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": row.at.isoformat(),
        "kind": row.kind,
        "sentence": sentence(row, name_of),
        "outcome": row.outcome,
        "actor": row.actor,
        "target": row.target,
        "reason": row.reason,
        "correlation_id": row.correlation_id,
        "address": row.address,
        "details": dict(row.details),
    }


def _as_stored(_: Subject) -> str:
    """A download says names as the audit has them: what somebody is called today is not part of it."""
    return ""


def _jsonl(rows: Iterator[AuditRow]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(_item(row, _as_stored), ensure_ascii=False) + "\n"


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
    item = _item(row, _as_stored) | {"details": json.dumps(dict(row.details), ensure_ascii=False)}
    return tuple(value if isinstance(value := item[name], int) else safe_cell(value) for name in _COLUMNS)


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
