"""The pace of people who send much for a long time; on a fake clock."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from component.limits.admission import SocketLimits
from tests.clock import FakeClock
from tests.component.limits.paced_client import KB, Socket, throttle_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("every", [0.01, 0.101], ids=["a flood", "just within its own pace"])
async def test_people_who_send_much_for_long_share_a_pace_and_no_other_person_waits_for_them(every: float) -> None:
    """Eight of them, 40 messages a second together; five presses of another person wait for their own pace only.

    An anonymous message waits for one of theirs at most.
    """
    clock = FakeClock()
    throttle = throttle_of(clock)
    busy = [Socket(throttle, clock, [1] * 5000, person=f"person {number}", every=every) for number in range(8)]
    await clock.run_for(30)
    before = sum(len(socket.taken) for socket in busy)
    await clock.run_for(20)
    assert (sum(len(socket.taken) for socket in busy) - before) / 20 == pytest.approx(40, abs=0.5)
    patient = Socket(throttle, clock, [1] * 5, person="patient")
    visitor = Socket(throttle, clock, [1])
    await clock.run_for(1)
    for socket in busy:
        socket.task.cancel()
    assert patient.taken == [0, 0.1, 0.2, 0.3, 0.4]
    assert visitor.taken[0] <= 1 / 40


async def test_no_two_messages_of_busy_people_and_anonymous_clients_come_at_once() -> None:
    """All messages pass one after the other, and each kind gets its share."""
    clock = FakeClock()
    throttle = throttle_of(clock)
    people = [Socket(throttle, clock, [1] * 1000, person=f"person {number}") for number in range(8)]
    short = [Socket(throttle, clock, [1] * 1000, address=f"198.51.100.{number}") for number in range(8)]
    long = [Socket(throttle, clock, [20 * KB] * 1000, address=f"198.51.100.{number}") for number in range(8)]
    await clock.run_for(60)
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


async def test_messages_that_wait_while_the_event_loop_is_blocked_do_not_pass_in_a_burst() -> None:
    clock = FakeClock()
    throttle = throttle_of(clock, SocketLimits(anonymous_messages_per_second=8))
    sockets = [Socket(throttle, clock, [1], address=f"198.51.100.{number}") for number in range(4)]
    await clock.run_for(0)
    clock.move(seconds=10)
    await clock.run_for(0)
    await clock.run_for(1)
    assert [socket.taken for socket in sockets] == [[0], [10], [10.125], [10.25]]


async def test_waiting_messages_of_a_person_who_becomes_busy_wait_in_the_shared_queue_too() -> None:
    clock = FakeClock()
    throttle = throttle_of(clock)
    sockets = [Socket(throttle, clock, [1], person=f"person {number % 8}") for number in range(8 * 200)]
    await clock.run_for(20)
    taken = [at for socket in sockets for at in socket.taken if at > 10]
    assert len(taken) / 10 == pytest.approx(40, abs=0.5)
    for socket in sockets:
        socket.task.cancel()


async def test_a_person_who_sends_costly_messages_is_busy_after_a_few() -> None:
    """One message in two seconds, within its limit. An anonymous message waits for the message just before it."""
    clock = FakeClock()
    throttle = throttle_of(clock)
    costly = Socket(throttle, clock, [1] * 1000, person="ann", values=400_000)
    await clock.run_for(199.76)
    assert costly.taken[-1] == 199.75
    visitor = Socket(throttle, clock, [1])
    await clock.run_for(1)
    assert visitor.taken == [0.115]
    costly.task.cancel()


async def test_a_busy_person_is_no_longer_busy_after_a_pause() -> None:
    """A pause of twenty seconds is enough, however long the person was busy."""
    clock = FakeClock()
    throttle = throttle_of(clock)
    busy = [Socket(throttle, clock, [1] * 1000, person=f"person {number}") for number in range(8)]
    await clock.run_for(60)
    before = Socket(throttle, clock, [1], person="person 0")
    await clock.run_for(1)
    assert before.taken != [0]
    busy[0].task.cancel()
    await clock.run_for(20)
    after = Socket(throttle, clock, [1], person="person 0")
    await clock.run_for(0)
    assert after.taken == [0]
    for socket in busy:
        socket.task.cancel()


@pytest.mark.parametrize(
    ("user", "waiting"),
    [
        ({"person": "ann"}, [[0], [0.05], [0.1]]),
        ({"address": "198.51.100.1"}, [[0.25], [0.3], [0.35]]),
    ],
    ids=["person", "address"],
)
async def test_the_cost_of_parsing_delays_its_client_and_hardly_others(
    user: dict[str, Any], waiting: list[list[float]]
) -> None:
    """The longest message costs two seconds; the messages that wait for it pass one after the other.

    Of an anonymous one it takes the time of four messages from the others, too.
    """
    clock = FakeClock()
    throttle = throttle_of(clock, SocketLimits(message_values=400_000))
    costly = Socket(throttle, clock, [1], values=400_000, **user)
    await clock.run_for(0)
    assert costly.taken == [0]
    again = [
        Socket(throttle, clock, [1], values=200_000, **user) for _ in range(3)
    ]  # wait for the first, then one second each
    others = [Socket(throttle, clock, [1], address=f"192.0.2.{number}") for number in range(3)]
    others.append(Socket(throttle, clock, [1], person="bob"))
    await clock.run_for(100)
    assert [other.taken for other in others] == [*waiting, [0]]
    assert [socket.taken for socket in again] == [[1.75], [2.75], [3.75]]
