"""The client's address: what the socket says, and forwarded headers only from proxies that are trusted by setting."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

_MAX_HOPS: Final = 20


class ClientAddresses:
    """Finds who is calling. ``trusted_proxies``: addresses or networks; none means forwarded headers never count."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = tuple(ipaddress.ip_network(entry, strict=False) for entry in trusted_proxies)

    def of(self, scope: Any) -> str:
        """The client's address of an ASGI connection; empty when there is none.

        From the right of ``X-Forwarded-For`` the first address that is no trusted proxy: what stands left of it was
        written by the client.
        """
        client = scope.get("client")
        address = str(client[0]) if client else ""
        if not self.trusts(address):
            return address[:64]
        forwarded = ",".join(
            value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"
        )
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()][-_MAX_HOPS:]
        for hop in reversed(hops):
            try:
                ipaddress.ip_address(hop)
            except ValueError:
                break  # a proxy we trust writes addresses; anything else was made up before it
            address = hop
            if not self.trusts(hop):
                break
        return address

    def trusts(self, address: str) -> bool:
        """Whether ``address`` is one of a trusted proxy."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)
