"""How many codes that the provider refuses this process brings to its token endpoint.

A browser can begin any number of sign-ins and end each with a made-up code; only the provider can tell. So codes that
were refused are counted by browser, by address and in all, before the call; those that were good cost nothing. Three
lanes keep a flood from honest sign-ins: browsers that have signed in here, addresses without a refused code, others.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar

from app.core.errors import ProviderRefused, ProviderUnavailable, TooManyRequests
from component.allowance import Allowance

BROWSER_MAX: Final = 5
BROWSER_PER_SECOND: Final = 1 / 30
ADDRESS_MAX: Final = 10
ADDRESS_PER_SECOND: Final = 1 / 6
KNOWN_MAX: Final = 60
KNOWN_PER_SECOND: Final = 2.0
NEW_MAX: Final = 60
NEW_PER_SECOND: Final = 2.0
SUSPECT_MAX: Final = 20
SUSPECT_PER_SECOND: Final = 1 / 5
KEPT: Final = 4096
"""How many browsers and addresses are remembered, the latest of each."""

Kept = TypeVar("Kept")
_NETWORK_BITS: Final = 64
"""What one subscriber has of IPv6."""


class ExchangeBudget:
    """Safe from any thread; each process has its own."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._browsers: OrderedDict[str, Allowance] = OrderedDict()
        self._addresses: OrderedDict[str, Allowance] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._known_lane = Allowance(KNOWN_MAX, KNOWN_PER_SECOND, monotonic)
        self._new_lane = Allowance(NEW_MAX, NEW_PER_SECOND, monotonic)
        self._suspect_lane = Allowance(SUSPECT_MAX, SUSPECT_PER_SECOND, monotonic)

    @contextmanager
    def attempt(self, *, browser: str, address: str, session: str = "") -> Iterator[None]:
        """One exchange of a code, in the block.

        Args:
            browser: The hash of the browser's id.
            address: The client's address; one that has signed in here is not held to it, others may share it.
            session: The reference of the session that the browser has, live or expired; empty for none.

        Raises:
            TooManyRequests: Too many codes were refused; the block is not entered.
        """
        taken = self._take(browser, address, session)
        try:
            yield
        except ProviderRefused:
            raise
        except ProviderUnavailable:
            # Nobody's fault but the provider's: only what is sent to it in all is held back.
            for allowance in taken[:-1]:
                allowance.give_back()
            raise
        except BaseException:
            for allowance in taken:
                allowance.give_back()
            raise
        for allowance in taken:
            allowance.give_back()
        with self._lock:
            _latest(self._known, browser, lambda: None)

    def _take(self, browser: str, address: str, session: str) -> list[Allowance]:
        """One of each allowance that counts, the lane last. Raises ``TooManyRequests``, and then takes none."""
        with self._lock:
            known = bool(session) or browser in self._known
            # Who has a session can make up any number of browsers.
            of_browser = _latest(self._browsers, f"session {session}" if session else browser, self._of_browser)
            of_address = None if known else _latest(self._addresses, _network(address), self._of_address)
        if of_address is None:
            wanted = [of_browser, self._known_lane]
        else:
            wanted = [of_browser, of_address, self._new_lane if of_address.is_full else self._suspect_lane]
        taken: list[Allowance] = []
        for allowance in wanted:
            if not allowance.take():
                for one in taken:
                    one.give_back()
                raise TooManyRequests(math.ceil(1 / BROWSER_PER_SECOND), "Too many sign-ins came to nothing just now.")
            taken.append(allowance)
        return taken

    def _of_browser(self) -> Allowance:
        return Allowance(BROWSER_MAX, BROWSER_PER_SECOND, self._monotonic)

    def _of_address(self) -> Allowance:
        return Allowance(ADDRESS_MAX, ADDRESS_PER_SECOND, self._monotonic)


def _network(address: str) -> str:
    """What counts as one address: of IPv6 the network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))


def _latest(table: OrderedDict[str, Kept], key: str, make: Callable[[], Kept]) -> Kept:
    """The entry of ``key``, put last, and made if need be; the first goes when there are too many."""
    if key not in table:
        table[key] = make()
        if len(table) > KEPT:
            table.popitem(last=False)
    table.move_to_end(key)
    return table[key]
