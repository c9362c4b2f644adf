"""Rate limits of subjects and of the addresses of anonymous clients, reported in the headers of every response.

Each quota counts calls in fixed windows, either in this process or in a store of the library ``limits``. The product
uses that library without Flask-Limiter, whose hooks around a request cost more time than a protected endpoint may take
in total (decision 19, ``docs/decisions/0019-count-rate-limits-in-our-own-code.md``). When the store does not answer,
calls pass: a rate limit is not an access check.
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

from app.core.client_addresses import network_of
from app.core.clock import Clock, seconds_of
from app.core.errors import BadRequest, TooManyRequests, Unauthenticated
from app.core.principal import Subject
from app.core.rate_limit_storage import open_rate_limit_storage
from app.core.settings import Settings
from remote_api.access import AccessDeclaration
from remote_api.bearer import BearerAuthentication
from remote_api.middleware import LIMIT_HEADERS
from remote_api.preconditions import READS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

UNLIMITED: Final = frozenset({"health.healthz", "health.readyz"})
"""Endpoints without a limit: supervisors poll them from one address."""

MAX_ADDRESSES: Final = 100_000
SHARED_KEY: Final = "many addresses"

_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_COMPLAIN_SECONDS: Final = 60

RateLimitKey = Subject | str
"""A subject, or the address of an anonymous client."""

log = structlog.get_logger("gatehouse.api")


@dataclass(frozen=True, slots=True)
class RateLimitQuota:
    """``amount`` calls in each window of ``seconds``. ``name`` is the name in the headers."""

    name: str
    amount: int
    seconds: int
    counter: RequestCounter

    @property
    def header(self) -> str:
        """The item of the header ``RateLimit-Policy``."""
        return f'"{self.name}";q={self.amount};w={self.seconds}'


class RequestCounter(Protocol):
    """Counts calls within a window."""

    def __call__(self, key: RateLimitKey, window: int) -> int | None:
        """Count a call and return how many there are in this window; None when the store does not answer."""


class RateLimits:
    """Admits or refuses calls before access is decided. Thread-safe."""

    def __init__(self, settings: Settings, authentication: BearerAuthentication, clock: Clock) -> None:
        """Open the store.

        Raises:
            ConfigurationError: The store cannot be used.
        """
        self._authentication = authentication
        self._seconds = seconds_of(clock)
        store = open_rate_limit_storage(settings.rate_limit_storage)
        self._calls = _quota("calls", settings.api_rate_limit, store)
        self._changes = _quota("changes", settings.api_change_rate_limit, store)
        self._reading = ("RateLimit-Policy", self._calls.header)
        self._changing = ("RateLimit-Policy", f"{self._calls.header}, {self._changes.header}")

    def admit(self, environ: WSGIEnvironment, endpoint: str, declaration: AccessDeclaration) -> None:
        """Count one call, by its subject or by the address of an anonymous client.

        A call whose token is invalid counts for its address: above the limit the address gets 429 without a reason,
        while valid tokens of other users behind the same address keep working.

        Raises:
            TooManyRequests: The limit is exceeded.
            GatehouseError: What ``Bearer.caller`` raises.
        """
        if endpoint in UNLIMITED:
            return
        key: RateLimitKey | None = None
        if declaration.protected:
            try:
                key = self._authentication.caller(environ).principal.subject
            except (Unauthenticated, BadRequest):
                self._count(environ, self._address(), changes=False)
                raise
        self._count(environ, key or self._address(), changes=key is not None and environ["REQUEST_METHOD"] not in READS)

    def _count(self, environ: WSGIEnvironment, key: RateLimitKey, *, changes: bool) -> None:
        now = int(self._seconds())
        quota = self._calls
        used = quota.counter(key, now // quota.seconds)
        if used is None:
            return
        left = quota.seconds - now % quota.seconds
        refused = left if used > quota.amount else 0
        header = f'"calls";r={max(0, quota.amount - used)};t={left}'
        if changes:
            quota = self._changes
            used = quota.counter(key, now // quota.seconds) or 0
            left = quota.seconds - now % quota.seconds
            refused = max(refused, left if used > quota.amount else 0)
            header += f', "changes";r={max(0, quota.amount - used)};t={left}'
        environ[LIMIT_HEADERS] = (self._changing if changes else self._reading, ("RateLimit", header))
        if refused:
            raise TooManyRequests(refused, f"Too many calls. Try again in {refused} seconds.")

    def _address(self) -> str:
        """The client's address; of IPv6 the /64, which is what one client has."""
        return network_of(self._authentication.address())


class MemoryCounter:
    """Counts in this process. Above ``MAX_ADDRESSES`` in a window, anonymous clients share one count.

    The two windows used last are kept: a thread that reads the clock just before a window ends counts in that window,
    and a clock that ran ahead and is set back does not cause refusals.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._window = -1
        self._counts: dict[RateLimitKey, int] = {}
        self._other = -1
        self._other_counts: dict[RateLimitKey, int] = {}

    def __call__(self, key: RateLimitKey, window: int) -> int:
        """See ``RequestCounter``."""
        with self._lock:
            if window != self._window:
                counts = self._other_counts if window == self._other else {}
                self._other, self._other_counts = self._window, self._counts
                self._window, self._counts = window, counts
            counts = self._counts
            used = counts.get(key, 0) + 1
            if used == 1 and isinstance(key, str) and len(counts) >= MAX_ADDRESSES:
                key = SHARED_KEY
                used = counts.get(key, 0) + 1
            counts[key] = used
            return used


class StoreCounter:
    """Counts in a store of the library ``limits``, shared by all processes."""

    def __init__(self, store: Storage, name: str, seconds: int) -> None:
        self._store = store
        self._name = name
        self._seconds = seconds
        self._complained_at = float("-inf")

    def __call__(self, key: RateLimitKey, window: int) -> int | None:
        """See ``RequestCounter``. Each window has its own key, so that one increment is enough."""
        # Hashed, because some stores restrict keys.
        digest = blake2b(
            "\n".join(("address", key) if isinstance(key, str) else key).encode(), digest_size=16
        ).hexdigest()
        try:
            return self._store.incr(f"gatehouse:{self._name}:{window}:{digest}", self._seconds)
        except StorageError:
            self._complain()
            return None

    def _complain(self) -> None:
        """Log that calls are not counted, at most once a minute."""
        now = time.monotonic()
        if now - self._complained_at > _COMPLAIN_SECONDS:
            self._complained_at = now
            log.error("calls are not counted: GATEHOUSE_RATE_LIMIT_STORAGE does not answer")


def _quota(name: str, written: str, store: Storage | None) -> RateLimitQuota:
    """A quota from a setting such as ``600 per minute``, which ``Settings`` has validated."""
    amount, _, unit = written.split(" ")
    seconds = _UNITS[unit]
    return RateLimitQuota(
        name, int(amount), seconds, MemoryCounter() if store is None else StoreCounter(store, name, seconds)
    )
