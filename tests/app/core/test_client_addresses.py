"""Which address a request comes from: the peer's, or the one that a trusted proxy forwards."""

from __future__ import annotations

import pytest

from app.core.client_addresses import TrustedProxies


@pytest.mark.parametrize(
    ("remote", "forwarded", "trusted", "expected"),
    [
        ("198.51.100.1", "203.0.113.9", (), "198.51.100.1"),
        ("198.51.100.1", "203.0.113.9", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.5", "203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.5", "1.2.3.4, 203.0.113.9, 10.0.0.7", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.5", "1.2.3.4, <script>", ("10.0.0.0/8",), "10.0.0.5"),
        ("10.0.0.5", "10.0.0.6, 10.0.0.7", ("10.0.0.0/8",), "10.0.0.6"),
        ("10.0.0.5", "", ("10.0.0.0/8",), "10.0.0.5"),
        ("::ffff:10.0.0.5", "2001:db8::1", ("10.0.0.5",), "2001:db8::1"),
        ("", "203.0.113.9", ("10.0.0.0/8",), ""),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", ("10.0.0.0/8", "::1"), "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, made up", ("10.0.0.0/8", "::1"), "10.0.0.1"),
        ("::1", "2001:db8::5", ("10.0.0.0/8", "::1"), "2001:db8::5"),
        ("::ffff:198.51.100.1", "203.0.113.9", (), "198.51.100.1"),
        ("10.0.0.5", "1.2.3.4,, 203.0.113.9 ,", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.5", ", ".join(["1.2.3.4", *["10.0.0.7"] * 20]), ("10.0.0.0/8",), "10.0.0.7"),
        ("/run/app.sock", "203.0.113.9", ("10.0.0.0/8",), ""),
    ],
)
def test_the_address_of_a_client(remote: str, forwarded: str, trusted: tuple[str, ...], expected: str) -> None:
    assert TrustedProxies(trusted).client_address(remote, forwarded) == expected


@pytest.mark.parametrize(
    ("address", "trusted"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.0.0.1", False), ("made up", False), ("", False)],
)
def test_a_trusted_proxy_is_known_by_its_address(address: str, trusted: bool) -> None:
    assert TrustedProxies(("10.0.0.0/8",)).trusts(address) is trusted
