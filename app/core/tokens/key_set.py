"""The issuer's public keys: cached, and fetched again within limits when a token names an unknown key.

A fetch runs in its own thread. A cached key is returned at once, stale or not; only a caller with an unknown key waits,
and joins the fetch in progress. One bad key does not break the others (RFC 7517 §5).

Tokens that any client can send and tokens that came from the provider have separate budgets (decision 38): made-up key
ids cannot delay a sign-in whose key was published a moment ago.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import structlog

from app.core.errors import ProviderUnavailable, TokenInvalid
from app.core.failure_reasons import ProviderReason, TokenReason
from app.core.http_client import cause_of
from app.core.tokens.jwks import MATERIAL, Key, PublicKey, usable_keys

KEYS_LIFETIME_SECONDS: Final = 600.0
"""A key set that is older is fetched again in the background."""
UNKNOWN_FETCH_SECONDS: Final = 12.0
"""Least time between two fetches for unknown keys of tokens that any client can send: five a minute, evenly."""
MAX_ABSENT: Final = 64
_ABANDONED_SECONDS: Final = 60.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One key set as fetched; replaced as a whole, so that readers need no lock."""

    by_kid: Mapping[tuple[str, str], PublicKey]
    sole_key_by_alg: Mapping[str, PublicKey]
    """Algorithm → its key, for algorithms with exactly one key: the key that a token without ``kid`` may use."""
    ambiguous_algs: frozenset[str]
    """Algorithms with more than one key: a token without ``kid`` does not say which of them it means."""
    identity: frozenset[tuple[str | None, str, tuple[str, str]]]
    generation: int
    fetched_at: float
    absent: set[tuple[str | None, str]] = field(default_factory=set, compare=False)
    """Keys that are known to be missing: withdrawn since the last set, or the ones it was fetched for; at most 64."""

    def find(self, kid: str | None, alg: str) -> PublicKey | None:
        return self.sole_key_by_alg.get(alg) if kid is None else self.by_kid.get((kid, alg))


class _Cause(Enum):
    """The cause of a fetch."""

    FIRST = auto()
    """No keys are cached, or the cached ones are stale."""
    CLIENT = auto()
    """An unknown key of a token that any client can send."""
    PROVIDER = auto()
    """An unknown key of a token that came from the provider over TLS."""


@dataclass(slots=True, eq=False)
class _Fetch:
    """One fetch in progress."""

    cause: _Cause
    started_at: float
    finished: threading.Event = field(default_factory=threading.Event)
    failure: ProviderReason | None = None


