"""How many connections and sockets are admitted: in all, per address, per person. Counted on the event loop.

A socket is counted for its address before its session is read, and for its person once the session is known. Anonymous
sockets never take all slots. Trusted proxies share their address among many clients, which are counted by the address
that the proxy forwards.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from app.core.client_addresses import network_of
from component.limits.token_bucket import TokenBuckets

DESCRIPTORS_PER_SOCKET: Final = 4
"""One of the socket, and three of the event loop that Streamlit (1.67) runs in the thread of its script."""
DESCRIPTORS_RESERVED: Final = 256
"""For the database, files, threads, and connections that are not sockets."""
PLAIN_CONNECTIONS: Final = 128
"""Connections for pages and files, in addition to those of sockets."""
_ANONYMOUS_SHARE: Final = 0.75
_HANDSHAKES_PER_SECOND: Final = 20.0
_LOG_SECONDS: Final = 60.0

_log = structlog.get_logger(__name__)


class CapacityExceeded(Exception):
    """A limit is reached.

    Args:
        limit: The name of the limit's setting.
    """

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


class SocketReader(Protocol):
    """The receiving end of a socket, as far as the middleware controls it (``component.server.websocket_protocol``)."""

    gone: asyncio.Event
    """Set once the connection is lost, or the process ends."""

    def allow(self, *, max_bytes: int, client: str) -> None:
        """Accept messages of up to ``max_bytes``; the sockets of a client share one budget for unfinished messages."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How many sockets there may be, and what each may send.

    In the app every field comes from a setting (``app.core.settings`` has their defaults); the defaults here are for
    tests.
    """

    sockets: int = 2000
    per_address: int = 500
    anonymous_per_address: int = 100
    per_person: int = 50
    message_bytes: int = 4 * 1024 * 1024
    anonymous_message_bytes: int = 256 * 1024
    message_values: int = 400_000
    messages_per_second: float = 10.0
    anonymous_messages_per_second: float = 20.0
    bytes_per_second: float = 1024 * 1024

    @property
    def connections(self) -> int:
        """How many connections of any kind there may be."""
        return self.sockets + PLAIN_CONNECTIONS


class SocketSlot:
    """The counts of one socket, until ``release``."""

    def __init__(self, admission: Admission, address: str) -> None:
        self._admission = admission
        self.address = address
        self._keys = [f"address {address}"]

    def take(self, person: str) -> None:
        """Count the socket for its person too; "" for an anonymous one.

        Raises:
            CapacityExceeded: The person, or the anonymous clients, have as many sockets as they may.
        """
        limits, counts = self._admission.limits, self._admission.counts
        if person:
            counted = [(f"person {person}", limits.per_person, "GATEHOUSE_SOCKETS_PER_PERSON")]
        else:
            counted = [
                (
                    f"anonymous {self.address}",
                    limits.anonymous_per_address,
                    "GATEHOUSE_ANONYMOUS_SOCKETS_PER_ADDRESS",
                ),
                ("anonymous", int(limits.sockets * _ANONYMOUS_SHARE), "GATEHOUSE_SOCKETS"),
            ]
        for key, maximum, limit in counted:
            if counts[key] >= maximum:
                self._admission.log_refusal(limit, self.address)
                raise CapacityExceeded(limit)
        for key, _, _ in counted:
            counts[key] += 1
            self._keys.append(key)

    def release(self) -> None:
        """Stop counting the socket; does nothing the second time."""
        keys, self._keys = self._keys, []
        for key in keys:
            self._admission.decrement(key)
        if keys:
            self._admission.sockets -= 1


class Admission:
    """The counts of this process."""

    def __init__(
        self,
        limits: SocketLimits,
        *,
        trusts: Callable[[str], bool] = lambda _: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``trusts``: whether an address is a trusted proxy's."""
        self.limits = limits
        self.counts: Counter[str] = Counter()
        self.sockets = 0
        self._trusts = trusts
        self._monotonic = monotonic
        self._handshakes = TokenBuckets(_HANDSHAKES_PER_SECOND, float(limits.per_address))
        self._logged_at: dict[str, float] = {}

    @property
    def is_full(self) -> bool:
        """Whether every socket is refused."""
        return self.sockets >= self.limits.sockets

    def enter(self, address: str) -> SocketSlot:
        """Count a socket from ``address`` until its slot is released.

        Raises:
            CapacityExceeded: A limit is reached, or the address opens sockets too fast.
        """
        address = network_of(address)
        key = f"address {address}"
        if self.is_full:
            self.log_refusal("GATEHOUSE_SOCKETS", address)
            raise CapacityExceeded("GATEHOUSE_SOCKETS")
        now = self._monotonic()
        if self.counts[key] >= self.limits.per_address or not self._handshakes.of(address, now).try_take(1, now):
            self.log_refusal("GATEHOUSE_SOCKETS_PER_ADDRESS", address)
            raise CapacityExceeded("GATEHOUSE_SOCKETS_PER_ADDRESS")
        self.counts[key] += 1
        self.sockets += 1
        return SocketSlot(self, address)

    def connect(self, peer: str, connections: int) -> bool:
        """Count a connection from ``peer``, one of ``connections``; returns whether that is within the limits."""
        key = f"peer {network_of(peer)}"
        is_within = connections <= self.limits.connections
        if is_within and not self._trusts(peer):
            is_within = self.counts[key] < self.limits.per_address + PLAIN_CONNECTIONS
        self.counts[key] += 1
        if not is_within:
            self.log_refusal("connections", peer)
        return is_within

    def disconnect(self, peer: str) -> None:
        """Stop counting a connection."""
        self.decrement(f"peer {network_of(peer)}")

    def decrement(self, key: str) -> None:
        """Count one less for ``key``."""
        self.counts[key] -= 1
        if self.counts[key] <= 0:
            del self.counts[key]

    def log_refusal(self, limit: str, address: str) -> None:
        """Log which limit is reached, about once a minute for each."""
        now = self._monotonic()
        if now - self._logged_at.get(limit, float("-inf")) >= _LOG_SECONDS:
            self._logged_at[limit] = now
            _log.warning(
                "connections are refused: a limit is reached", limit=limit, address=address, sockets=self.sockets
            )
