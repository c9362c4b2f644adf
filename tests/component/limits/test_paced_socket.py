"""Requests that a browser repeats by itself wait once; on a fake clock."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message
from streamlit.proto.BackMsg_pb2 import BackMsg

from component.limits.admission import SocketLimits
from component.limits.paced_socket import MAX_AHEAD, MAX_AHEAD_BYTES, REPEATS_SECONDS, PacedSocket
from component.limits.throttle import MAY_DROP_AT_ONCE, Throttle
from component.protocol import back_message
from tests.clock import FakeClock, settle

pytestmark = pytest.mark.anyio

ONE_A_SECOND = SocketLimits(messages_per_second=1)


def requesting(fragment: str, *, by_itself: bool = True) -> bytes:
    """A browser's request for a run of a fragment."""
    message = BackMsg()
    message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, by_itself
    return message.SerializeToString()


PRESS = requesting("", by_itself=False)
REQUESTED_RERUN = requesting(back_message.REQUESTED_RERUN)


class Socket:
    """A socket of one person, whose messages the test sends."""

    def __init__(self, throttle: Throttle) -> None:
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self.taken: list[bytes] = []
        self.paced = PacedSocket(throttle, self._sent.get, person="ann", address="192.0.2.1")
        self.task = asyncio.ensure_future(self._run())

    def send(self, *messages: bytes) -> None:
        """Receive the next message of the browser."""
        for data in messages:
            self._sent.put_nowait({"type": "websocket.receive", "bytes": data})

    @property
    def unread(self) -> int:
        """The number of messages that wait in the transport."""
        return self._sent.qsize()

    async def _run(self) -> None:
        while True:
            self.taken.append((await self.paced.receive())["bytes"])


async def started(limits: SocketLimits = ONE_A_SECOND) -> tuple[FakeClock, Socket, Socket]:
    """The clock, and two sockets of a person who has just used up the burst."""
    clock = FakeClock()
    throttle = Throttle(limits, monotonic=clock.monotonic, sleep=clock.sleep)
    first, second = Socket(throttle), Socket(throttle)
    first.send(PRESS)
    await settle()
    assert first.taken == [PRESS]
    first.taken.clear()
    return clock, first, second


async def test_a_timer_faster_than_the_pace_does_not_lag() -> None:
    clock, socket, _ = await started()
    for _ in range(100):
        socket.send(requesting("clock"))
        await clock.run_for(0.2)
    assert socket.unread == 0
    assert len(socket.taken) == 20
    socket.send(PRESS)
    await clock.run_for(2)
    assert PRESS in socket.taken


async def test_several_timers_of_one_page_do_not_lag() -> None:
    clock, socket, _ = await started()
    for _ in range(100):
        socket.send(*(requesting(f"clock {number}") for number in range(4)))
        await clock.run_for(0.5)
    assert socket.unread == 0
    assert len(socket.taken) == 50
    assert {socket.taken.count(requesting(f"clock {number}")) for number in range(4)} <= {12, 13}
    socket.send(PRESS)
    await clock.run_for(5)
    assert PRESS in socket.taken


async def test_messages_that_are_no_repetition_keep_their_order() -> None:
    clock, socket, _ = await started()
    timer, other = requesting("clock"), requesting("other")
    socket.send(timer, timer, other, timer, PRESS, timer, other, timer, timer, other)
    await clock.run_for(100)
    assert socket.taken == [timer, other, PRESS, timer, other]


async def test_repeated_presses_of_a_user_are_no_repetition() -> None:
    clock, socket, _ = await started()
    socket.send(*[requesting("fragment", by_itself=False)] * 5)
    await clock.run_for(100)
    assert len(socket.taken) == 5


async def test_reading_repetitions_is_bounded() -> None:
    """Beyond the number that is dropped, they stay in the transport, where TCP makes their sender wait."""
    _, first, second = await started()
    for socket in (first, second):
        socket.send(*[requesting("clock")] * 1000)
    for _ in range(200):
        await settle()
    taken_in = 2 * (1 + MAX_AHEAD)  # one message of each socket waits for its pace, others wait behind it
    assert first.unread + second.unread == 2000 - MAY_DROP_AT_ONCE - taken_in


async def test_reading_different_timers_is_bounded_too() -> None:
    _, first, second = await started()
    first.send(*(requesting(f"clock {number}") for number in range(100)))
    second.send(*(requesting(f"clock {number}" + "x" * 10_000) for number in range(100)))
    for _ in range(20):
        await settle()
    assert first.unread == 100 - 1 - MAX_AHEAD
    assert second.unread == 100 - 1 - (MAX_AHEAD_BYTES // 10_000 + 1)


async def test_repeated_requested_reruns_use_up_no_pace() -> None:
    """Repeated four times a second until the run starts; other tabs of the person wait for one message only."""
    clock, first, second = await started()
    for number in range(20):
        first.send(REQUESTED_RERUN)
        if number == 10:
            second.send(PRESS)
        await clock.run_for(0.25)
    assert second.taken == [PRESS]
    assert first.unread == 0
    assert first.taken == [REQUESTED_RERUN]
    await clock.run_for(REPEATS_SECONDS)
    first.send(REQUESTED_RERUN)  # the page never came
    await clock.run_for(1)
    assert first.taken == [REQUESTED_RERUN, REQUESTED_RERUN]


async def test_repeated_requested_reruns_with_much_content_use_up_no_pace() -> None:
    clock, socket, _ = await started()
    long = BackMsg.FromString(REQUESTED_RERUN)
    long.rerun_script.widget_states.widgets.add(id="text", string_value="x" * 100_000)
    socket.send(*[long.SerializeToString()] * 20)
    await clock.run_for(10)
    assert len(socket.taken) == 1


async def test_a_text_with_the_id_of_a_requested_rerun_is_none() -> None:
    clock, socket, _ = await started(SocketLimits(messages_per_second=1000))
    typed = BackMsg()
    typed.rerun_script.widget_states.widgets.add(id="text", string_value=back_message.REQUESTED_RERUN)
    socket.send(REQUESTED_RERUN, typed.SerializeToString(), typed.SerializeToString())
    await clock.run_for(1)
    assert len(socket.taken) == 3


async def test_a_socket_that_is_closed_reads_no_more() -> None:
    _, socket, _ = await started()
    socket.send(requesting("clock"))
    await settle()
    socket.task.cancel()
    socket.paced.close()
    await settle()
    socket.send(PRESS)
    await settle()
    assert socket.unread == 1
