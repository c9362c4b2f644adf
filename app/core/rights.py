"""The cache of grants by subject.

An entry counts only for the policy version at or after which it was read, and only until the next expiry in it. The
caller passes the version, which it has just read in the same query as the session or token: a grant that is revoked is
gone at the next use, in every process. Each set is cached with its decisions (``Grants.with_decisions``), because
``decide`` runs at every guarded call.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from app.core.clock import Clock, utc_now
from app.core.policy import Grants
from app.core.ports import Reader
from app.core.principal import Subject


class Rights:
    """Grants by subject. Bounded; safe to use from any thread."""

    def __init__(self, reader: Reader, *, clock: Clock = utc_now, keep: int = 4096) -> None:
        """Cache the grants of at most ``keep`` subjects."""
        self._reader = reader
        self._clock = clock
        self._keep = keep
        self._lock = Lock()
        self._sets: OrderedDict[Subject, tuple[int, Grants]] = OrderedDict()

    def of(self, subject: Subject, policy_version: int) -> Grants:
        """Return the grants of ``subject``, at least as new as ``policy_version``, which the caller has just read."""
        known = self._sets.get(subject)
        if known is not None and known[0] == policy_version:
            expires_at = known[1].next_expiry_at
            if expires_at is None or expires_at > self._clock():
                return known[1]
        # Read after the version was: the set can be newer than the version it is cached under, never older.
        grants = self._reader.grants(subject, self._clock()).with_decisions()
        with self._lock:
            self._sets[subject] = (policy_version, grants)
            self._sets.move_to_end(subject)
            while len(self._sets) > self._keep:
                self._sets.popitem(last=False)
        return grants
