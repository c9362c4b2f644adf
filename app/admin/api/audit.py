"""Calls about the audit: reading it, its export as a file, the state of its chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, Literal

from app import access
from app.admin.api.responses import Page, asked, read, read_list, read_page
from app.api_client import Params, call, fetch, path
from app.core.permissions import Permission

EXPORT_KINDS: Final[Mapping[Literal["csv", "jsonl"], str]] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
"""Format of an export → its content type."""


_VERIFYING_SECONDS: Final = 120.0
"""How long following the whole chain may take: a million events take some ten seconds."""


@dataclass(frozen=True, slots=True)
class Event:
    """An audit event. ``sentence`` has readable names in it; ``actor`` and ``target`` are as the audit has them."""

    seq: int
    at: datetime
    kind: str
    sentence: str
    outcome: str
    actor: str
    target: str
    reason: str
    correlation_id: str
    address: str
    details: Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event, and how it reads; ``{actor}`` and ``{target}`` stand in the sentence."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events are asked for; empty members ask for nothing."""

    name: str = ""
    """Audit name that acted or was acted on."""
    actor: str = ""
    target: str = ""
    kinds: tuple[str, ...] = ()
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """A quick look at the audit's end; whether all of it is whole, only verifying says."""

    seq: int
    last_at: datetime | None
    sealed: bool
    boundary_seq: int = 0


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying the whole chain found; ``problems`` are sentences, none when all is well."""

    verified: bool
    good: bool
    events: int
    problems: tuple[str, ...]


@access.requires(Permission.READ_AUDIT)
def events(wanted: Asked, *, cursor: str = "", limit: int = 50) -> Page[Event]:
    """Events that match, newest first."""
    params = {**_filters(wanted), **asked(cursor=cursor, limit=limit)}
    return read_page(call("GET", path("audit"), params=params), "events", Event)


@access.requires(Permission.READ_AUDIT)
def event(seq: int) -> Event:
    """One event by its number; raises ``NotFound``."""
    return read(call("GET", path("audit", seq)), Event)


@access.requires(Permission.READ_AUDIT)
def kinds() -> tuple[Kind, ...]:
    """All kinds of events."""
    return read_list(call("GET", path("audit", "kinds")), "kinds", Kind)


@access.requires(Permission.READ_AUDIT)
def chain_head() -> ChainHead:
    """A quick look at the audit's end."""
    return read(call("GET", path("audit", "chain")), ChainHead)


@access.requires(Permission.READ_AUDIT)
def verify_chain() -> Verified:
    """Verify the whole chain, which takes a while; raises ``TooManyRequests`` while another does."""
    return read(call("GET", path("audit", "chain"), params=asked(full=True), read_seconds=_VERIFYING_SECONDS), Verified)


@access.requires(Permission.EXPORT_AUDIT)
def export(
    wanted: Asked, into: BinaryIO, *, form: Literal["csv", "jsonl"], progress: Callable[[int], None] = lambda _: None
) -> int:
    """Write all events that match to ``into`` as they arrive, oldest first; returns the bytes.

    ``progress`` is told the bytes so far. What was written is whole only when this returns.
    """
    params = {**_filters(wanted), "format": form}
    return fetch(path("audit", "export"), into, kind=EXPORT_KINDS[form], params=params, progress=progress)


def _filters(wanted: Asked) -> Params:
    return asked(
        name=wanted.name,
        actor=wanted.actor,
        target=wanted.target,
        kind=wanted.kinds or None,
        outcome=wanted.outcome,
        since=wanted.since.isoformat() if wanted.since else None,
        until=wanted.until.isoformat() if wanted.until else None,
    )
