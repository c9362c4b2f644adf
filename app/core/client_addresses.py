"""Addresses of clients: which address a request comes from, and which addresses count as one client."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

_MAX_FORWARDED: Final = 20
"""How many entries of ``X-Forwarded-For`` are read, from the right."""
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxies:
    """The reverse proxies whose ``X-Forwarded-For`` is believed (``GATEHOUSE_TRUSTED_PROXIES``)."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Parse the setting.

        Args:
            entries: Addresses or networks, already checked by the settings; empty means that no proxy is trusted.
        """
        self._networks = tuple(ipaddress.ip_network(entry, strict=False) for entry in entries)

    def trusts(self, address: str) -> bool:
        """Whether ``address`` is one of a trusted proxy."""
        parsed = _parsed(address)
        return parsed is not None and self._contains(parsed)

    def client_address(self, peer: str, forwarded: str) -> str:
        """The address of the client in its canonical form; empty when the peer has none.

        Forwarded addresses count only when the connection comes from a trusted proxy. Then the client is the rightmost
        of them that is not itself a trusted proxy (RFC 7239 §8.1): the entries left of it were written by the client.

        Args:
            peer: The remote address of the connection.
            forwarded: The value of ``X-Forwarded-For``; several headers are joined with commas. Empty for none.
        """
        address = _parsed(peer)
        if address is None:
            return ""
        if not self._contains(address):
            return str(address)
        entries = [entry.strip() for entry in forwarded.split(",") if entry.strip()]
        for entry in reversed(entries[-_MAX_FORWARDED:]):
            parsed = _parsed(entry)
            if parsed is None:
                break  # a trusted proxy writes addresses: this entry was forged before it
            address = parsed
            if not self._contains(parsed):
                break
        return str(address)

    def _contains(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)


def network_of(address: str, *, ipv6_bits: int = 64) -> str:
    """The addresses of one client: an IPv4 address itself, of IPv6 the network; any other text as it is."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed), ipv6_bits), strict=False).network_address)


def is_loopback(url: str) -> bool:
    """Whether the host of ``url`` is this machine: a loopback address or ``localhost``."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # not an address
        return False


def _parsed(text: str) -> _Address | None:
    """The address; an IPv4 address that is mapped into IPv6 (``::ffff:192.0.2.1``) as IPv4. None for other text."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
