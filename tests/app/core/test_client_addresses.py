"""Which address a request comes from: the peer's, or the one that a trusted proxy forwards."""

from __future__ import annotations

import pytest

from app.core.client_addresses import TrustedProxies, is_loopback, network_of


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


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("made up", "made up"),
        ("", ""),
    ],
)
def test_one_client_has_a_network_of_ipv6(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_network_can_be_wider() -> None:
    assert network_of("2001:db8:1:2::1", ipv6_bits=48) == "2001:db8:1::"
    assert network_of("203.0.113.9", ipv6_bits=48) == "203.0.113.9"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:8501/x", True),
        ("https://127.0.0.1", True),
        ("http://127.255.0.9:1", True),
        ("http://[::1]:8000", True),
        ("http://app.example.com", False),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("localhost", False),
        ("http://", False),
        ("http://[::1", False),
    ],
)
def test_this_machine_is_known_by_its_host(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
