"""How long a client may take to send something: a while to begin with, and longer only as long as it keeps coming."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIN_BYTES_PER_SECOND: Final = 16 * 1024
"""Slower than any connection on which a Streamlit app can be used."""


@dataclass(slots=True)
class ReceiveDeadline:
    """Something of a client's that is under way, since ``since`` (seconds of a monotonic clock)."""

    since: float
    seconds: float
    received: int = 0

    def is_too_slow(self, now: float) -> bool:
        """Whether it should have been whole by ``now``."""
        return now - self.since > self.seconds + self.received / MIN_BYTES_PER_SECOND
