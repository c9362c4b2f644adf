"""How fast the messages of sockets are taken: by a clock that the test owns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import pytest
from starlette.types import Message

from component.limits.admission import SocketLimits
from component.limits.paced_queue import FifoLock
from component.limits.paced_socket import PacedSocket
from component.limits.throttle import Throttle

KB = 1024


class Time:
    """A monotonic clock, and a sleep by it."""

    def __init__(self) -> None:
        self.now = 100.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Until the clock has gone on by so much."""
        self._count += 1
        woken = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self.now + seconds, self._count, woken))
        await woken

    async def forward(self, seconds: float) -> None:
        """Let the clock go on, and do all that is due by then."""
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heappop(self._sleepers)
            self.now = max(self.now, due)
            if not woken.done():
                woken.set_result(None)
                await settle()
        self.now = max(self.now, end)


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


class Socket:
    """A socket that sends messages of so many bytes, one after the other, or every so many seconds.

    Each costs so many values of JSON to read.
    """

    def __init__(
        self,
        throttle: Throttle,
        time: Time,
        sizes: list[int],
        *,
        person: str = "",
        address: str = "192.0.2.1",
        values: int = 0,
        every: float = 0,
    ) -> None:
        self.gone = asyncio.Event()
        self.taken: list[float] = []
        """After how many seconds each was taken."""
        self.types: list[str] = []
        self._time = time
        self._sizes = sizes
        self._values = values
        self._every = every
        self._paced = PacedSocket(throttle, self._next, person=person, address=address, gone=self.gone)
        self._began = time.now
        self.task = asyncio.ensure_future(self._run())

    async def _next(self) -> Message:
        if self._every:
            await self._time.sleep(self._every)
        if not self._sizes:
            return {"type": "websocket.disconnect"}
        return {"type": "websocket.receive", "bytes": bytes(self._sizes.pop(0))}

    async def _run(self) -> None:
        while True:
            message = await self._paced.receive()
            self.types.append(message["type"])
            if message["type"] != "websocket.receive":
                return
            self.taken.append(round(self._time.now - self._began, 3))
            self._paced.charge(self._values)


def throttle_of(time: Time, limits: SocketLimits | None = None) -> Throttle:
    return Throttle(limits or SocketLimits(), monotonic=time, sleep=time.sleep)


def test_messages_of_a_person_wait_by_count_and_by_size() -> None:
    async def act() -> None:
        time = Time()
        limits = SocketLimits(messages_per_second=8, bytes_per_second=10 * KB, message_bytes=100 * KB)
        throttle = throttle_of(time, limits)
        ann = Socket(throttle, time, [1] * 4, person="ann")
        bob = Socket(throttle, time, [1], person="bob")
        await time.forward(100)
        assert ann.taken == [0, 0.125, 0.25, 0.375]
        assert bob.taken == [0]
        long = Socket(throttle, time, [100 * KB, 5 * KB, 1], person="ann")
        await time.forward(100)
        assert long.taken == [0, 0.5, 0.625]

    asyncio.run(act())


def test_nothing_further_is_read_of_a_socket_while_its_message_waits() -> None:
    async def act() -> None:
        time = Time()
        left = [1] * 4
        socket = Socket(throttle_of(time, SocketLimits(messages_per_second=1)), time, left, person="ann")
        await time.forward(0)
        assert (len(socket.taken), len(left)) == (1, 2)
        await time.forward(1)
        assert (len(socket.taken), len(left)) == (2, 1)

    asyncio.run(act())


def test_anonymous_messages_wait_by_address_and_in_all() -> None:
    """Of an address one a second, ten seconds' worth at once; in all eight, no two at once."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=1, anonymous_messages_per_second=8))
        one = Socket(throttle, time, [1] * 12)
        await time.forward(100)
        assert one.taken == [*(number / 8 for number in range(11)), 2.0]
        others = [Socket(throttle, time, [1], address=f"198.51.100.{number}") for number in range(4)]
        await time.forward(0)
        ann = Socket(throttle, time, [1], person="ann")
        await time.forward(100)
        assert [other.taken for other in others] == [[0], [0.125], [0.25], [0.375]]
        assert ann.taken == [0]

    asyncio.run(act())


def waits_of_a_visitor(size: int, flood: Callable[[Throttle, Time], list[Socket]]) -> float:
    """How long an anonymous message of another address waits, after a flood has gone on for half a minute."""

    async def act() -> float:
        time = Time()
        throttle = throttle_of(time)
        sockets = flood(throttle, time)
        await time.forward(30)
        visitor = Socket(throttle, time, [size], address="203.0.113.9")
        await time.forward(10)
        for socket in sockets:
            socket.task.cancel()
        return visitor.taken[0] if visitor.taken else float("inf")

    return asyncio.run(act())


def eight_addresses(size: int) -> Callable[[Throttle, Time], list[Socket]]:
    """Each with as many sockets as it may have, which send without end."""
    return lambda throttle, time: [
        Socket(throttle, time, [size] * 400, address=f"192.0.2.{number % 8}") for number in range(800)
    ]


def test_a_flood_of_long_messages_from_a_few_addresses_keeps_a_short_one_waiting_for_one_of_them_at_most() -> None:
    assert waits_of_a_visitor(500, eight_addresses(256 * KB)) <= 1 / 40


def test_a_flood_keeps_a_message_of_its_kind_waiting_for_one_message_of_each_address_at_most() -> None:
    assert waits_of_a_visitor(500, eight_addresses(16 * KB)) <= 8 / 20 + 0.05
    assert waits_of_a_visitor(100 * KB, eight_addresses(256 * KB)) <= 8 / 2 + 0.5


def test_what_waits_for_its_own_address_takes_nothing_from_others() -> None:
    """An address that sent a hundred long messages at once waits for itself; nobody else does."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time)
        flood = [Socket(throttle, time, [256 * KB]) for _ in range(100)]
        await time.forward(20.5)
        visitors = [Socket(throttle, time, [100 * KB], address=f"198.51.100.{number}") for number in range(2)]
        await time.forward(200)
        assert [visitor.taken for visitor in visitors] == [[0], [0.5]]
        assert flood[99].taken == [90.0]

    asyncio.run(act())


