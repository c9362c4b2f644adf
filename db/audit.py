"""Writes of audit events: each is chained to the one before, and the head is locked last before the commit.

The MACs (``db.audit_chain``) are made with the key that the head names: the installation's write key, which every
running process holds (``app.core.secret_keys``). A process without it writes nothing. The head names the last event
and has a MAC itself. A head that was changed in the database is not accepted silently: the next event reports it
permanently, and the chain continues from the last stored event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Final

import structlog
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.audit import ANONYMOUS_ACTOR, AuditEvent, AuditKind, Outcome
from app.core.errors import SecretMismatch
from app.core.keyring import Keyring
from app.core.secret_keys import mismatch
from db.audit_chain import HEAD_PURPOSE, as_bytes, chain_events, head_bytes, head_key_id, head_mac_matches
from db.models import audit_days, audit_events, audit_head, audit_retention
from db.times import day_number, day_of, to_micros

SIGN_IN: Final = "sign-in"
REFUSAL: Final = "denial"
_REFUSALS: Final = frozenset({AuditKind.PAGE_DENY, AuditKind.FUNCTION_DENY, AuditKind.ENDPOINT_DENY})
_END: Final = func.coalesce(
    select(func.max(audit_events.c.seq)).scalar_subquery(),
    select(func.max(audit_retention.c.seq)).scalar_subquery(),
    0,
)
_log = structlog.get_logger(__name__)


def check(event: AuditEvent) -> None:
    """Check that an event can be written, when it is recorded rather than at the commit.

    Raises:
        ValueError: Its time is naive.
    """
    to_micros(event.at)


def append(
    connection: Connection, keyring: Keyring, events: Sequence[AuditEvent], *, key_id: str = "", lost: bool = False
) -> None:
    """Write events after the head, which stays locked until the transaction ends.

    Args:
        connection: In the transaction of the unit of work.
        keyring: The secrets of this process.
        events: At least one.
        key_id: The key to write with from now on; empty for the one that the head names.
        lost: Whether the key that the head names is lost, so that this process need not have it.

    Raises:
        SecretMismatch: This process does not have the key that the installation writes with.
    """
    head = connection.execute(
        select(
            audit_head.c.seq, audit_head.c.mac, audit_head.c.seal, audit_head.c.key_id, _END.label("end")
        ).with_for_update(of=audit_head)
    ).first()
    named = "" if head is None else head.key_id
    if named and not keyring.has_key(named) and not lost:
        raise SecretMismatch(mismatch())
    key_id = key_id or named or head_key_id(keyring, head) or keyring.write_key
    if head is not None and head.end <= head.seq and head_mac_matches(keyring, head.seq, head.mac, head.seal):
        seq, mac = int(head.seq), as_bytes(head.mac)
    else:
        _log.error("the head of the audit was changed: run gatehouse audit verify")
        seq, mac = _real_end(connection)
        head_number = "missing" if head is None else int(head.seq)
        events = [_broken(events[0], head_number, named), *events]
    rows = chain_events(keyring, seq, mac, events, key_id=key_id)
    connection.execute(insert(audit_events), rows)
    _count(connection, events)
    seq, mac = rows[-1]["seq"], rows[-1]["mac"]
    head_mac = keyring.mac(HEAD_PURPOSE, head_bytes(seq, mac), key_id=key_id)
    after = {"seq": seq, "mac": mac, "seal": head_mac, "key_id": key_id}
    connection.execute(insert(audit_head).values(id=1, **after) if head is None else update(audit_head).values(**after))


def counted_as(event: AuditEvent) -> str | None:
    """How the usage report counts an event: as a sign-in, as a refusal, or not at all.

    Refusals of known subjects only: anonymous clients can cause any number, which ``details.count`` of their events
    has.
    """
    if event.kind is AuditKind.SESSION_BEGIN:
        return SIGN_IN if event.outcome is Outcome.SUCCEEDED else None
    return REFUSAL if event.kind in _REFUSALS and event.actor != ANONYMOUS_ACTOR else None


def _count(connection: Connection, events: Sequence[AuditEvent]) -> None:
    """Add events to the daily counters, so that the usage report need not count events."""
    counts = Counter((day_number(event.at.astimezone(UTC).date()), counted_as(event)) for event in events)
    kind = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for (day, counted), number in sorted((key, number) for key, number in counts.items() if key[1] is not None):
        new = kind(audit_days).values(day=day_of(day), what=counted, events=number)
        connection.execute(
            new.on_conflict_do_update(
                index_elements=["day", "what"], set_={"events": audit_days.c.events + new.excluded.events}
            )
        )


def _real_end(connection: Connection) -> tuple[int, bytes]:
    """Number and MAC of the last stored event, or of the retention boundary, regardless of the head."""
    for table in (audit_events, audit_retention):
        last = connection.execute(select(table.c.seq, table.c.mac).order_by(table.c.seq.desc()).limit(1)).first()
        if last is not None:
            return int(last.seq), as_bytes(last.mac)
    return 0, b""


def _broken(first: AuditEvent, head_number: int | str, key_id: str) -> AuditEvent:
    """The event that reports a changed head.

    Args:
        first: The event that was to be written.
        head_number: The number in the head, or ``missing``.
        key_id: The key that the head names, which this process has. A missing key therefore does not explain the
            break, and ``db.chain_verification`` never accepts it as an explanation.
    """
    return replace(
        first,
        kind=AuditKind.LOG_BROKEN,
        outcome=Outcome.FAILED,
        actor="system",
        target="",
        reason="",
        address="",
        details={"head": head_number, **({"key": key_id} if key_id else {})},
    )
