"""What a tab keeps whose credential is no longer good: the one message that came too late. Nothing runs meanwhile.

While an expired session can be revived, its tabs are covered: what is on the screen is hidden by an opaque dialog,
nothing is sent there but the way to sign in again, and nothing that comes from there reaches Streamlit. After a sign-in
(then, or for a step-up) the session has a new secret, and its tabs must reconnect with it: what is kept here waits
with the Streamlit session for the socket that does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from component.protocol import back_message

MAX_KEPT_BYTES: Final = 256 * 1024
KEEP_SECONDS: Final = 10.0
"""How long after the cover a message may still have been sent by somebody who did not see it yet."""


class ExpiryOverlay:
    """One Streamlit session's. Lives on the event loop."""

    def __init__(self, *, drawn: bool = True, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``drawn``: whether the browser is told to hide the page."""
        self.drawn = drawn
        self._monotonic = monotonic
        self._since = monotonic()
        self._held: back_message.BackMessage | None = None

    def hold(self, sent: back_message.BackMessage) -> bool:
        """Keep a message that asks for a run; says whether it is kept.

        Leaving a field and pressing a button are two messages within milliseconds: the later one stands for both, as
        Streamlit itself has it, with what was pressed in either.
        """
        late = self._monotonic() - self._since > KEEP_SECONDS
        if late or not sent.is_user_action or sent.size > MAX_KEPT_BYTES:
            return False
        if self._held is not None:
            sent.merge_triggers(self._held)
        self._held = sent
        return True

    def take(self) -> back_message.BackMessage | None:
        """The message that was kept, once."""
        held, self._held = self._held, None
        return held
