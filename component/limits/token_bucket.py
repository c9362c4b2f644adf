"""Token buckets: limits of a rate with bursts. Callers pass the time, in seconds of a monotonic clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import Final

MAX_KEYS: Final = 10_000


@dataclass(slots=True)
class TokenBucket:
    """A bucket that refills with ``rate`` tokens a second, up to ``burst``. Taking more than it has is a debt."""

    rate: float
    burst: float
    tokens: float
    at: float
    max_debt: float = math.inf
    """The maximum debt."""

    @classmethod
    def full(cls, rate: float, burst: float, now: float, *, max_debt: float = math.inf) -> TokenBucket:
        """A bucket with ``burst`` tokens."""
        return cls(rate, burst, burst, now, max_debt)

    def take(self, amount: float, now: float) -> float:
        """Take ``amount`` tokens; returns the seconds until the debt is paid, 0 without one."""
        self._refill(now)
        self.tokens = max(self.tokens - amount, -self.max_debt)
        return max(0.0, -self.tokens / self.rate)

    def try_take(self, amount: float, now: float) -> bool:
        """Take ``amount`` tokens if the bucket has them; returns whether it had."""
        if not self.has(amount, now):
            return False
        self.tokens -= amount
        return True

    def has(self, amount: float, now: float) -> bool:
        """Whether the bucket has ``amount`` tokens."""
        self._refill(now)
        return self.tokens >= amount

    def seconds_until(self, amount: float, now: float) -> float:
        """The seconds until the bucket has ``amount`` tokens, at most until it is full."""
        self._refill(now)
        return max(0.0, (min(amount, self.burst) - self.tokens) / self.rate)

    def is_full(self, now: float) -> bool:
        """Whether the bucket is full, so that a new one would be the same."""
        self._refill(now)
        return self.tokens >= self.burst

    def _refill(self, now: float) -> None:
        if now > self.at:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
            self.at = now


class TokenBuckets:
    """A bucket for each key. Beyond ``max_keys`` full buckets are dropped, or else the least recently used tenth."""

    def __init__(self, rate: float, burst: float, *, max_keys: int = MAX_KEYS, max_debt: float = math.inf) -> None:
        self._max_debt = max_debt
        self._rate = rate
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: dict[str, TokenBucket] = {}

    def of(self, key: str, now: float) -> TokenBucket:
        """The bucket of ``key``, which becomes the most recently used one."""
        bucket = self._buckets.pop(key, None) or self._full(now)
        self._buckets[key] = bucket
        if len(self._buckets) > self._max_keys:
            full = [other for other, kept in self._buckets.items() if kept is not bucket and kept.is_full(now)]
            # Many at a time: a flood of new clients must not cause a scan of all buckets for each of them.
            for other in full or list(islice(self._buckets, max(1, self._max_keys // 10))):
                del self._buckets[other]
        return bucket

    def _full(self, now: float) -> TokenBucket:
        return TokenBucket.full(self._rate, self._burst, now, max_debt=self._max_debt)

    def __len__(self) -> int:
        return len(self._buckets)
