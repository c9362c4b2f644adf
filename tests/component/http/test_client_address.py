"""The client's address of an ASGI connection: the peer, or what a trusted proxy forwards."""

from __future__ import annotations

from component.http.client_address import ClientAddresses


def _scope(client: str, *forwarded: str) -> dict[str, object]:
    return {"client": (client, 1), "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded]}


def test_forwarded_addresses_count_only_from_trusted_proxies() -> None:
    distrusting, trusting = ClientAddresses(()), ClientAddresses(("10.0.0.0/8", "::1"))
    assert distrusting.of(_scope("10.0.0.1", "1.2.3.4")) == "10.0.0.1"
    assert trusting.of(_scope("192.0.2.1", "1.2.3.4")) == "192.0.2.1"
    assert trusting.of(_scope("10.0.0.1", "1.2.3.4")) == "1.2.3.4"
    assert trusting.of(_scope("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2")) == "1.2.3.4"
    assert trusting.of(_scope("10.0.0.1", "6.6.6.6", "1.2.3.4")) == "1.2.3.4"
    assert trusting.of(_scope("10.0.0.1", "6.6.6.6, made up")) == "10.0.0.1"
    assert trusting.of(_scope("::1", "2001:db8::5")) == "2001:db8::5"
    assert trusting.of({"client": None, "headers": []}) == ""
