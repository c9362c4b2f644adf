"""How many connections and sockets are let in: in all, per address, per person. Counted on the event loop.

A socket is counted at its address before anything is asked about it, and at its person once the session is known.
Anonymous sockets never take all the places. Addresses of trusted proxies are shared by many clients: what is behind
them is counted by the address that they forward.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from app.core.addresses import network_of
from component.limits.token_bucket import TokenBuckets

DESCRIPTORS_PER_SOCKET: Final = 4
"""The socket, and the event loop that Streamlit (1.67) opens in the thread of its script (one for polling, two to wake
it)."""
DESCRIPTORS_RESERVED: Final = 256
"""For everything else: the database, files, threads, and connections that are not sockets."""
PLAIN_CONNECTIONS: Final = 128
"""Connections for pages and files, besides those of sockets."""
_ANONYMOUS_SHARE: Final = 0.75
_HANDSHAKES_PER_SECOND: Final = 20.0
_LOG_SECONDS: Final = 60.0

_log = structlog.get_logger(__name__)


class CapacityExceeded(Exception):
    """No place for one more. ``reason``: which limit it is, by the name of its setting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SocketReader(Protocol):
    """The reading end of a socket, as far as the guard steers it (``component.server.websocket_protocol``)."""

    gone: asyncio.Event
    """Set once the connection is lost, or is to end with the process."""

    def allow(self, *, max_bytes: int, who: str) -> None:
        """Accept messages of up to ``max_bytes``; ``who`` shares one budget for messages that are not finished."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How many sockets there may be, and what each may send. See the settings of the same names."""

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
    """The place of one socket; ``leave`` gives it up."""

    def __init__(self, admission: Admission, address: str) -> None:
        self._admission = admission
        self.address = address
        self._keys = [f"address {address}"]

    def take(self, person: str) -> None:
        """Count the socket at its person too; "" for an anonymous one. Raises ``CapacityExceeded``."""
        limits, counts = self._admission.limits, self._admission.counts
        if person:
            wanted = [(f"person {person}", limits.per_person, "GATEHOUSE_SOCKETS_PER_PERSON")]
        else:
            wanted = [
                (
                    f"anonymous {self.address}",
                    limits.anonymous_per_address,
                    "GATEHOUSE_ANONYMOUS_SOCKETS_PER_ADDRESS",
                ),
                ("anonymous", int(limits.sockets * _ANONYMOUS_SHARE), "GATEHOUSE_SOCKETS"),
            ]
        for key, most, reason in wanted:
            if counts[key] >= most:
                self._admission.complain(reason, self.address)
                raise CapacityExceeded(reason)
        for key, _, _ in wanted:
            counts[key] += 1
            self._keys.append(key)

    def leave(self) -> None:
        """Give the place up; harmless when it was."""
        keys, self._keys = self._keys, []
        for key in keys:
            self._admission.release(key)
        if keys:
            self._admission.sockets -= 1


class Admission:
    """The counts of this process. ``trusts``: whether an address is a trusted proxy's."""

    def __init__(
        self,
        limits: SocketLimits,
        *,
        trusts: Callable[[str], bool] = lambda _: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.counts: Counter[str] = Counter()
        self.sockets = 0
        self._trusts = trusts
        self._monotonic = monotonic
        self._handshakes = TokenBuckets(_HANDSHAKES_PER_SECOND, float(limits.per_address))
        self._complained: dict[str, float] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is no place for one more socket, whoever it is."""
        return self.sockets >= self.limits.sockets

    def enter(self, address: str) -> SocketSlot:
        """A place for a socket from ``address``, which counts from now on. Raises ``CapacityExceeded``."""
        address = network_of(address)
        key = f"address {address}"
        if self.is_full:
            self.complain("GATEHOUSE_SOCKETS", address)
            raise CapacityExceeded("GATEHOUSE_SOCKETS")
        now = self._monotonic()
        if self.counts[key] >= self.limits.per_address or not self._handshakes.of(address, now).try_take(1, now):
            self.complain("GATEHOUSE_SOCKETS_PER_ADDRESS", address)
            raise CapacityExceeded("GATEHOUSE_SOCKETS_PER_ADDRESS")
        self.counts[key] += 1
        self.sockets += 1
        return SocketSlot(self, address)

    def connect(self, peer: str, connections: int) -> bool:
        """Count a connection from ``peer``; False when there are too many, ``connections`` of them in all."""
        key = f"peer {network_of(peer)}"
        few = connections <= self.limits.connections
        if few and not self._trusts(peer):
            few = self.counts[key] < self.limits.per_address + PLAIN_CONNECTIONS
        self.counts[key] += 1
        if not few:
            self.complain("connections", peer)
        return few

    def disconnect(self, peer: str) -> None:
        """A connection is gone."""
        self.release(f"peer {network_of(peer)}")

    def release(self, key: str) -> None:
        """Count one less."""
        self.counts[key] -= 1
        if self.counts[key] <= 0:
            del self.counts[key]

    def complain(self, reason: str, address: str) -> None:
        """Say in the log which limit was reached, about once a minute for each."""
        now = self._monotonic()
        if now - self._complained.get(reason, float("-inf")) >= _LOG_SECONDS:
            self._complained[reason] = now
            _log.warning(
                "connections are refused: a limit is reached", limit=reason, address=address, sockets=self.sockets
            )
