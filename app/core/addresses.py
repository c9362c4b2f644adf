"""What counts as one client, of an address."""

from __future__ import annotations

import ipaddress


def network_of(address: str, *, ipv6_bits: int = 64) -> str:
    """What one client has of addresses: an IPv4 address, of IPv6 the /64; anything else as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), ipv6_bits), strict=False).network_address)
