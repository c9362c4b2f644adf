"""Sealed retention: up to which event the audit may be deleted, and deleting it.

The database lets events go only up to the newest row of ``audit_retention``. That row binds the MAC of the event at the
boundary, from which the chain verifies on, and is sealed, so that one put in by somebody else is found out.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, select

from app.core.errors import Conflict
from app.core.keyring import Keyring
from app.core.records import RetentionBoundary
from db.audit import EVENT_PURPOSE, FIELDS, as_bytes, canonical
from db.models import audit_events, audit_retention
from db.rows import raw_time
from db.texts import AUDIT_MAX_CHARACTERS, clean
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
"""What ``boundary_is_sealed`` takes."""
_PURPOSE: Final = "audit-retention"
_EVENT: Final = (
    audit_events.c.seq,
    raw_time(audit_events.c.at),
    *(audit_events.c[name] for name in FIELDS[2:]),
    audit_events.c.prev_mac,
    audit_events.c.mac,
)
_CHANGED: Final = "Event {} was changed after it was written, so nothing can be sealed there: gatehouse audit verify"


def boundary_is_sealed(
    keyring: Keyring, seq: int, mac: object, before: int, sealed_at: int, sealed_by: str, seal: object
) -> bool:
    """Whether a stored boundary carries this installation's seal; times in microseconds."""
    return keyring.mac_matches(_PURPOSE, _covered(seq, as_bytes(mac), before, sealed_at, sealed_by), as_bytes(seal))


class RetentionWrites(BaseUnitOfWork):
    """The part of ``UnitOfWork`` about retention."""

    def seal_retention(self, before: datetime, *, by: str, now: datetime) -> RetentionBoundary | None:
        """Seal that the events up to the first one not older than ``before`` may go."""
        require_aware(before, now)
        boundary = self._boundary_seq()
        above = audit_events.c.seq > boundary
        kept = self._execute(select(func.min(audit_events.c.seq)).where(above, audit_events.c.at >= before)).scalar()
        newest = select(*_EVENT).where(above).order_by(audit_events.c.seq.desc()).limit(1)
        found = self._rows(newest if kept is None else newest.where(audit_events.c.seq < kept))
        if not found:
            return None
        row = found[0]
        seq, mac, who = int(row[0]), as_bytes(row[-1]), clean(by, AUDIT_MAX_CHARACTERS)
        if not self._keyring.mac_matches(EVENT_PURPOSE, as_bytes(row[-2]) + canonical(row[:-2]), mac):
            raise Conflict(_CHANGED.format(seq))
        seal = self._keyring.mac(_PURPOSE, _covered(seq, mac, to_micros(before), to_micros(now), who))
        self._execute(
            insert(audit_retention).values(seq=seq, mac=mac, before=before, sealed_at=now, sealed_by=who, seal=seal)
        )
        events = self._execute(
            select(func.count()).select_from(audit_events).where(audit_events.c.seq <= seq)
        ).scalar_one()
        return RetentionBoundary(seq, before, now, who, int(events))

    def delete_below_boundary(self, most: int) -> int:
        """Delete the oldest events covered by the newest sealed boundary, at most so many."""
        oldest = select(audit_events.c.seq).where(audit_events.c.seq <= self._boundary_seq())
        last = self._execute(
            select(func.max(oldest.order_by(audit_events.c.seq).limit(most).subquery().c.seq))
        ).scalar()
        if last is None:
            return 0
        return self._execute(delete(audit_events).where(audit_events.c.seq <= last)).rowcount

    def _boundary_seq(self) -> int:
        """The newest boundary; raises ``Conflict`` for one that we did not seal: below it nothing is deleted."""
        found = self._rows(select(*BOUNDARY).order_by(audit_retention.c.seq.desc()).limit(1))
        if not found:
            return 0
        if not boundary_is_sealed(self._keyring, *found[0]):
            raise Conflict(f"The retention boundary at event {found[0][0]} is not ours: gatehouse audit verify")
        return int(found[0][0])


def _covered(seq: int, mac: bytes, before: int, sealed_at: int, sealed_by: str) -> bytes:
    return json.dumps([seq, mac.hex(), before, sealed_at, sealed_by], separators=(",", ":"), default=repr).encode()
