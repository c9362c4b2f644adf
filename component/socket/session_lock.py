"""The lock of a tab whose session has expired: its states, and how often a locked tab is rechecked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Final

LOCKED_RECHECK_SECONDS: Final = 5.0
"""How often the session of a locked tab is rechecked, at first."""
LOCKED_RECHECKS_UNTIL_SECONDS: Final = 60.0
"""How long these rechecks continue: longer than use of the session, once recorded, can wait for its commit
(``db.timeouts``), so that the tab is unlocked if another process has just recorded some."""


class SocketState(Enum):
    """The state of a socket with regard to the session that it was opened with.

    ``SessionLock`` has all transitions: ``lock`` leads from ``OPEN`` and ``EXPIRED`` to ``LOCKED``, ``unlock`` from
    ``EXPIRED`` and ``LOCKED`` to ``OPEN``, and ``require_reconnection`` from any state to ``RECONNECTING``, the last.
    """

    OPEN = "open"  # messages pass in both directions
    EXPIRED = "expired"  # opened with the cookie of an expired session, and not rechecked yet: no message passes
    LOCKED = "locked"  # the expiry overlay hides the page until the session is resumed: no message passes
    RECONNECTING = "reconnecting"  # the browser must reconnect with the session's new secret


class SessionLock:
    """The state of one socket. Lives on the event loop."""

    def __init__(self, *, is_expired: bool, monotonic: Callable[[], float]) -> None:
        """``is_expired``: the socket was opened with the cookie of an expired session that can be resumed."""
        self.state = SocketState.EXPIRED if is_expired else SocketState.OPEN
        self.is_locked = is_expired
        """Whether no message passes."""
        self._has_user_actions = not is_expired
        self._monotonic = monotonic
        self._resumable_until: datetime | None = None
        self._locked_at = self._checked_at = 0.0

    @property
    def keeps_messages(self) -> bool:
        """Whether a user action that arrives now is kept for later, as its user may not have seen the overlay yet."""
        return self._has_user_actions and self.state is not SocketState.OPEN

    def lock(self, resumable_until: datetime) -> bool:
        """The session has expired, and can be resumed until then; returns whether the socket was not locked before."""
        self._resumable_until = resumable_until
        if self.state is SocketState.LOCKED:
            return False
        self._enter(SocketState.LOCKED)
        self._locked_at = self._monotonic()
        return True

    def unlock(self) -> None:
        """The session is live."""
        self._enter(SocketState.OPEN)

    def require_reconnection(self) -> None:
        """The session has a secret that is newer than this socket."""
        self._enter(SocketState.RECONNECTING)

    def record_check(self) -> None:
        """The session is being rechecked."""
        self._checked_at = self._monotonic()

    def is_recheck_due(self, now: datetime) -> bool:
        """Whether to recheck a locked socket: at the end of its resumption, and every few seconds at first.

        Use of the session that was recorded at the very moment of its expiry shows afterwards.
        """
        is_recent = self._checked_at - self._locked_at < LOCKED_RECHECKS_UNTIL_SECONDS
        has_waited = self._monotonic() - self._checked_at >= LOCKED_RECHECK_SECONDS
        is_over = self._resumable_until is not None and now >= self._resumable_until
        return is_over or (is_recent and has_waited)

    def _enter(self, state: SocketState) -> None:
        self.state = state
        self.is_locked = state in {SocketState.EXPIRED, SocketState.LOCKED}
