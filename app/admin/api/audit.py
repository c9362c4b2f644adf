"""Calls for the audit: its events, its export, and the state of its chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO, Final, Literal

from app import access
from app.admin.api.parameters import query_params
from app.api_client import call, fetch, path
from app.api_transport import Params
from app.core.audit_rows import AuditQuery
from app.core.contract.audit import AuditItem, Chain, Events, KindBody, Kinds
from app.core.permissions import Permission

EXPORT_KINDS: Final[Mapping[Literal["csv", "jsonl"], str]] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
"""Format of an export → its content type."""

_VERIFYING_SECONDS: Final = 120.0
"""The timeout for verifying the whole chain: a million events take about ten seconds."""


@access.requires(Permission.READ_AUDIT)
def events(query: AuditQuery, *, cursor: str = "", limit: int = 50) -> Events:
    """Return the events that match, in the order of the query."""
    params = {**_filters(query), **query_params(sort=query.sort.value, cursor=cursor, limit=limit)}
    return call("GET", path("audit"), params=params).read(Events)


@access.requires(Permission.READ_AUDIT)
def event(seq: int) -> AuditItem:
    """Return one event by its number.

    Raises:
        NotFound: There is no such event.
    """
    return call("GET", path("audit", seq)).read(AuditItem)


@access.requires(Permission.READ_AUDIT)
def kinds() -> tuple[KindBody, ...]:
    """Return all kinds of events."""
    return call("GET", path("audit", "kinds")).read(Kinds).kinds


@access.requires(Permission.READ_AUDIT)
def chain_head() -> Chain:
    """Return the head of the audit's chain."""
    return call("GET", path("audit", "chain")).read(Chain)


@access.requires(Permission.READ_AUDIT)
def verify_chain() -> Chain:
    """Verify the whole chain, which can take minutes.

    Raises:
        TooManyRequests: Another verification is running.
    """
    params = query_params(full=True)
    return call("GET", path("audit", "chain"), params=params, read_seconds=_VERIFYING_SECONDS).read(Chain)


@access.requires(Permission.EXPORT_AUDIT)
def export(
    query: AuditQuery,
    into: BinaryIO,
    *,
    file_format: Literal["csv", "jsonl"],
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write all events that match to ``into`` as they arrive, oldest first; return the number of bytes.

    The file is complete only when this returns.

    Args:
        query: The filters.
        into: The file.
        file_format: The format.
        progress: Called with the number of bytes written so far.
    """
    params = {**_filters(query), "format": file_format}
    return fetch(path("audit", "export"), into, kind=EXPORT_KINDS[file_format], params=params, progress=progress)


def _filters(query: AuditQuery) -> Params:
    return query_params(
        name=query.name,
        actor=query.actor,
        target=query.target,
        kind=query.kinds or None,
        outcome=query.outcome,
        since=query.since.isoformat() if query.since else None,
        until=query.until.isoformat() if query.until else None,
    )