def test_what_a_client_that_is_gone_left_waiting_goes_no_further_and_costs_its_address_nothing() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=1, anonymous_messages_per_second=1000))
        waiting = [Socket(throttle, time, [1]) for _ in range(110)]
        await time.forward(0.02)
        for socket in waiting:
            socket.gone.set()
        await settle()
        assert [socket.types for socket in waiting] == (
            [["websocket.receive", "websocket.disconnect"]] * 10 + [["websocket.disconnect"]] * 100
        )
        after = Socket(throttle, time, [1])
        await time.forward(100)
        assert after.taken == [0.98]

    asyncio.run(act())


def test_what_goes_away_while_it_waits_for_the_pace_of_all_costs_its_address_nothing() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=1, anonymous_messages_per_second=4))
        waiting = [Socket(throttle, time, [1]) for _ in range(50)]
        for socket in waiting:
            await time.forward(0)
            socket.gone.set()
        after = Socket(throttle, time, [1])
        await time.forward(100)
        assert [socket.taken for socket in waiting] == [[0]] + [[]] * 49
        assert after.taken == [0.25]

    asyncio.run(act())


def test_a_client_moves_up_when_those_before_it_go_away() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(anonymous_messages_per_second=1))
        before = [Socket(throttle, time, [1], address=f"198.51.100.{number}") for number in range(50)]
        await time.forward(0)
        last = Socket(throttle, time, [1])
        await time.forward(0.5)
        for socket in before:
            socket.gone.set()
        await time.forward(100)
        assert [socket.taken for socket in before] == [[0]] + [[]] * 49
        assert last.taken == [1.0]

    asyncio.run(act())


def test_anonymous_clients_of_one_ipv6_48_share_a_pace() -> None:
    async def act() -> None:
        time = Time()
        limits = SocketLimits(messages_per_second=1, anonymous_messages_per_second=1000)
        throttle = throttle_of(time, limits)
        first = Socket(throttle, time, [1] * 10, address="2001:db8:1:1::")
        await time.forward(0.1)
        same = Socket(throttle, time, [1], address="2001:db8:1:ffff::")
        other = Socket(throttle, time, [1], address="2001:db8:2::")
        await time.forward(10)
        assert len(first.taken) == 10
        assert (same.taken, other.taken) == ([0.9], [0])

    asyncio.run(act())


