"""How fast the messages of sockets are taken: by a clock that the test owns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush

from starlette.types import Message

from component.admission import SocketLimits
from component.throttle import Throttle

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
            self.now, _, woken = heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
                await settle()
        self.now = end


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


class Socket:
    """A socket that sends messages of so many bytes, one after the other."""

    def __init__(
        self, throttle: Throttle, time: Time, sizes: list[int], *, person: str = "", address: str = "192.0.2.1"
    ) -> None:
        self.gone = asyncio.Event()
        self.taken: list[float] = []
        """After how many seconds each was taken."""
        self.types: list[str] = []
        self._time = time
        self._sizes = sizes
        self._receive = throttle.of(self._next, person=person, address=address, gone=self.gone)
        self._began = time.now
        self.task = asyncio.ensure_future(self._run())

    async def _next(self) -> Message:
        if not self._sizes:
            return {"type": "websocket.disconnect"}
        return {"type": "websocket.receive", "bytes": bytes(self._sizes.pop(0))}

    async def _run(self) -> None:
        while True:
            message = await self._receive()
            self.types.append(message["type"])
            if message["type"] != "websocket.receive":
                return
            self.taken.append(round(self._time.now - self._began, 3))


def throttle_of(time: Time, limits: SocketLimits | None = None) -> Throttle:
    return Throttle(limits or SocketLimits(), monotonic=time, sleep=time.sleep)


def test_messages_of_a_person_wait_by_count_and_by_size() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=2, bytes_per_second=10 * KB, message_bytes=KB))
        ann = Socket(throttle, time, [1] * 22, person="ann")
        bob = Socket(throttle, time, [1], person="bob")
        await time.forward(100)
        assert ann.taken == [0] * 20 + [0.5, 1.0]
        assert bob.taken == [0]
        long = Socket(throttle, time, [100 * KB, 5 * KB], person="ann")
        await time.forward(100)
        assert long.taken == [0, 0.5]

    asyncio.run(act())


def test_nothing_further_is_read_of_a_socket_while_its_message_waits() -> None:
    async def act() -> None:
        time = Time()
        left = [1] * 13
        socket = Socket(throttle_of(time, SocketLimits(messages_per_second=1)), time, left, person="ann")
        await time.forward(0)
        assert (len(socket.taken), len(left)) == (10, 2)
        await time.forward(1)
        assert (len(socket.taken), len(left)) == (11, 1)

    asyncio.run(act())


def test_anonymous_messages_wait_by_address_and_in_all() -> None:
    """One a second of an address, four in all; ten seconds' worth of each at once."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=1))
        one = Socket(throttle, time, [1] * 11)
        others = [Socket(throttle, time, [1], address=f"198.51.100.{number}") for number in range(32)]
        await time.forward(100)
        assert one.taken == [0] * 10 + [1.0]
        assert [other.taken for other in others] == [[0]] * 30 + [[0.25], [0.5]]
        ann = Socket(throttle, time, [1], person="ann")
        await time.forward(0)
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


def test_a_flood_of_long_messages_from_a_few_addresses_keeps_no_short_message_waiting() -> None:
    assert waits_of_a_visitor(500, eight_addresses(256 * KB)) == 0


def test_a_flood_keeps_a_message_of_its_kind_waiting_for_one_message_of_each_address_at_most() -> None:
    assert waits_of_a_visitor(500, eight_addresses(16 * KB)) <= 8 / 40 + 0.025
    assert waits_of_a_visitor(100 * KB, eight_addresses(256 * KB)) <= 8 * 0.25 + 0.1


def test_what_waits_for_its_own_address_takes_nothing_from_others() -> None:
    """An address that sent a hundred long messages at once waits for itself; nobody else does."""

    async def act() -> None:
        time = Time()
        throttle = throttle_of(time)
        flood = [Socket(throttle, time, [256 * KB]) for _ in range(100)]
        visitors = [Socket(throttle, time, [100 * KB], address=f"198.51.100.{number}") for number in range(50)]
        await time.forward(200)
        assert max(visitor.taken[0] for visitor in visitors) == 0
        assert [socket.taken[0] for socket in flood[:12]] == [0] * 10 + [1.0, 2.0]
        assert flood[99].taken == [90.0]

    asyncio.run(act())


def test_what_a_client_that_is_gone_left_waiting_goes_no_further_and_costs_its_address_nothing() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=1))
        waiting = [Socket(throttle, time, [1]) for _ in range(110)]
        await time.forward(0)
        for socket in waiting:
            socket.gone.set()
        await settle()
        assert [socket.types for socket in waiting] == (
            [["websocket.receive", "websocket.disconnect"]] * 10 + [["websocket.disconnect"]] * 100
        )
        after = Socket(throttle, time, [1])
        await time.forward(100)
        assert after.taken == [1.0]

    asyncio.run(act())


def test_a_client_that_goes_away_before_its_turn_leaves_it_to_the_next() -> None:
    async def act() -> None:
        time = Time()
        throttle = throttle_of(time, SocketLimits(messages_per_second=1))
        crowd = [Socket(throttle, time, [1], address=f"198.51.100.{number}") for number in range(40)]
        first, second, third, cancelled, fifth = (Socket(throttle, time, [1]) for _ in range(5))
        await time.forward(0)
        second.gone.set()
        third.gone.set()
        cancelled.task.cancel()
        await time.forward(10)
        assert {socket.taken[0] for socket in crowd} == {0}
        assert (first.taken, second.taken, third.taken, cancelled.taken) == ([0.25], [], [], [])
        assert fifth.taken == [0.5]

    asyncio.run(act())
