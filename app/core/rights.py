"""What each subject holds now, without asking storage twice for the same thing.

A set is kept only for the policy version it was read at or after and only until the next expiry in it. The caller
brings the version, read afresh in the same query as the session or token: so a right taken away is gone at the next
use, in every process.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from app.core.clock import Clock, utc_now
from app.core.policy import Grants
from app.core.ports import Reader
from app.core.principal import Subject


class Rights:
    """Grants by subject. Bounded; safe from any thread."""

    def __init__(self, reader: Reader, *, clock: Clock = utc_now, keep: int = 4096) -> None:
        """``keep``: how many subjects' sets are remembered at most."""
        self._reader = reader
        self._clock = clock
        self._keep = keep
        self._lock = Lock()
        self._sets: OrderedDict[Subject, tuple[int, Grants]] = OrderedDict()

    def of(self, subject: Subject, policy_version: int) -> Grants:
        """What ``subject`` holds, at least as new as ``policy_version`` (which the caller has just read)."""
        known = self._sets.get(subject)
        if known is not None and known[0] == policy_version:
            until = known[1].until
            if until is None or until > self._clock():
                return known[1]
        # Read after the version was: the set can only be newer than the version it is filed under, never older.
        grants = self._reader.grants(subject, self._clock())
        with self._lock:
            self._sets[subject] = (policy_version, grants)
            self._sets.move_to_end(subject)
            while len(self._sets) > self._keep:
                self._sets.popitem(last=False)
        return grants
