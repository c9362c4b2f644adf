"""The deadline for a client to send something: fixed at first, and extended by what has been received."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIN_BYTES_PER_SECOND: Final = 16 * 1024
"""Slower than any connection on which a Streamlit app is usable."""


@dataclass(slots=True)
class ReceiveDeadline:
    """The deadline of a head, body or message.

    Args:
        since: When it started, on a monotonic clock.
        seconds: The time allowed beside what its bytes take.
        received: The bytes received so far.
    """

    since: float
    seconds: float
    received: int = 0

    def has_passed(self, now: float) -> bool:
        """Whether the deadline has passed by ``now``."""
        return now - self.since > self.seconds + self.received / MIN_BYTES_PER_SECOND