class KeySet:
    """The issuer's keys, from ``fetch`` (a JWKS; RFC 7517). Safe to use from any thread.

    A set older than ``max_age_seconds`` is refreshed in the background. An unknown key leads to a fetch, within limits:
    at least ``cooldown_seconds`` after the end of the last fetch and, for tokens that any client can send, at least
    ``unknown_fetch_seconds`` after the last fetch that such a token caused. For a token of the provider only the last
    fetch for such a token counts. Callers wait at most ``wait_seconds``. A response without a usable key is a failed
    fetch: the cached keys stay. A key without ``alg`` is bound to the first of ``algorithms`` that fits. All times are
    ``clock``'s seconds.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        *,
        algorithms: Sequence[str] = ("RS256",),
        cooldown_seconds: float = 5,
        max_age_seconds: float = KEYS_LIFETIME_SECONDS,
        unknown_fetch_seconds: float = UNKNOWN_FETCH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        wait_seconds: float = 10,
    ) -> None:
        if not algorithms or not set(algorithms) <= MATERIAL.keys():
            raise ValueError(f"algorithms must be some of {', '.join(MATERIAL)}")
        self._fetch = fetch
        self._algorithms = tuple(algorithms)
        self._cooldown_seconds = cooldown_seconds
        self._max_age_seconds = max_age_seconds
        self._unknown_fetch_seconds = unknown_fetch_seconds
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._lock = threading.Lock()  # for the fields below, never held during a fetch
        self._snapshot: _Snapshot | None = None
        self._current_fetch: _Fetch | None = None
        self._ended_at: dict[_Cause, float] = {}
        self._unknown_at: float | None = None
        self._failure: ProviderReason | None = None

    @property
    def generation(self) -> int:
        """A number that grows whenever the set of keys changes; 0 before the first set."""
        snapshot = self._snapshot
        return snapshot.generation if snapshot is not None else 0

    def key(self, kid: str | None, alg: str, *, from_provider: bool = False) -> PublicKey:
        """Return the key for a token's ``kid`` and ``alg``.

        Args:
            kid: Key id of the token's header, if it has one.
            alg: Algorithm of the token's header.
            from_provider: Whether the token came from the provider over TLS, so that its key id is not made up.

        Raises:
            TokenInvalid: if a current key set has no such key.
            ProviderUnavailable: if the key set cannot be fetched now; ``retry_after_seconds`` says when it may be.
        """
        return self.versioned_key(kid, alg, from_provider=from_provider)[0]

    def versioned_key(self, kid: str | None, alg: str, *, from_provider: bool = False) -> tuple[PublicKey, int]:
        """Return the key as ``key`` does, with the ``generation`` of its set.

        Raises:
            TokenInvalid: as ``key``.
            ProviderUnavailable: as ``key``.
        """
        snapshot = self._snapshot
        if snapshot is not None:
            key = snapshot.find(kid, alg)
            if key is not None:
                if self._clock() - snapshot.fetched_at >= self._max_age_seconds:
                    self._start_or_join(_Cause.FIRST)
                return key, snapshot.generation
            if kid is None and alg in snapshot.ambiguous_algs:
                raise TokenInvalid(reason=TokenReason.KEY_UNNAMED)
            if any(kid == known for known, _ in snapshot.by_kid):  # its key is for another algorithm
                raise TokenInvalid(reason=TokenReason.ALGORITHM)
        if alg not in self._algorithms:
            raise TokenInvalid(reason=TokenReason.ALGORITHM)
        if snapshot is None:
            return self._fetched_key(kid, alg, _Cause.FIRST)
        return self._fetched_key(kid, alg, _Cause.PROVIDER if from_provider else _Cause.CLIENT)

    def _fetched_key(self, kid: str | None, alg: str, cause: _Cause) -> tuple[PublicKey, int]:
        """The key from a set that is fetched now, or already being fetched."""
        fetch = self._start_or_join(cause)
        if fetch is not None and cause is _Cause.PROVIDER and fetch.cause is not cause:
            # That fetch may have started before the key was published: a token of the provider gets its own.
            fetch.finished.wait(self._wait_seconds)
            key = self._cached_key(kid, alg)
            if key is not None:
                return key
            fetch = self._start_or_join(cause)
        if fetch is not None and not fetch.finished.wait(self._wait_seconds):
            raise ProviderUnavailable(reason=ProviderReason.TIMEOUT)
        key = self._cached_key(kid, alg)  # even without a fetch: that of another thread may have ended meanwhile
        if key is not None:
            return key
        snapshot = self._snapshot
        if fetch is not None and fetch.failure is not None:
            raise ProviderUnavailable(reason=fetch.failure, retry_after_seconds=self._wait_for(cause))
        if fetch is not None and snapshot is not None:
            if len(snapshot.absent) < MAX_ABSENT:
                snapshot.absent.add((kid, alg))
            raise TokenInvalid(reason=TokenReason.KEY_UNKNOWN)
        if snapshot is not None and (kid, alg) in snapshot.absent:
            raise TokenInvalid(reason=TokenReason.KEY_UNKNOWN)
        reason = self._failure or ProviderReason.KEYS_WAIT
        raise ProviderUnavailable(reason=reason, retry_after_seconds=self._wait_for(cause))

    def _cached_key(self, kid: str | None, alg: str) -> tuple[PublicKey, int] | None:
        snapshot = self._snapshot
        key = snapshot.find(kid, alg) if snapshot is not None else None
        return (key, snapshot.generation) if snapshot is not None and key is not None else None

    def _start_or_join(self, cause: _Cause) -> _Fetch | None:
        """The fetch in progress, or a new one; None if none may start now."""
        now = self._clock()
        with self._lock:
            fetch = self._current_fetch
            if fetch is not None and now - fetch.started_at < _ABANDONED_SECONDS:
                return fetch
            if self._not_before(cause) > now:
                return None
            if cause is _Cause.CLIENT:
                self._unknown_at = now
            self._current_fetch = fetch = _Fetch(cause, now)
            try:
                threading.Thread(target=self._run, args=(fetch,), name="gatehouse-keys", daemon=True).start()
            except RuntimeError:  # no more threads, or the interpreter is ending
                self._finish(fetch, None, ProviderReason.UNEXPECTED)
            return fetch

    def _not_before(self, cause: _Cause) -> float:
        """When the next fetch for this cause may start. The lock is held."""
        counted = [self._ended_at[each] for each in self._counted(cause) if each in self._ended_at]
        times = [ended_at + self._cooldown_seconds for ended_at in counted]
        if cause is _Cause.CLIENT and self._unknown_at is not None:
            times.append(self._unknown_at + self._unknown_fetch_seconds)
        return max(times, default=-math.inf)

    @staticmethod
    def _counted(cause: _Cause) -> tuple[_Cause, ...]:
        """The causes whose fetches delay this one. Tokens of the provider are delayed by their own fetches only."""
        return (cause,) if cause is _Cause.PROVIDER else tuple(_Cause)

    def _wait_for(self, cause: _Cause) -> int:
        """Whole seconds until the next fetch for this cause may start, at least 1."""
        with self._lock:
            left = self._not_before(cause) - self._clock()
        return max(1, math.ceil(left)) if math.isfinite(left) else 1

    def _run(self, fetch: _Fetch) -> None:
        keys: tuple[Key, ...] | None = None
        failure: ProviderReason | None = None
        try:
            keys = tuple(usable_keys(self._fetch(), self._algorithms)) or None
            failure = None if keys else ProviderReason.NO_KEYS
        except ProviderUnavailable as error:
            failure = error.reason or ProviderReason.UNEXPECTED
        except Exception as error:  # noqa: BLE001 - whatever fails, cached keys stay in use and waiting callers return
            failure = cause_of(error)
        if failure is not None:
            _log.warning("the provider's key set could not be read; cached keys stay in use", reason=failure)
        with self._lock:
            self._finish(fetch, keys, failure)

    def _finish(self, fetch: _Fetch, keys: tuple[Key, ...] | None, failure: ProviderReason | None) -> None:
        """Use the result of a fetch, unless it was abandoned. The lock is held."""
        fetch.failure = failure
        if self._current_fetch is fetch:
            self._current_fetch = None
            self._ended_at[fetch.cause] = self._clock()
            self._failure = failure
            if keys is not None:
                self._snapshot = _snapshot(keys, self._snapshot, fetch.started_at)
        fetch.finished.set()


def _snapshot(keys: tuple[Key, ...], before: _Snapshot | None, fetched_at: float) -> _Snapshot:
    identity = frozenset((key.kid, key.alg, key.material) for key in keys)
    generation = before.generation if before is not None else 0
    if before is None or before.identity != identity:
        generation += 1
    distinct = {(*key.material, key.alg): key for key in keys}
    count = Counter(key.alg for key in distinct.values())
    by_kid: dict[tuple[str, str], PublicKey] = {}
    for key in keys:
        if key.kid is not None:
            by_kid.setdefault((key.kid, key.alg), key.public)
    withdrawn = before.by_kid.keys() - by_kid.keys() if before is not None else ()
    return _Snapshot(
        by_kid=by_kid,
        sole_key_by_alg={key.alg: key.public for key in distinct.values() if count[key.alg] == 1},
        ambiguous_algs=frozenset(alg for alg, number in count.items() if number > 1),
        identity=identity,
        generation=generation,
        fetched_at=fetched_at,
        absent=set(withdrawn),
    )
