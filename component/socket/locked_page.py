"""The page of a locked Streamlit session: whether the overlay hides it, and the one user action that came too late.

While an expired session can be resumed, its tabs are locked: an opaque dialog hides the page, nothing but the way to
sign in again is sent to the browser, and nothing of the browser reaches Streamlit. After a sign-in (to resume, or a
step-up) the session has a new secret, with which its tabs must reconnect: the kept message waits with the Streamlit
session for the socket that does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from component.protocol.back_message import BackMessage

MAX_KEPT_BYTES: Final = 256 * 1024
KEEP_SECONDS: Final = 10.0
"""How long after the lock a message may still come from a user who has not seen the overlay yet."""


class LockedPage:
    """The locked page of one Streamlit session. Lives on the event loop."""

    def __init__(self, *, has_overlay: bool = True, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``has_overlay``: whether the browser was sent the message that hides the page."""
        self.has_overlay = has_overlay
        self._monotonic = monotonic
        self._locked_at = monotonic()
        self._kept: BackMessage | None = None

    def keep_action(self, message: BackMessage) -> bool:
        """Keep a message that requests a run; returns whether it is kept.

        Leaving a field and pressing a button are two messages within milliseconds: the later one stands for both, as
        in Streamlit itself, with the triggers of either.
        """
        is_late = self._monotonic() - self._locked_at > KEEP_SECONDS
        if is_late or not message.is_user_action or message.size > MAX_KEPT_BYTES:
            return False
        if self._kept is not None:
            message.merge_triggers(self._kept)
        self._kept = message
        return True

    def take_action(self) -> BackMessage | None:
        """The kept message, once."""
        kept, self._kept = self._kept, None
        return kept
