"""Sealed retention boundaries of the audit, and the deletion of the events below them.

The database allows the deletion of events up to the newest row of ``audit_retention`` only. That row holds the MAC of
the event at the boundary, from which the chain is verified, and a seal, which exposes a row that Gatehouse did not
write.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, select

from app.core.errors import Conflict
from app.core.keyring import Keyring
from app.core.records import RetentionBoundary
from db.audit_chain import EVENT_PURPOSE, FIELDS, as_bytes, canonical_bytes
from db.models import audit_events, audit_retention
from db.rows import raw_time
from db.texts import MAX_AUDIT_CHARACTERS, clean
from db.times import to_micros
from db.unit_of_work import BaseUnitOfWork, require_aware

BOUNDARY: Final = (
    audit_retention.c.seq,
    audit_retention.c.mac,
    raw_time(audit_retention.c.before),
    raw_time(audit_retention.c.sealed_at),
    audit_retention.c.sealed_by,
    audit_retention.c.seal,
)
"""The columns of a boundary, as ``boundary_is_sealed`` takes them."""
_PURPOSE: Final = "audit-retention"
_EVENT: Final = (
    audit_events.c.seq,
    raw_time(audit_events.c.at),
    *(audit_events.c[name] for name in FIELDS[2:]),
    audit_events.c.prev_mac,
    audit_events.c.mac,
)
_CHANGED: Final = (
    "Event {} was changed after it was written, so no boundary can be sealed there: gatehouse audit verify"
)


def boundary_is_sealed(
    keyring: Keyring, seq: int, mac: object, before: int, sealed_at: int, sealed_by: str, seal: object
) -> bool:
    """Whether a stored boundary has the seal of this installation; times in microseconds."""
    return keyring.mac_matches(
        _PURPOSE, _sealed_bytes(seq, as_bytes(mac), before, sealed_at, sealed_by), as_bytes(seal)
    )


class RetentionWrites(BaseUnitOfWork):
    """Writes of ``UnitOfWork`` for retention."""

    def seal_retention(self, before: datetime, *, by: str, now: datetime) -> RetentionBoundary | None:
        """Seal a boundary below the first event that is not older than ``before``.

        Returns:
            The boundary; None when there is no event below it.

        Raises:
            Conflict: The event at the boundary was changed, or the previous boundary has no valid seal.
        """
        require_aware(before, now)
        boundary = self._boundary_seq()
        above = audit_events.c.seq > boundary
        oldest_kept = self._execute(
            select(func.min(audit_events.c.seq)).where(above, audit_events.c.at >= before)
        ).scalar()
        newest = select(*_EVENT).where(above).order_by(audit_events.c.seq.desc()).limit(1)
        rows = self._rows(newest if oldest_kept is None else newest.where(audit_events.c.seq < oldest_kept))
        if not rows:
            return None
        row = rows[0]
        seq, mac, sealed_by = int(row[0]), as_bytes(row[-1]), clean(by, MAX_AUDIT_CHARACTERS)
        if not self._keyring.mac_matches(EVENT_PURPOSE, as_bytes(row[-2]) + canonical_bytes(row[:-2]), mac):
            raise Conflict(_CHANGED.format(seq))
        seal = self._keyring.mac(_PURPOSE, _sealed_bytes(seq, mac, to_micros(before), to_micros(now), sealed_by))
        self._execute(
            insert(audit_retention).values(
                seq=seq, mac=mac, before=before, sealed_at=now, sealed_by=sealed_by, seal=seal
            )
        )
        events = self._execute(
            select(func.count()).select_from(audit_events).where(audit_events.c.seq <= seq)
        ).scalar_one()
        return RetentionBoundary(seq, before, now, sealed_by, int(events))

    def delete_below_boundary(self, limit: int) -> int:
        """Delete the oldest events up to the newest sealed boundary, at most ``limit`` of them; returns their number.

        Raises:
            Conflict: The boundary has no valid seal.
        """
        oldest = select(audit_events.c.seq).where(audit_events.c.seq <= self._boundary_seq())
        last = self._execute(
            select(func.max(oldest.order_by(audit_events.c.seq).limit(limit).subquery().c.seq))
        ).scalar()
        if last is None:
            return 0
        return self._execute(delete(audit_events).where(audit_events.c.seq <= last)).rowcount

    def _boundary_seq(self) -> int:
        """The newest boundary; 0 without one. Raises ``Conflict`` when its seal is not valid."""
        rows = self._rows(select(*BOUNDARY).order_by(audit_retention.c.seq.desc()).limit(1))
        if not rows:
            return 0
        if not boundary_is_sealed(self._keyring, *rows[0]):
            raise Conflict(f"The retention boundary at event {rows[0][0]} has no valid seal: gatehouse audit verify")
        return int(rows[0][0])


def _sealed_bytes(seq: int, mac: bytes, before: int, sealed_at: int, sealed_by: str) -> bytes:
    return json.dumps([seq, mac.hex(), before, sealed_at, sealed_by], separators=(",", ":"), default=repr).encode()
