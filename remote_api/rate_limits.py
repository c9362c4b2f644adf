"""How often a subject may call the API, and how often a stranger's address: counted here, told in every answer.

Each policy counts in windows of the clock: in this process, or in a store of the library ``limits``, in which
Flask-Limiter counts too; that one's own hooks around every request would cost more than the whole protected endpoint
may (``docs/decisions``). When the store does not answer, calls are let through: who may do what is decided elsewhere.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from limits.errors import StorageError
from limits.storage import Storage

from app.core.addresses import network_of
from app.core.call_store import call_store
from app.core.clock import Clock, seconds_of
from app.core.errors import BadRequest, TooManyRequests, Unauthenticated
from app.core.principal import Subject
from app.core.settings import Settings
from remote_api.access import Declared
from remote_api.bearer import Bearer
from remote_api.middleware import LIMIT_HEADERS
from remote_api.preconditions import READS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

UNLIMITED: Final = frozenset({"health.healthz", "health.readyz"})
"""Endpoints that supervisors ask, from one address, as often as they please."""

MAX_ADDRESSES: Final = 100_000
MANY: Final = "many addresses"

_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_COMPLAIN_SECONDS: Final = 60

Who = Subject | str
"""A subject, or a stranger's address."""

log = structlog.get_logger("gatehouse.api")


@dataclass(frozen=True, slots=True)
class Policy:
    """``amount`` calls in each window of so many seconds. ``name`` is what answers call it."""

    name: str
    amount: int
    seconds: int
    counter: Counter

    @property
    def told(self) -> str:
        """As the header ``RateLimit-Policy`` has it."""
        return f'"{self.name}";q={self.amount};w={self.seconds}'


class Counter(Protocol):
    """Counts by name within a window."""

    def __call__(self, who: Who, window: int) -> int | None:
        """How many there were in this window with this one; None when it cannot be told."""


class RateLimits:
    """Admits calls or refuses them, before anything is decided about them. Safe from any thread."""

    def __init__(self, settings: Settings, bearer: Bearer, clock: Clock) -> None:
        """Raises ``ConfigurationError`` for a store that cannot be used."""
        self._bearer = bearer
        self._seconds = seconds_of(clock)
        store = call_store(settings.rate_limit_storage)
        self._calls = _policy("calls", settings.api_rate_limit, store)
        self._changes = _policy("changes", settings.api_change_rate_limit, store)
        self._reading = ("RateLimit-Policy", self._calls.told)
        self._changing = ("RateLimit-Policy", f"{self._calls.told}, {self._changes.told}")

    def admit(self, environ: WSGIEnvironment, endpoint: str, declared: Declared) -> None:
        """Count one call, by its subject or by a stranger's address; raises ``TooManyRequests`` beyond the limit.

        Raises what ``Bearer.caller`` raises too, after counting it for the address: an address that sends bad tokens
        hears no more of them once it is over its limit, and the good tokens of others behind it go on.
        """
        if endpoint in UNLIMITED:
            return
        who: Who | None = None
        if declared.protected:
            try:
                who = self._bearer.caller(environ).principal.subject
            except (Unauthenticated, BadRequest):
                self._count(environ, self._address(), changes=False)
                raise
        self._count(environ, who or self._address(), changes=who is not None and environ["REQUEST_METHOD"] not in READS)

    def _count(self, environ: WSGIEnvironment, who: Who, *, changes: bool) -> None:
        now = int(self._seconds())
        policy = self._calls
        used = policy.counter(who, now // policy.seconds)
        if used is None:
            return
        left = policy.seconds - now % policy.seconds
        refused = left if used > policy.amount else 0
        told = f'"calls";r={max(0, policy.amount - used)};t={left}'
        if changes:
            policy = self._changes
            used = policy.counter(who, now // policy.seconds) or 0
            left = policy.seconds - now % policy.seconds
            refused = max(refused, left if used > policy.amount else 0)
            told += f', "changes";r={max(0, policy.amount - used)};t={left}'
        environ[LIMIT_HEADERS] = (self._changing if changes else self._reading, ("RateLimit", told))
        if refused:
            raise TooManyRequests(refused, f"That was more than is answered; in {refused} seconds it goes on.")

    def _address(self) -> str:
        """The stranger's address; of IPv6 the /64, which is what one of them has."""
        return network_of(self._bearer.address())


class InMemory:
    """Counts in this process. Beyond ``MAX_ADDRESSES`` in a window, strangers share one count.

    The two windows that were used last are kept, whichever they are: a thread that read the clock just before it turned
    counts into its own, and a clock that ran ahead and is set back leaves nothing behind that refuses anybody.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._window = -1
        self._counts: dict[Who, int] = {}
        self._other = -1
        self._other_counts: dict[Who, int] = {}

    def __call__(self, who: Who, window: int) -> int:
        """See ``Counter``."""
        with self._lock:
            if window != self._window:
                counts = self._other_counts if window == self._other else {}
                self._other, self._other_counts = self._window, self._counts
                self._window, self._counts = window, counts
            counts = self._counts
            used = counts.get(who, 0) + 1
            if used == 1 and isinstance(who, str) and len(counts) >= MAX_ADDRESSES:
                who = MANY
                used = counts.get(who, 0) + 1
            counts[who] = used
            return used


class InStore:
    """Counts in a store of the library ``limits``, for all processes together."""

    def __init__(self, store: Storage, name: str, seconds: int) -> None:
        self._store = store
        self._name = name
        self._seconds = seconds
        self._complained_at = float("-inf")

    def __call__(self, who: Who, window: int) -> int | None:
        """See ``Counter``. Each window is a key of its own, so that one increment tells all there is to tell."""
        # Of one form whatever the subject: some stores are particular about keys.
        key = blake2b("\n".join(("address", who) if isinstance(who, str) else who).encode(), digest_size=16).hexdigest()
        try:
            return self._store.incr(f"gatehouse:{self._name}:{window}:{key}", self._seconds)
        except StorageError:
            self._complain()
            return None

    def _complain(self) -> None:
        """Say in the log that nothing is counted, about once a minute."""
        now = time.monotonic()
        if now - self._complained_at > _COMPLAIN_SECONDS:
            self._complained_at = now
            log.error("calls are not counted: GATEHOUSE_RATE_LIMIT_STORAGE does not answer")


def _policy(name: str, written: str, store: Storage | None) -> Policy:
    """A policy from a setting such as ``600 per minute``, which the settings have checked."""
    amount, _, unit = written.split(" ")
    seconds = _UNITS[unit]
    return Policy(name, int(amount), seconds, InMemory() if store is None else InStore(store, name, seconds))
