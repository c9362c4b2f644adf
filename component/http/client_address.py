"""The client's address of an ASGI connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.core.client_addresses import TrustedProxies


class ClientAddresses:
    """Reads the address of a client from a connection's scope (``app.core.client_addresses``)."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        """``trusted_proxies``: addresses or networks; empty means that forwarded headers never count."""
        proxies = TrustedProxies(trusted_proxies)
        self.trusts = proxies.trusts
        self._client_address = proxies.client_address

    def of(self, scope: Any) -> str:
        """The client's address of an ASGI connection; empty when there is none."""
        client = scope.get("client")
        forwarded = ",".join(
            value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"
        )
        return self._client_address(str(client[0]) if client else "", forwarded)
