"""Token buckets and the admission of sockets; on a fake clock."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.core.client_addresses import network_of
from component.limits.admission import Admission, CapacityExceeded, SocketLimits, SocketSlot
from component.limits.receive_deadline import ReceiveDeadline
from component.limits.token_bucket import TokenBucket, TokenBuckets
from tests.clock import FakeClock


def test_a_bucket_has_its_burst_at_once_and_its_rate_afterwards() -> None:
    bucket = TokenBucket.full(10, 30, now=0)
    assert [bucket.take(10, now=0) for _ in range(4)] == [0, 0, 0, 1.0]
    assert bucket.take(10, now=1) == 1.0
    assert bucket.take(10, now=100) == 0
    assert not bucket.try_take(21, now=100)
    assert bucket.try_take(20, now=100)


def test_a_bucket_returns_the_seconds_until_it_has_enough() -> None:
    """For more than its capacity, it returns the seconds until it is full."""
    bucket = TokenBucket.full(10, 30, now=0)
    assert bucket.seconds_until(30, now=0) == 0
    bucket.take(50, now=0)
    assert bucket.seconds_until(0, now=0) == 2.0
    assert bucket.seconds_until(10, now=0) == 3.0
    assert bucket.seconds_until(10, now=1) == 2.0
    assert bucket.seconds_until(1000, now=1) == 4.0
    assert bucket.seconds_until(1000, now=5) == 0


def test_full_buckets_are_dropped_and_others_keep_their_debt() -> None:
    buckets = TokenBuckets(1, 10, max_keys=3)
    buckets.of("owes", 0).take(10, 0)
    for number in range(5):
        buckets.of(f"full {number}", 0)
    assert len(buckets) <= 3
    assert buckets.of("owes", 0).tokens == 0


def test_a_flood_of_new_keys_rarely_causes_a_scan_of_all_buckets() -> None:
    buckets = TokenBuckets(1, 10, max_keys=1000)
    sizes = []
    for number in range(5000):
        buckets.of(f"owes {number}", 0).take(10, 0)
        sizes.append(len(buckets))
    assert max(sizes) <= 1001
    assert sum(after < before for before, after in pairwise(sizes)) == 40  # each time a hundred are dropped
    assert buckets.of("owes 4999", 0).tokens == 0


def test_a_deadline_is_extended_by_received_bytes() -> None:
    pace = ReceiveDeadline(since=0, seconds=10)
    assert not pace.has_passed(10)
    assert pace.has_passed(11)
    pace.received = 5 * 16 * 1024
    assert not pace.has_passed(15)
    assert pace.has_passed(16)


LIMITS = SocketLimits(sockets=8, per_address=6, anonymous_per_address=2, per_person=3)


def admitted(admission: Admission, address: str, person: str = "") -> SocketSlot | str:
    try:
        place = admission.enter(address)
    except CapacityExceeded as full:
        return full.limit
    try:
        place.take(person)
    except CapacityExceeded as full:
        place.release()
        return full.limit
    return place


def test_sockets_are_counted_by_person_by_address_and_in_all() -> None:
    admission = Admission(LIMITS, monotonic=FakeClock(tick_seconds=1).monotonic)
    anns = [admitted(admission, "10.0.0.1", "ann") for _ in range(4)]
    assert anns[3] == "GATEHOUSE_SOCKETS_PER_PERSON"
    anonymous = [admitted(admission, "10.0.0.1") for _ in range(3)]
    assert anonymous[2] == "GATEHOUSE_ANONYMOUS_SOCKETS_PER_ADDRESS"
    bob = admitted(admission, "10.0.0.1", "bob")
    assert isinstance(bob, SocketSlot)
    assert admitted(admission, "10.0.0.1", "eve") == "GATEHOUSE_SOCKETS_PER_ADDRESS"
    assert admission.sockets == 6
    assert isinstance(admitted(admission, "10.0.0.2", "eve"), SocketSlot)
    assert isinstance(admitted(admission, "10.0.0.3", "eve"), SocketSlot)
    assert admission.is_full
    assert admitted(admission, "10.0.0.4", "zoe") == "GATEHOUSE_SOCKETS"
    bob.release()
    bob.release()
    assert admission.sockets == 7
    assert isinstance(admitted(admission, "10.0.0.4", "zoe"), SocketSlot)


def test_anonymous_sockets_leave_slots_for_signed_in_people() -> None:
    admission = Admission(LIMITS, monotonic=FakeClock(tick_seconds=1).monotonic)
    places = [admitted(admission, f"10.0.0.{number}") for number in range(7)]
    assert [isinstance(place, SocketSlot) for place in places] == [True] * 6 + [False]
    assert places[6] == "GATEHOUSE_SOCKETS"
    assert isinstance(admitted(admission, "10.0.0.9", "ann"), SocketSlot)


def test_an_address_opens_sockets_no_faster_than_allowed_however_soon_it_closes_them() -> None:
    clock = FakeClock()
    admission = Admission(LIMITS, monotonic=clock.monotonic)
    for _ in range(6):
        admission.enter("10.0.0.1").release()
    with pytest.raises(CapacityExceeded):
        admission.enter("10.0.0.1")
    assert admission.sockets == 0
    clock.move(seconds=1)
    admission.enter("10.0.0.1").release()


def test_connections_are_counted_by_peer_but_a_trusted_proxys_in_all_only() -> None:
    admission = Admission(LIMITS, trusts=lambda address: address == "172.30.0.2", monotonic=FakeClock().monotonic)
    assert all(admission.connect("10.0.0.1", number) for number in range(6 + 128))
    assert not admission.connect("10.0.0.1", 1)
    assert admission.connect("172.30.0.2", 8 + 128)
    assert not admission.connect("172.30.0.2", 8 + 128 + 1)
    for _ in range(6 + 128 + 1):
        admission.disconnect("10.0.0.1")
    assert admission.connect("10.0.0.1", 1)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1:2:3:4", "2001:db8::"),
        ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_a_client_has_one_address_of_ipv4_and_a_network_of_ipv6(address: str, counted: str) -> None:
    assert network_of(address) == counted


def test_a_site_has_a_wider_network_of_ipv6() -> None:
    assert network_of("2001:db8:1:2::3", ipv6_bits=48) == "2001:db8:1::"
    assert network_of("10.0.0.1", ipv6_bits=48) == "10.0.0.1"
