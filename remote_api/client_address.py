"""The client's address: the connection's own, or what a trusted proxy forwards. For the audit only, never a decision.

Forwarded headers count only when the connection comes from ``GATEHOUSE_TRUSTED_PROXIES``; then the rightmost entry of
``X-Forwarded-For`` that is not itself such a proxy is the client (RFC 7239 §8.1).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(entries: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks as they stand in the settings, already checked there."""
    return tuple(ipaddress.ip_network(entry, strict=False) for entry in entries)


def client_address(environ: WSGIEnvironment, trusted: Sequence[Network]) -> str:
    """The client's address in its canonical writing; empty where there is none that could be believed."""
    address = _parse(environ.get("REMOTE_ADDR", ""))
    if address is None or not _within(address, trusted):
        return "" if address is None else str(address)
    for entry in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        forwarded = _parse(entry.strip())
        if forwarded is None:
            break
        address = forwarded
        if not _within(address, trusted):
            break
    return str(address)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
