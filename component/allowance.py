"""A token bucket: so many at once, then so many a second."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock


class Allowance:
    """Safe from any thread."""

    def __init__(self, most: int, per_second: float, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._per_second = per_second
        self._monotonic = monotonic
        self._lock = Lock()
        self._left, self._at = float(most), monotonic()

    @property
    def is_full(self) -> bool:
        """Whether nothing has been taken, or all of it has come back."""
        with self._lock:
            self._refill()
            return self._left >= self._most

    def take(self) -> bool:
        """Whether there was one left."""
        with self._lock:
            self._refill()
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """One that was taken was not used."""
        with self._lock:
            self._refill()
            self._left = min(self._most, self._left + 1)

    def _refill(self) -> None:
        now = self._monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
