"""Audit events as administrators read them: rows, the query that selects them, and the head of the chain.

Plain data; times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An audit event as stored; ``kind`` is a text because an older or newer version may have written it."""

    seq: int
    at: datetime
    kind: str
    outcome: str
    actor: str
    target: str
    reason: str
    correlation_id: str
    address: str
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict)


class AuditSort(StrEnum):
    """The declared orders of the list of audit events, by time, then number."""

    NEWEST = "-at"
    OLDEST = "at"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Filters of audit events; an empty member filters nothing. ``since`` is inclusive, ``until`` not."""

    name: str = ""
    """Audit name (``subject at issuer``, ``operator:…``) that acted or was acted on."""
    actor: str = ""
    target: str = ""
    kinds: tuple[str, ...] = ()
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    sort: AuditSort = AuditSort.NEWEST
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of the audit. Only a verification shows whether the whole chain is intact."""

    seq: int
    last_at: datetime | None
    sealed: bool
    """Whether the head carries the seal of this installation and names the last event."""
    boundary_seq: int = 0
