"""Token buckets: how much work a client may cause in a time. They know no clock of their own and no client."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import Final

MAX_KEYS: Final = 10_000


@dataclass(slots=True)
class TokenBucket:
    """Refills with ``rate`` tokens a second, up to ``burst``. What is taken beyond that is a debt, to be waited for."""

    rate: float
    burst: float
    tokens: float
    at: float
    max_debt: float = math.inf
    """A debt grows no further than this."""

    @classmethod
    def full(cls, rate: float, burst: float, now: float, *, max_debt: float = math.inf) -> TokenBucket:
        """A bucket from which ``burst`` tokens can be taken at once."""
        return cls(rate, burst, burst, now, max_debt)

    def take(self, amount: float, now: float) -> float:
        """Take ``amount`` tokens; returns the seconds until they are paid for, 0 when they were there."""
        self._refill(now)
        self.tokens = max(self.tokens - amount, -self.max_debt)
        return max(0.0, -self.tokens / self.rate)

    def try_take(self, amount: float, now: float) -> bool:
        """Take ``amount`` tokens if they are there; returns whether they were."""
        if not self.holds(amount, now):
            return False
        self.tokens -= amount
        return True

    def holds(self, amount: float, now: float) -> bool:
        """Whether ``amount`` tokens are there."""
        self._refill(now)
        return self.tokens >= amount

    def seconds_until(self, amount: float, now: float) -> float:
        """How long until ``amount`` tokens are there, or as many as ever are; 0 when they are."""
        self._refill(now)
        return max(0.0, (min(amount, self.burst) - self.tokens) / self.rate)

    def is_full(self, now: float) -> bool:
        """Whether nothing is owed: a new bucket would be the same."""
        self._refill(now)
        return self.tokens >= self.burst

    def _refill(self, now: float) -> None:
        if now > self.at:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
            self.at = now


class TokenBuckets:
    """A bucket for each key. Beyond ``max_keys`` full ones are forgotten, or else a tenth: the longest unused."""

    def __init__(self, rate: float, burst: float, *, max_keys: int = MAX_KEYS, max_debt: float = math.inf) -> None:
        self._max_debt = max_debt
        self._rate = rate
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: dict[str, TokenBucket] = {}

    def of(self, key: str, now: float) -> TokenBucket:
        """The bucket of ``key``, which is the most recently used one from now on."""
        bucket = self._buckets.pop(key, None) or self._full(now)
        self._buckets[key] = bucket
        if len(self._buckets) > self._max_keys:
            full = [other for other, kept in self._buckets.items() if kept is not bucket and kept.is_full(now)]
            # Many at a time: a flood of ever new clients must not have all buckets looked at for each of them.
            for other in full or list(islice(self._buckets, max(1, self._max_keys // 10))):
                del self._buckets[other]
        return bucket

    def _full(self, now: float) -> TokenBucket:
        return TokenBucket.full(self._rate, self._burst, now, max_debt=self._max_debt)

    def __len__(self) -> int:
        return len(self._buckets)
