"""How many failing sign-ins this process brings to the provider's token endpoint.

A browser can start any number of sign-ins and end each with a forged code, which only the provider can detect. So an
attempt must be admitted before its code is exchanged, and a failed one costs tokens. The guarantees:

1. A failed attempt costs, whatever the reason: a code that the provider refuses, a transaction that is consumed
   already, a blocked account, a response without an ID token. Beyond the budget nothing is exchanged and nothing is
   stored.
2. An attempt that ends in a session costs nothing, and neither does one in progress: an office behind one address can
   sign in at the same moment.
3. An attempt that fails by an outage of the provider (no connection, a server error, "later") costs no client, but
   counts towards the load on the provider; one that fails by an outage of the database costs nothing. A response of the
   provider is no outage: a user can change the scope in the authorization request, and so the response.
4. A browser that has signed in here, or has a session, is not limited by its address, which others share, nor by a
   flood of others. One account has one budget, however many sessions and browsers it has; when that is exhausted,
   perhaps by another user of one of its browsers, they are admitted as new browsers are.
5. A browser counts as known once its session was issued, and no account keeps the browsers of others from being known.
6. An address with more than one failed attempt in five minutes is suspect. It has a small share of its own, and then
   shares a budget with all suspect addresses; so a flood from some addresses (fewer than thirty) delays no client at
   another address, suspect or not.
7. The state about clients is bounded.

The routes exchange codes in a bounded number of threads, and limits are exceeded by at most that many attempts. Each
process has its own budgets.
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

from app.core.client_addresses import network_of
from app.core.errors import ProviderUnavailable, StorageUnavailable, TooManyRequests
from app.core.failure_reasons import ProviderReason
from app.core.principal import Subject
from component.limits.bounded_dict import put_newest
from component.limits.token_bucket import TokenBucket, TokenBuckets

MAX_CLIENT_FAILURES: Final = 5
"""Failed attempts of one browser, or of one account where it is known, before the next one is refused."""
CLIENT_PER_SECOND: Final = 1 / 30
MAX_ADDRESS_FAILURES: Final = 10
ADDRESS_PER_SECOND: Final = 1 / 6
MAX_UNSUSPECTED_FAILURES: Final = 2
"""An address (of IPv6 the /48, which one site has) with so many failed attempts is suspect."""
UNSUSPECTED_PER_SECOND: Final = 1 / 300
MAX_KNOWN_FAILURES: Final = 60
KNOWN_PER_SECOND: Final = 2.0
MAX_NEW_FAILURES: Final = 60
NEW_PER_SECOND: Final = 2.0
MAX_SUSPECT_FAILURES: Final = 20
SUSPECT_PER_SECOND: Final = 1 / 5
MAX_SHARE_FAILURES: Final = 2
"""Failed attempts from a suspect address (of IPv6 the /48) that are allowed whatever others do."""
SHARE_PER_SECOND: Final = 1 / 60
MAX_SHARES_FAILURES: Final = 60
"""The same of all suspect addresses together."""
SHARES_PER_SECOND: Final = 1 / 2
MAX_KNOWN_BROWSERS: Final = 4096
"""How many browsers are known: the latest ones."""
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
"""Failures of the provider that no user can cause. Any other reason costs the client."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What an attempt costs if it fails.

    ``address``: empty for a known client. ``share``: that of a suspect address, where the attempt uses it.
    """

    client: str
    address: str
    shared_budget: TokenBucket
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
        self._known_budget = TokenBucket.full(KNOWN_PER_SECOND, MAX_KNOWN_FAILURES, now)
        self._new_budget = TokenBucket.full(NEW_PER_SECOND, MAX_NEW_FAILURES, now)
        self._suspect_budget = TokenBucket.full(SUSPECT_PER_SECOND, MAX_SUSPECT_FAILURES, now)
        self._shares = TokenBuckets(SHARE_PER_SECOND, MAX_SHARE_FAILURES)
        self._shares_budget = TokenBucket.full(SHARES_PER_SECOND, MAX_SHARES_FAILURES, now)

    @contextmanager
    def attempt(self, *, browser: str, address: str, subject: Subject | None = None) -> Iterator[None]:
        """One attempt to make a session of a code, in the block: it has failed when the block raises.

        Args:
            browser: The hash of the browser's id.
            address: The client's address.
            subject: The subject of the browser's session, live or expired; None for none.

        Raises:
            TooManyRequests: Too many attempts failed; the block is not entered.
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
        """Remember that a session was issued in this browser, for this subject."""
        account = _account(subject)
        with self._lock:
            others = [known for known, owner in self._known.items() if owner == account and known != browser]
            for known in others[: max(0, len(others) + 1 - MAX_KNOWN_BROWSERS_PER_ACCOUNT)]:
                del self._known[known]
            put_newest(self._known, browser, account, MAX_KNOWN_BROWSERS)

    def _admit(self, browser: str, address: str, subject: Subject | None) -> _Attempt:
        """What an attempt would cost. Raises ``TooManyRequests`` when a budget is exhausted."""
        account = _account(subject) if subject is not None else self._known.get(browser, "")
        attempt = (self._as_known(account) if account else None) or self._as_new(browser, address)
        if attempt is None:
            raise TooManyRequests(math.ceil(1 / CLIENT_PER_SECOND), "Too many sign-ins failed just now.")
        return attempt

    def _as_known(self, account: str) -> _Attempt | None:
        now = self._monotonic()
        admitted = self._clients.of(account, now).has(1, now) and self._known_budget.has(1, now)
        return _Attempt(account, "", self._known_budget) if admitted else None

    def _as_new(self, browser: str, address: str) -> _Attempt | None:
        now = self._monotonic()
        budgets = self._clients.of(browser, now), self._addresses.of(network_of(address), now)
        if not all(bucket.has(1, now) for bucket in budgets):
            return None
        site = _site(address)
        if self._clean.of(site, now).has(1, now):
            if self._new_budget.has(1, now):
                return _Attempt(browser, address, self._new_budget)
        else:
            share = self._shares.of(site, now)
            if share.has(1, now) and self._shares_budget.has(1, now):
                return _Attempt(browser, address, self._shares_budget, share)
        return _Attempt(browser, address, self._suspect_budget) if self._suspect_budget.has(1, now) else None

    def _charge(self, attempt: _Attempt, *, is_outage: bool) -> None:
        now = self._monotonic()
        attempt.shared_budget.take(1, now)
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
