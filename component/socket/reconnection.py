"""The Streamlit session that a reconnecting browser requests, and what happens if Streamlit no longer has it.

A browser that has lost its connection requests the session of its page, and a run only after one was cut off
(Streamlit 1.67). If that session is gone, its page would stay on the screen, with rights that were revoked meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

AUTOMATIC_RERUN_SECONDS: Final = 1.0
"""How long a reconnected browser may take to request a run by itself."""


class Reconnection:
    """The reconnection of one socket. Lives on the event loop."""

    def __init__(
        self,
        requested_session_id: str,
        *,
        is_allowed: bool,
        is_active: Callable[[str], bool],
        monotonic: Callable[[], float],
    ) -> None:
        """Track a handshake.

        Args:
            requested_session_id: The id of the Streamlit session that the browser requests; "" for none.
            is_allowed: Whether Streamlit receives that id.
            is_active: Whether a Streamlit session has a socket now.
            monotonic: The clock.
        """
        self._requested_session_id = requested_session_id
        self._is_allowed = is_allowed
        self._is_active = is_active
        self._monotonic = monotonic
        self._accepted_at = 0.0
        self._has_run = False
        self._is_requested = False

    def record_accepted(self) -> None:
        """The socket was accepted; Streamlit reattaches it to the session, or starts another, right afterwards."""
        self._accepted_at = self._monotonic()

    def record_request(self) -> None:
        """The browser was sent ``forward_message.request_rerun``."""
        self._is_requested = True

    def record_run(self) -> None:
        """Streamlit received a run, requested by the browser or in its place."""
        self._has_run = True

    @property
    def awaits_requested_rerun(self) -> bool:
        """Whether a rerun that was requested from the browser may pass: no run has started since the request.

        The front end repeats the message until a run starts. A repetition would interrupt that run, and with it what
        the user has done meanwhile.
        """
        return self._is_requested and not self._has_run

    @property
    def is_awaited(self) -> bool:
        """Whether the browser may still request a run by itself, as it does after one was cut off."""
        return self._monotonic() - self._accepted_at < AUTOMATIC_RERUN_SECONDS

    @property
    def has_failed(self) -> bool:
        """Whether the browser requested a session to which it was not reattached. Known once the socket is accepted."""
        return bool(self._requested_session_id) and not (
            self._is_allowed and self._is_active(self._requested_session_id)
        )

    @property
    def needs_whole_run(self) -> bool:
        """Whether the browser shows the page of a session that is gone: the new one has none of its fragments yet."""
        return self.has_failed and not self._has_run

    @property
    def is_stale(self) -> bool:
        """Whether the browser shows the page of a session that is gone, and no run of it was requested."""
        return self.needs_whole_run and not (self._is_requested or self.is_awaited)
