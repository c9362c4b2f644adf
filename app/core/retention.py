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
"""Events deleted in one unit of work: few enough that other writers do not wait noticeably."""


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
    """Seal a boundary below which every event is older than ``before``, and delete the events below it.

    The boundary, its audit event and the first deletion commit together. Further deletions follow in units of work of
    their own. The next call completes one that was interrupted.

    Args:
        storage: The database.
        before: Aware UTC.
        actor: The audit name of the operator.
        reason: Kept in the audit.
        now: The current time, aware UTC.
        known_broken: Whether verification of the chain found problems; the audit event records it.
        pause: Called between two deletions, so that other writers get the lock.

    Returns:
        The boundary; None if there was nothing to seal.

    Raises:
        InvalidInput: for a time in the future.
        Conflict: if the event at the boundary was changed.
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
