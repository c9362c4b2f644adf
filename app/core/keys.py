"""The issuer's public keys: cached, refetched for unknown ones within limits, never waited for when known.

A fetch runs in one thread of its own. Whoever's key is cached goes on at once, stale or not; only a caller with an
unknown key waits, and joins the fetch under way. One bad key does not break the others (RFC 7517 §5).
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import get_algorithm_by_name

from app.core.errors import ProviderUnavailable, TokenInvalid
from app.core.jws import MAX_KID_CHARACTERS

PublicKey = RSAPublicKey | EllipticCurvePublicKey

MAX_KEYS: Final = 50
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
UNKNOWN_FETCHES_PER_MINUTE: Final = 5
_MINUTE_SECONDS: Final = 60.0
_ABANDONED_SECONDS: Final = 60.0
_MAX_EXPONENT: Final = 2**33

MATERIAL: Final = {"RS256": ("RSA", "n", "e"), "PS256": ("RSA", "n", "e"), "ES256": ("EC", "x", "y")}
"""Algorithm → key type and the two members that hold the key. No other algorithm is known at all."""
_NUMBER: Final = re.compile(r"[A-Za-z0-9_-]{1,2048}={0,2}")

_log = logging.getLogger(__name__)


class _Key(NamedTuple):
    kid: str | None
    alg: str
    material: tuple[str, str]
    public: PublicKey


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One key set as it was read; replaced whole, so that reading needs no lock."""

    by_kid: Mapping[tuple[str, str], PublicKey]
    lone: Mapping[str, PublicKey]
    """Algorithm → its key where there is exactly one: what a token without ``kid`` may use."""
    several: frozenset[str]
    """Algorithms with more than one key."""
    identity: frozenset[tuple[str | None, str, tuple[str, str]]]
    generation: int
    fetched_at: float

    def find(self, kid: str | None, alg: str) -> PublicKey | None:
        return self.lone.get(alg) if kid is None else self.by_kid.get((kid, alg))


@dataclass(slots=True, eq=False)
class _Flight:
    """One fetch under way."""

    started_at: float
    landed: threading.Event = field(default_factory=threading.Event)
    failed: bool = False


