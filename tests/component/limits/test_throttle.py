"""The pace of messages; on a fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from component.limits.admission import SocketLimits
from component.limits.paced_queue import FifoLock
from component.limits.throttle import Throttle
from tests.clock import FakeClock, settle
from tests.component.limits.paced_client import KB, Socket, throttle_of

pytestmark = pytest.mark.anyio


async def test_messages_of_a_person_wait_by_count_and_by_size() -> None:
    clock = FakeClock()
    limits = SocketLimits(messages_per_second=8, bytes_per_second=10 * KB, message_bytes=100 * KB)
    throttle = throttle_of(clock, limits)
    ann = Socket(throttle, clock, [1] * 4, person="ann")
    bob = Socket(throttle, clock, [1], person="bob")
    await clock.run_for(100)
    assert ann.taken == [0, 0.125, 0.25, 0.375]
    assert bob.taken == [0]
    long = Socket(throttle, clock, [100 * KB, 5 * KB, 1], person="ann")
    await clock.run_for(100)
    assert long.taken == [0, 0.5, 0.625]


async def test_a_socket_is_not_read_while_its_message_waits() -> None:
    clock = FakeClock()
    left = [1] * 4
    socket = Socket(throttle_of(clock, SocketLimits(messages_per_second=1)), clock, left, person="ann")
    await clock.run_for(0)
    assert (len(socket.taken), len(left)) == (1, 2)
    await clock.run_for(1)
    assert (len(socket.taken), len(left)) == (2, 1)


async def test_anonymous_messages_wait_by_address_and_in_all() -> None:
    """One a second for each address with a burst of ten; eight a second for all, without a burst."""
    clock = FakeClock()
    throttle = throttle_of(clock, SocketLimits(messages_per_second=1, anonymous_messages_per_second=8))
    item = Socket(throttle, clock, [1] * 12)
    await clock.run_for(100)
    assert item.taken == [*(number / 8 for number in range(11)), 2.0]
    others = [Socket(throttle, clock, [1], address=f"198.51.100.{number}") for number in range(4)]
    await clock.run_for(0)
    ann = Socket(throttle, clock, [1], person="ann")
    await clock.run_for(100)
    assert [other.taken for other in others] == [[0], [0.125], [0.25], [0.375]]
    assert ann.taken == [0]


async def waits_of_a_visitor(size: int, flood: Callable[[Throttle, FakeClock], list[Socket]]) -> float:
    """The wait of an anonymous message of another address, half a minute into a flood."""
    clock = FakeClock()
    throttle = throttle_of(clock)
    sockets = flood(throttle, clock)
    await clock.run_for(30)
    visitor = Socket(throttle, clock, [size], address="203.0.113.9")
    await clock.run_for(10)
    for socket in sockets:
        socket.task.cancel()
    return visitor.taken[0] if visitor.taken else float("inf")


def eight_addresses(size: int) -> Callable[[Throttle, FakeClock], list[Socket]]:
    """Eight addresses, each with the maximal number of sockets, which send without end."""
    return lambda throttle, clock: [
        Socket(throttle, clock, [size] * 400, address=f"192.0.2.{number % 8}") for number in range(800)
    ]


async def test_a_flood_of_long_messages_delays_a_short_one_by_at_most_one_of_them() -> None:
    assert await waits_of_a_visitor(500, eight_addresses(256 * KB)) <= 1 / 40


async def test_a_flood_delays_a_message_of_its_kind_by_at_most_one_message_of_each_address() -> None:
    assert await waits_of_a_visitor(500, eight_addresses(16 * KB)) <= 8 / 20 + 0.05
    assert await waits_of_a_visitor(100 * KB, eight_addresses(256 * KB)) <= 8 / 2 + 0.5


async def test_messages_that_wait_for_their_own_address_do_not_delay_others() -> None:
    """An address that sent a hundred long messages at once waits for its own; no other address waits."""
    clock = FakeClock()
    throttle = throttle_of(clock)
    flood = [Socket(throttle, clock, [256 * KB]) for _ in range(100)]
    await clock.run_for(20.5)
    visitors = [Socket(throttle, clock, [100 * KB], address=f"198.51.100.{number}") for number in range(2)]
    await clock.run_for(200)
    assert [visitor.taken for visitor in visitors] == [[0], [0.5]]
    assert flood[99].taken == [90.0]


async def test_waiting_messages_of_a_disconnected_client_are_dropped_without_cost_to_its_address() -> None:
    clock = FakeClock()
    throttle = throttle_of(clock, SocketLimits(messages_per_second=1, anonymous_messages_per_second=1000))
    waiting = [Socket(throttle, clock, [1]) for _ in range(110)]
    await clock.run_for(0.02)
    for socket in waiting:
        socket.gone.set()
    await settle()
    assert [socket.types for socket in waiting] == (
        [["websocket.receive", "websocket.disconnect"]] * 10 + [["websocket.disconnect"]] * 100
    )
    after = Socket(throttle, clock, [1])
    await clock.run_for(100)
    assert after.taken == [0.98]


async def test_messages_dropped_in_the_shared_queue_cost_their_address_nothing() -> None:
    clock = FakeClock()
    throttle = throttle_of(clock, SocketLimits(messages_per_second=1, anonymous_messages_per_second=4))
    waiting = [Socket(throttle, clock, [1]) for _ in range(50)]
    for socket in waiting:
        await clock.run_for(0)
        socket.gone.set()
    after = Socket(throttle, clock, [1])
    await clock.run_for(100)
    assert [socket.taken for socket in waiting] == [[0]] + [[]] * 49
    assert after.taken == [0.25]


async def test_a_client_moves_up_when_clients_before_it_disconnect() -> None:
    clock = FakeClock()
    throttle = throttle_of(clock, SocketLimits(anonymous_messages_per_second=1))
    before = [Socket(throttle, clock, [1], address=f"198.51.100.{number}") for number in range(50)]
    await clock.run_for(0)
    last = Socket(throttle, clock, [1])
    await clock.run_for(0.5)
    for socket in before:
        socket.gone.set()
    await clock.run_for(100)
    assert [socket.taken for socket in before] == [[0]] + [[]] * 49
    assert last.taken == [1.0]


async def test_anonymous_clients_of_one_ipv6_48_share_a_pace() -> None:
    clock = FakeClock()
    limits = SocketLimits(messages_per_second=1, anonymous_messages_per_second=1000)
    throttle = throttle_of(clock, limits)
    first = Socket(throttle, clock, [1] * 10, address="2001:db8:1:1::")
    await clock.run_for(0.1)
    same = Socket(throttle, clock, [1], address="2001:db8:1:ffff::")
    other = Socket(throttle, clock, [1], address="2001:db8:2::")
    await clock.run_for(10)
    assert len(first.taken) == 10
    assert (same.taken, other.taken) == ([0.9], [0])


async def test_a_client_that_disconnects_before_its_turn_passes_the_turn_on() -> None:
    """A client may wait for the shared pace, or for its turn at its own address."""
    clock = FakeClock()
    throttle = throttle_of(clock, SocketLimits(messages_per_second=1, anonymous_messages_per_second=4))
    crowd = [Socket(throttle, clock, [1], address=f"198.51.100.{number}") for number in range(3)]
    first, second, third, cancelled, fifth = (Socket(throttle, clock, [1]) for _ in range(5))
    await clock.run_for(0.1)
    assert [socket.taken for socket in crowd] == [[0], [], []]
    for socket in (first, second, third):
        socket.gone.set()
    cancelled.task.cancel()
    await clock.run_for(10)
    assert [socket.taken for socket in crowd] == [[0], [0.25], [0.5]]
    assert (first.taken, second.taken, third.taken, cancelled.taken) == ([], [], [], [])
    assert fifth.taken == [0.75]


async def test_a_message_that_is_cancelled_at_its_turn_passes_the_turn_on() -> None:
    lock, gone = FifoLock(), asyncio.Event()
    await lock.acquire(gone)
    second, third = (asyncio.ensure_future(lock.acquire(gone)) for _ in range(2))
    await settle()
    lock.release()
    second.cancel()
    await settle()
    assert second.cancelled()
    assert third.done()
    lock.release()
    assert not lock.is_locked
