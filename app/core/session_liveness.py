"""Whether a session is live: the one rule about its end, its idle lifetime and its absolute lifetime.

The app calls it at each message, the API at each call. Storage has the same rule in SQL (``db.session_liveness``), and
a test compares both. Whether the session's person is blocked is not part of it: the decision refuses a blocked person
with its own reason (``app.core.policy``), so a live session of theirs still resolves.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from app.core.records import EndReason, Session


class Liveness(Enum):
    """What has become of a session."""

    LIVE = "live"
    EXPIRED = "expired"
    """Its idle or its absolute lifetime is over."""
    ENDED = "ended"
    """Ended before its time, for ``Session.end_reason``."""


def liveness(session: Session, *, idle: timedelta, now: datetime) -> Liveness:
    """What has become of ``session`` at ``now`` (aware UTC).

    Args:
        session: The session as it is stored.
        idle: The idle lifetime: how long a session lasts without use.
        now: The present moment.
    """
    if session.ended_at is not None:
        return Liveness.EXPIRED if session.end_reason is EndReason.EXPIRED else Liveness.ENDED
    return Liveness.LIVE if now < ends_at(session, idle=idle) else Liveness.EXPIRED


def ends_at(session: Session, *, idle: timedelta) -> datetime:
    """When the session ends without further use: the earlier end of its idle and its absolute lifetime."""
    return min(session.last_seen_at + idle, session.expires_at)
