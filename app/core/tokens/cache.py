"""The cache of tokens that were verified within the last minute, by SHA-256.

It holds claims only: never a token, session, block or grants. An entry is valid for one generation of keys and until
the token expires; setting the clock back invalidates it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, Generic, NamedTuple, TypeVar

MAX_AGE_SECONDS: Final = 60.0
MAX_ENTRIES: Final = 4096

T = TypeVar("T")


class _Entry(NamedTuple, Generic[T]):
    value: T
    generation: int
    added_at: float
    expires_at: float


class TokenCache(Generic[T]):
    """A bounded LRU cache, safe to use from any thread. Times are seconds since 1970."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, _Entry[T]] = OrderedDict()
        self._generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: bytes, generation: int, now: float) -> T | None:
        """Return the value; None if it has expired or the keys have changed."""
        with self._lock:
            entry = self._entries.get(digest)
            if entry is None:
                return None
            value, made_for, added_at, expires_at = entry
            if made_for != generation or not added_at <= now < expires_at:
                del self._entries[digest]
                return None
            self._entries.move_to_end(digest)
            return value

    def put(self, digest: bytes, value: T, generation: int, *, added_at: float, expires_at: float) -> None:
        """Cache a value until ``expires_at``, for a minute at most; drops values of another generation of keys."""
        with self._lock:
            if generation < self._generation:
                return  # verified with keys that have been replaced meanwhile
            if generation > self._generation:
                self._entries.clear()
                self._generation = generation
            self._entries[digest] = _Entry(value, generation, added_at, min(expires_at, added_at + MAX_AGE_SECONDS))
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