def test_a_client_that_goes_away_before_its_turn_leaves_it_to_the_next() -> None:
    """Whether it waits for the pace of all, or for its turn at its own address."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=1, anonymous_messages_per_second=4))
        crowd = [Socket(throttle, time, [1], address=f"198.51.100.{number}") for number in range(3)]
        first, second, third, cancelled, fifth = (Socket(throttle, time, [1]) for _ in range(5))
        await time.forward(0.1)
        assert [socket.taken for socket in crowd] == [[0], [], []]
        for socket in (first, second, third):
            socket.gone.set()
        cancelled.task.cancel()
        await time.forward(10)
        assert [socket.taken for socket in crowd] == [[0], [0.25], [0.5]]
        assert (first.taken, second.taken, third.taken, cancelled.taken) == ([], [], [], [])
        assert fifth.taken == [0.75]

    asyncio.run(act())


def test_a_message_that_is_cancelled_as_its_turn_comes_hands_it_on() -> None:
    async def act() -> None:
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
        assert not lock.is_held

    asyncio.run(act())


@pytest.mark.parametrize("every", [0.01, 0.101], ids=["a flood", "just within its own pace"])
def test_people_who_send_much_for_long_share_a_pace_and_no_other_person_waits_for_them(every: float) -> None:
    """Eight of them, 40 messages a second together; five presses of another person wait for their own pace only.

    An anonymous message waits for one of theirs at most.
    """

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time)
        busy = [Socket(throttle, time, [1] * 5000, person=f"person {number}", every=every) for number in range(8)]
        await time.forward(30)
        before = sum(len(socket.taken) for socket in busy)
        await time.forward(20)
        assert (sum(len(socket.taken) for socket in busy) - before) / 20 == pytest.approx(40, abs=0.5)
        patient = Socket(throttle, time, [1] * 5, person="patient")
        visitor = Socket(throttle, time, [1])
        await time.forward(1)
        for socket in busy:
            socket.task.cancel()
        assert patient.taken == [0, 0.1, 0.2, 0.3, 0.4]
        assert visitor.taken[0] <= 1 / 40

    asyncio.run(act())


def test_no_two_messages_of_busy_people_and_anonymous_clients_come_at_once() -> None:
    """They all come one after the other, and each kind gets its part of it."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time)
        people = [Socket(throttle, time, [1] * 1000, person=f"person {number}") for number in range(8)]
        short = [Socket(throttle, time, [1] * 1000, address=f"198.51.100.{number}") for number in range(8)]
        long = [Socket(throttle, time, [20 * KB] * 1000, address=f"198.51.100.{number}") for number in range(8)]
        await time.forward(60)
        for socket in (*people, *short, *long):
            socket.task.cancel()
        of_people, of_short, of_long = (
            [at for socket in sockets for at in socket.taken if at > 30] for sockets in (people, short, long)
        )
        taken = sorted(of_people + of_short + of_long)
        assert min(later - before for before, later in pairwise(taken)) == pytest.approx(1 / 40, abs=0.001)
        assert len(taken) / 30 == pytest.approx(40, abs=0.5)
        assert len(of_people) / 30 == pytest.approx(19, abs=1.5)
        assert len(of_short) / 30 == pytest.approx(19, abs=1.5)
        assert len(of_long) / 30 == pytest.approx(2, abs=0.2)

    asyncio.run(act())


def test_messages_that_wait_while_the_event_loop_is_held_do_not_come_at_once_afterwards() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(anonymous_messages_per_second=8))
        sockets = [Socket(throttle, time, [1], address=f"198.51.100.{number}") for number in range(4)]
        await time.forward(0)
        time.now += 10
        await time.forward(0)
        await time.forward(1)
        assert [socket.taken for socket in sockets] == [[0], [10], [10.125], [10.25]]

    asyncio.run(act())


def test_what_waits_already_when_a_person_becomes_busy_waits_in_the_shared_queue_too() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time)
        sockets = [Socket(throttle, time, [1], person=f"person {number % 8}") for number in range(8 * 200)]
        await time.forward(20)
        taken = [at for socket in sockets for at in socket.taken if at > 10]
        assert len(taken) / 10 == pytest.approx(40, abs=0.5)
        for socket in sockets:
            socket.task.cancel()

    asyncio.run(act())


def test_who_sends_what_is_costly_to_read_is_busy_with_few_messages() -> None:
    """Once in two seconds, which is no more than it may. An anonymous message waits for the one that came just now."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time)
        costly = Socket(throttle, time, [1] * 1000, person="ann", values=400_000)
        await time.forward(199.76)
        assert costly.taken[-1] == 199.75
        visitor = Socket(throttle, time, [1])
        await time.forward(1)
        assert visitor.taken == [0.115]
        costly.task.cancel()

    asyncio.run(act())


def test_a_person_who_sent_much_for_long_is_like_others_after_a_pause() -> None:
    """Of twenty seconds at most, however long it was."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time)
        busy = [Socket(throttle, time, [1] * 1000, person=f"person {number}") for number in range(8)]
        await time.forward(60)
        before = Socket(throttle, time, [1], person="person 0")
        await time.forward(1)
        assert before.taken != [0]
        busy[0].task.cancel()
        await time.forward(20)
        after = Socket(throttle, time, [1], person="person 0")
        await time.forward(0)
        assert after.taken == [0]
        for socket in busy:
            socket.task.cancel()

    asyncio.run(act())


@pytest.mark.parametrize(
    ("who", "waiting"),
    [
        ({"person": "ann"}, [[0], [0.05], [0.1]]),
        ({"address": "198.51.100.1"}, [[0.25], [0.3], [0.35]]),
    ],
    ids=["person", "address"],
)
def test_what_reading_cost_counts_for_its_client_and_hardly_for_others(
    who: dict[str, Any], waiting: list[list[float]]
) -> None:
    """As much as a message may hold takes two seconds; what waits for that goes one after the other.

    Of an anonymous one it takes the time of four messages from the others, too.
    """

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(message_values=400_000))
        costly = Socket(throttle, time, [1], values=400_000, **who)
        await time.forward(0)
        assert costly.taken == [0]
        again = [
            Socket(throttle, time, [1], values=200_000, **who) for _ in range(3)
        ]  # wait for the first, then one second each
        others = [Socket(throttle, time, [1], address=f"192.0.2.{number}") for number in range(3)]
        others.append(Socket(throttle, time, [1], person="bob"))
        await time.forward(100)
        assert [other.taken for other in others] == [*waiting, [0]]
        assert [socket.taken for socket in again] == [[1.75], [2.75], [3.75]]

    asyncio.run(act())