class KeySet:
    """The issuer's keys, from ``fetch`` (a JWKS; RFC 7517). Any thread may use it; times are ``clock``'s seconds.

    A set older than ``max_age_seconds`` is refreshed in the background. An unknown key causes a fetch unless one ended
    less than ``cooldown_seconds`` ago or five were caused so within a minute; callers wait ``wait_seconds`` at most.
    A key without ``alg`` is bound to the first of ``algorithms`` that fits it.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        *,
        algorithms: Sequence[str] = ("RS256",),
        cooldown_seconds: float = 5,
        max_age_seconds: float = 600,
        clock: Callable[[], float] = time.monotonic,
        wait_seconds: float = 10,
    ) -> None:
        if not algorithms or not set(algorithms) <= MATERIAL.keys():
            raise ValueError(f"algorithms must be some of {', '.join(MATERIAL)}")
        self._fetch = fetch
        self._algorithms = tuple(algorithms)
        self._cooldown_seconds = cooldown_seconds
        self._max_age_seconds = max_age_seconds
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._lock = threading.Lock()  # for the fields below, never held during a fetch
        self._snapshot: _Snapshot | None = None
        self._flight: _Flight | None = None
        self._ended_at: float | None = None
        self._failed = False
        self._unknown_at: deque[float] = deque()

    @property
    def generation(self) -> int:
        """Moves when the set of keys changed; 0 before the first one."""
        snapshot = self._snapshot
        return snapshot.generation if snapshot is not None else 0

    def key(self, kid: str | None, alg: str) -> PublicKey:
        """The key for a token's ``kid`` and ``alg``, as ``jwt.decode`` takes it.

        Raises ``TokenInvalid`` when there is none, ``ProviderUnavailable`` when that could not be found out.
        """
        return self.versioned_key(kid, alg)[0]

    def versioned_key(self, kid: str | None, alg: str) -> tuple[PublicKey, int]:
        """As ``key``, with the ``generation`` of the very set the key is from."""
        snapshot = self._snapshot
        if snapshot is not None:
            key = snapshot.find(kid, alg)
            if key is not None:
                if self._clock() - snapshot.fetched_at >= self._max_age_seconds:
                    self._begin(unknown=False)
                return key, snapshot.generation
            if kid is None and alg in snapshot.several:
                raise TokenInvalid("The token does not say which key signed it.")
        if alg not in self._algorithms:
            raise TokenInvalid("The token's algorithm is not accepted.")
        flight = self._begin(unknown=snapshot is not None)
        if flight is not None and not flight.landed.wait(self._wait_seconds):
            raise ProviderUnavailable
        snapshot = self._snapshot  # again, even without a flight: another thread's may have landed meanwhile
        key = snapshot.find(kid, alg) if snapshot is not None else None
        if snapshot is not None and key is not None:
            return key, snapshot.generation
        if self._failed if flight is None else flight.failed:
            raise ProviderUnavailable
        raise TokenInvalid("The token was signed with a key the provider does not publish.")

    def _begin(self, *, unknown: bool) -> _Flight | None:
        """The fetch under way, or a new one; None when none may begin now."""
        now = self._clock()
        with self._lock:
            flight = self._flight
            if flight is not None and now - flight.started_at < _ABANDONED_SECONDS:
                return flight
            if self._ended_at is not None and now - self._ended_at < self._cooldown_seconds:
                return None
            if unknown and not self._take_from_bucket(now):
                return None
            self._flight = flight = _Flight(now)
            try:
                threading.Thread(target=self._fly, args=(flight,), name="gatehouse-keys", daemon=True).start()
            except RuntimeError:  # no more threads, or the interpreter is ending
                self._land(flight, None)
            return flight

    def _take_from_bucket(self, now: float) -> bool:
        while self._unknown_at and now - self._unknown_at[0] >= _MINUTE_SECONDS:
            self._unknown_at.popleft()
        if len(self._unknown_at) >= UNKNOWN_FETCHES_PER_MINUTE:
            return False
        self._unknown_at.append(now)
        return True

    def _fly(self, flight: _Flight) -> None:
        try:
            keys = tuple(_usable(self._fetch(), self._algorithms))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, cached keys go on and waiters are let go
            _log.warning("The provider's key set could not be read (%s); cached keys go on.", type(error).__name__)
            keys = None
        with self._lock:
            self._land(flight, keys)

    def _land(self, flight: _Flight, keys: tuple[_Key, ...] | None) -> None:
        """Take over what a flight brought, if it is still the one awaited. The lock is held."""
        flight.failed = keys is None
        if self._flight is flight:
            self._flight = None
            self._ended_at = self._clock()
            self._failed = keys is None
            if keys is not None:
                self._snapshot = _snapshot(keys, self._snapshot, flight.started_at)
        flight.landed.set()


def _snapshot(keys: tuple[_Key, ...], before: _Snapshot | None, fetched_at: float) -> _Snapshot:
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
    return _Snapshot(
        by_kid=by_kid,
        lone={key.alg: key.public for key in distinct.values() if count[key.alg] == 1},
        several=frozenset(alg for alg, number in count.items() if number > 1),
        identity=identity,
        generation=generation,
        fetched_at=fetched_at,
    )


def _usable(jwks: object, algorithms: Sequence[str]) -> Iterator[_Key]:
    """The keys fit for use, the first fifty entries at most; raises ``ValueError`` when this is no key set at all."""
    entries = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("not a key set")  # noqa: TRY004 - a wrong answer, not a wrong call
    for entry in entries[:MAX_KEYS]:
        try:
            key = _read(entry, algorithms) if isinstance(entry, Mapping) and _meant_for_us(entry) else None
        except Exception:  # noqa: BLE001 - one bad key, however bad, must not break the others
            key = None
        if key is not None:
            yield key


def _meant_for_us(jwk: Mapping[str, Any]) -> bool:
    """Whether the key is for verifying signatures; one whose private part is published is nobody's."""
    return jwk.get("use", "sig") == "sig" and "verify" in list(jwk.get("key_ops", ["verify"])) and "d" not in jwk


def _read(jwk: Mapping[str, Any], algorithms: Sequence[str]) -> _Key | None:
    """One key, or None when it is malformed or weak; may raise anything. Only public members are ever looked at."""
    kid, kty, named = jwk.get("kid"), jwk.get("kty"), jwk.get("alg")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID_CHARACTERS):
        return None
    alg = next((alg for alg in algorithms if MATERIAL[alg][0] == kty and (named is None or named == alg)), None)
    if alg is None:
        return None
    _, first, second = MATERIAL[alg]
    material = (jwk[first], jwk[second])
    if not all(isinstance(part, str) and _NUMBER.fullmatch(part) for part in material):
        return None
    members = {"kty": kty, "crv": jwk.get("crv"), first: material[0], second: material[1]}
    public = cast("PublicKey", get_algorithm_by_name(alg).from_jwk(members))
    return _Key(kid, alg, material, public) if _strong(public, alg) else None


def _strong(key: PublicKey, alg: str) -> bool:
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and numbers.n % 2 == 1 and numbers.e < _MAX_EXPONENT
    return alg == "ES256" and key.curve.name == "secp256r1"
