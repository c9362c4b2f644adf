"""How many sign-ins that come to nothing this process brings to the provider's token endpoint.

A browser can begin any number of sign-ins and end each with a made-up code; only the provider can tell. So an attempt
must be admitted before its code is exchanged, and one that came to nothing costs. The promises:

1. An attempt that came to nothing costs, whatever the reason: a code that the provider refuses, a sign-in that is used
   up already, a blocked account, an answer without an ID token. Beyond what it may cost nothing is exchanged and
   nothing is written.
2. An attempt that ends in a session costs nothing, and neither does one that is under way: an office behind one address
   signs in at the same moment.
3. What the provider's outage ends (no connection, an error of its server, "later") costs no client, but spares the
   provider; what the database's outage ends costs nothing. An answer of the provider is no outage: its user can change
   the scope in the address of the authorization request, and so what the answer holds.
4. A browser that has signed in here, or has a session, is not held to its address, which others share, and waits for no
   flood of others. One account has one budget, however many sessions and browsers it has; when that is used up,
   perhaps by another user of one of its browsers, they are admitted as new ones are.
5. A browser counts as known once its session was made, and no account keeps the browsers of others from being known.
6. An address from which more than one attempt in five minutes came to nothing is suspect. It has a small share of its
   own, and then shares a lane with all that are suspect; so a flood from some addresses (fewer than thirty) keeps
   nobody waiting who comes from another one, suspect or not.
7. What is remembered of clients is bounded.

Routes exchange codes in a bounded number of threads, and by so many attempts at most a limit is exceeded. Each process
has budgets of its own.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

from app.core.addresses import network_of
from app.core.errors import ProviderUnavailable, StorageUnavailable, TooManyRequests
from app.core.failure_reasons import ProviderReason
from app.core.principal import Subject
from component.limits.bounded_dict import put_newest
from component.limits.token_bucket import TokenBucket, TokenBuckets

MAX_CLIENT_FAILURES: Final = 5
"""Attempts of one browser, or of one account where it is known, that may come to nothing at once."""
CLIENT_PER_SECOND: Final = 1 / 30
MAX_ADDRESS_FAILURES: Final = 10
ADDRESS_PER_SECOND: Final = 1 / 6
MAX_UNSUSPECTED_FAILURES: Final = 2
"""An address (of IPv6 the /48, which one site has) from which so many attempts came to nothing is suspect."""
UNSUSPECTED_PER_SECOND: Final = 1 / 300
MAX_KNOWN_FAILURES: Final = 60
KNOWN_PER_SECOND: Final = 2.0
MAX_NEW_FAILURES: Final = 60
NEW_PER_SECOND: Final = 2.0
MAX_SUSPECT_FAILURES: Final = 20
SUSPECT_PER_SECOND: Final = 1 / 5
MAX_SHARE_FAILURES: Final = 2
"""Attempts from a suspect address (of IPv6 the /48) that may come to nothing whatever others do."""
SHARE_PER_SECOND: Final = 1 / 60
MAX_SHARES_FAILURES: Final = 60
"""The same of all suspect addresses together."""
SHARES_PER_SECOND: Final = 1 / 2
MAX_KNOWN_BROWSERS: Final = 4096
"""How many browsers are known, the latest ones."""
MAX_KNOWN_BROWSERS_PER_ACCOUNT: Final = 8
"""The same of one account."""
_SITE_BITS: Final = 48
OUTAGES: Final = frozenset(
    {
        ProviderReason.DNS,
        ProviderReason.REFUSED,
        ProviderReason.UNREACHABLE,
        ProviderReason.PROXY,
        ProviderReason.TIMEOUT,
        ProviderReason.BROKEN_OFF,
        ProviderReason.UNKNOWN_AUTHORITY,
        ProviderReason.CERTIFICATE_EXPIRED,
        ProviderReason.CERTIFICATE_AHEAD,
        ProviderReason.WRONG_HOST,
        ProviderReason.TLS,
        ProviderReason.STATUS,
        ProviderReason.BUSY,
        ProviderReason.KEYS_WAIT,
    }
)
"""Why the provider could not be used, where no user can bring that about. Any other reason costs the client."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What an attempt costs if it comes to nothing.

    ``address``: empty for a known client. ``share``: that of a suspect address, where the attempt uses it.
    """

    client: str
    address: str
    lane: TokenBucket
    share: TokenBucket | None = None


class ExchangeBudget:
    """Safe from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        now = monotonic()
        self._monotonic = monotonic
        self._lock = Lock()
        self._known: dict[str, str] = {}
        self._clients = TokenBuckets(CLIENT_PER_SECOND, MAX_CLIENT_FAILURES)
        self._addresses = TokenBuckets(ADDRESS_PER_SECOND, MAX_ADDRESS_FAILURES)
        self._clean = TokenBuckets(UNSUSPECTED_PER_SECOND, MAX_UNSUSPECTED_FAILURES)
        self._known_lane = TokenBucket.full(KNOWN_PER_SECOND, MAX_KNOWN_FAILURES, now)
        self._new_lane = TokenBucket.full(NEW_PER_SECOND, MAX_NEW_FAILURES, now)
        self._suspect_lane = TokenBucket.full(SUSPECT_PER_SECOND, MAX_SUSPECT_FAILURES, now)
        self._shares = TokenBuckets(SHARE_PER_SECOND, MAX_SHARE_FAILURES)
        self._shares_lane = TokenBucket.full(SHARES_PER_SECOND, MAX_SHARES_FAILURES, now)

    @contextmanager
    def attempt(self, *, browser: str, address: str, subject: Subject | None = None) -> Iterator[None]:
        """One attempt to make a session of a code, in the block: it comes to nothing when the block raises.

        Args:
            browser: The hash of the browser's id.
            address: The client's address.
            subject: Whose session the browser has, live or expired; None for none.

        Raises:
            TooManyRequests: Too many attempts came to nothing; the block is not entered.
        """
        with self._lock:
            attempt = self._admit(browser, address, subject)
        try:
            yield
        except StorageUnavailable:
            raise
        except BaseException as error:
            with self._lock:
                self._charge(attempt, is_outage=isinstance(error, ProviderUnavailable) and error.reason in OUTAGES)
            raise

    def remember(self, browser: str, subject: Subject) -> None:
        """A session was made in this browser, for this subject."""
        account = _account(subject)
        with self._lock:
            others = [known for known, whose in self._known.items() if whose == account and known != browser]
            for known in others[: max(0, len(others) + 1 - MAX_KNOWN_BROWSERS_PER_ACCOUNT)]:
                del self._known[known]
            put_newest(self._known, browser, account, MAX_KNOWN_BROWSERS)

    def _admit(self, browser: str, address: str, subject: Subject | None) -> _Attempt:
        """What an attempt would cost. Raises ``TooManyRequests`` where that is not there."""
        account = _account(subject) if subject is not None else self._known.get(browser, "")
        attempt = (self._as_known(account) if account else None) or self._as_new(browser, address)
        if attempt is None:
            raise TooManyRequests(math.ceil(1 / CLIENT_PER_SECOND), "Too many sign-ins came to nothing just now.")
        return attempt

    def _as_known(self, account: str) -> _Attempt | None:
        now = self._monotonic()
        admitted = self._clients.of(account, now).has(1, now) and self._known_lane.has(1, now)
        return _Attempt(account, "", self._known_lane) if admitted else None

    def _as_new(self, browser: str, address: str) -> _Attempt | None:
        now = self._monotonic()
        wanted = self._clients.of(browser, now), self._addresses.of(network_of(address), now)
        if not all(bucket.has(1, now) for bucket in wanted):
            return None
        site = _site(address)
        if self._clean.of(site, now).has(1, now):
            if self._new_lane.has(1, now):
                return _Attempt(browser, address, self._new_lane)
        else:
            share = self._shares.of(site, now)
            if share.has(1, now) and self._shares_lane.has(1, now):
                return _Attempt(browser, address, self._shares_lane, share)
        return _Attempt(browser, address, self._suspect_lane) if self._suspect_lane.has(1, now) else None

    def _charge(self, attempt: _Attempt, *, is_outage: bool) -> None:
        now = self._monotonic()
        attempt.lane.take(1, now)
        if is_outage:
            return
        if attempt.share is not None:
            attempt.share.take(1, now)
        self._clients.of(attempt.client, now).take(1, now)
        if attempt.address:
            self._addresses.of(network_of(attempt.address), now).take(1, now)
            self._clean.of(_site(attempt.address), now).try_take(1, now)


def _account(subject: Subject) -> str:
    return json.dumps(list(subject))


def _site(address: str) -> str:
    return network_of(address, ipv6_bits=_SITE_BITS)
