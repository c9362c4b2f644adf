"""What a socket comes back to: the Streamlit session that its browser claims, if Streamlit still has it.

A browser that has lost its connection claims the session of its page, and asks for no run unless one was cut off
(Streamlit 1.67). Where that session is gone, its page would stay on the screen, with rights that were lost meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

CATCH_UP_SECONDS: Final = 1.0
"""How long a browser that has reconnected is waited for, whether it asks for a run by itself."""


class Reconnection:
    """One socket's. Lives on the event loop."""

    def __init__(
        self,
        claimed: str,
        *,
        is_granted: bool,
        is_active: Callable[[str], bool],
        monotonic: Callable[[], float],
    ) -> None:
        """``is_granted``: whether Streamlit is told of the claim. ``is_active``: whether a session has a socket now."""
        self._claimed = claimed
        self._is_granted = is_granted
        self._is_active = is_active
        self._monotonic = monotonic
        self._accepted_at = 0.0
        self._has_run = False
        self._is_requested = False

    def record_accepted(self) -> None:
        """The socket was accepted; Streamlit resumes the session, or begins another, right afterwards."""
        self._accepted_at = self._monotonic()

    def record_request(self) -> None:
        """The browser was asked to request a run of its page (``wire.ask_for_run``)."""
        self._is_requested = True

    def record_run(self) -> None:
        """A run was handed to Streamlit, requested by the browser or for it."""
        self._has_run = True

    @property
    def awaits_catch_up(self) -> bool:
        """Whether the catch-up message of the browser is to pass: it was asked for, and no run was handed over since.

        The front end repeats the message until a run begins. A repetition would interrupt that run, and with it what
        the user has pressed meanwhile.
        """
        return self._is_requested and not self._has_run

    @property
    def is_awaited(self) -> bool:
        """Whether the browser may still ask for a run by itself, as it does when one was cut off."""
        return self._monotonic() - self._accepted_at < CATCH_UP_SECONDS

    @property
    def has_failed(self) -> bool:
        """Whether the browser claims a session that is not resumed. Known once the socket was accepted."""
        return bool(self._claimed) and not (self._is_granted and self._is_active(self._claimed))

    @property
    def needs_whole_run(self) -> bool:
        """Whether the browser shows the page of a session that is gone: the new one knows no fragment of it yet."""
        return self.has_failed and not self._has_run

    @property
    def is_stale(self) -> bool:
        """Whether the browser shows the page of a session that is gone, and no run of it was requested."""
        return self.needs_whole_run and not (self._is_requested or self.is_awaited)
