"""Retention of the audit: old events go only below a sealed boundary, and sealing one is itself an audit event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind
from app.core.errors import InvalidInput
from app.core.ports import Storage
from app.core.records import RetentionBoundary

PORTION: Final = 5_000
"""Events deleted in one unit of work: small enough that nobody else waits noticeably."""


def prune(
    storage: Storage,
    before: datetime,
    *,
    actor: str,
    reason: str,
    now: datetime,
    known_broken: bool = False,
    pause: Callable[[], None] = lambda: None,
) -> RetentionBoundary | None:
    """Seal a boundary below which every event is older than ``before``, and delete what is below it.

    The boundary, the event that says so and the first portion commit together; further portions follow, with ``pause``
    between them so that others get their turn. One that was interrupted is finished by the next. None when there was
    nothing to seal. ``known_broken``: the chain is known not to be whole, which the event then says.

    Raises ``InvalidInput`` for a time that has not come yet, ``Conflict`` when the event at the boundary was changed.
    """
    if before > now:
        raise InvalidInput({"before": "This time has not come yet."}, "Only events from the past can be deleted.")
    with storage.unit_of_work() as unit:
        boundary = unit.seal_retention(before, by=actor, now=now)
        if boundary is not None:
            unit.record(
                AuditEvent(
                    kind=AuditKind.LOG_PRUNE,
                    at=now,
                    actor=actor,
                    reason=reason,
                    correlation_id=correlation.current(),
                    details={
                        "before": before.isoformat(),
                        "boundary": boundary.seq,
                        "events": boundary.events,
                        "known_broken": known_broken,
                    },
                )
            )
        deleted = unit.delete_below_boundary(PORTION)
        unit.commit()
    while deleted == PORTION:
        pause()
        with storage.unit_of_work() as unit:
            deleted = unit.delete_below_boundary(PORTION)
            unit.commit()
    return boundary
