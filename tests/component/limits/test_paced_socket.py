"""What a browser asks for by itself, again and again, waits once; by a clock that the test owns."""

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


def asking(fragment: str, *, by_itself: bool = True) -> bytes:
    """A browser's request for a run of a fragment."""
    message = BackMsg()
    message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, by_itself
    return message.SerializeToString()


PRESS = asking("", by_itself=False)
CATCH_UP = asking(back_message.CATCH_UP)


class Socket:
    """A socket of one person, whose browser sends when the test says so."""

    def __init__(self, throttle: Throttle) -> None:
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self.taken: list[bytes] = []
        self.paced = PacedSocket(throttle, self._sent.get, person="ann", address="192.0.2.1")
        self.task = asyncio.ensure_future(self._run())

    def send(self, *messages: bytes) -> None:
        """From the browser."""
        for data in messages:
            self._sent.put_nowait({"type": "websocket.receive", "bytes": data})

    @property
    def unread(self) -> int:
        """How many messages wait below."""
        return self._sent.qsize()

    async def _run(self) -> None:
        while True:
            self.taken.append((await self.paced.receive())["bytes"])


async def started(limits: SocketLimits = ONE_A_SECOND) -> tuple[FakeClock, Socket, Socket]:
    """The clock, and two sockets of the person, who has just used up what may come at once."""
    clock = FakeClock()
    throttle = Throttle(limits, monotonic=clock.monotonic, sleep=clock.sleep)
    first, second = Socket(throttle), Socket(throttle)
    first.send(PRESS)
    await settle()
    assert first.taken == [PRESS]
    first.taken.clear()
    return clock, first, second


async def test_a_timer_that_asks_for_more_than_the_pace_allows_does_not_lag() -> None:
    clock, socket, _ = await started()
    for _ in range(100):
        socket.send(asking("clock"))
        await clock.run_for(0.2)
    assert socket.unread == 0
    assert len(socket.taken) == 20
    socket.send(PRESS)
    await clock.run_for(2)
    assert PRESS in socket.taken


async def test_neither_do_several_timers_of_one_page() -> None:
    clock, socket, _ = await started()
    for _ in range(100):
        socket.send(*(asking(f"clock {number}") for number in range(4)))
        await clock.run_for(0.5)
    assert socket.unread == 0
    assert len(socket.taken) == 50
    assert {socket.taken.count(asking(f"clock {number}")) for number in range(4)} <= {12, 13}
    socket.send(PRESS)
    await clock.run_for(5)
    assert PRESS in socket.taken


async def test_what_is_no_repetition_is_kept_in_its_place() -> None:
    clock, socket, _ = await started()
    timer, other = asking("clock"), asking("other")
    socket.send(timer, timer, other, timer, PRESS, timer, other, timer, timer, other)
    await clock.run_for(100)
    assert socket.taken == [timer, other, PRESS, timer, other]


async def test_what_a_person_presses_again_and_again_is_no_repetition() -> None:
    clock, socket, _ = await started()
    socket.send(*[asking("fragment", by_itself=False)] * 5)
    await clock.run_for(100)
    assert len(socket.taken) == 5


async def test_reading_repetitions_is_bounded() -> None:
    """Beyond what is dropped at once they are left below, where TCP makes their sender wait."""
    _, first, second = await started()
    for socket in (first, second):
        socket.send(*[asking("clock")] * 1000)
    for _ in range(200):
        await settle()
    taken_in = 2 * (1 + MAX_AHEAD)  # of each socket one waits for its pace, and some behind it
    assert first.unread + second.unread == 2000 - MAY_DROP_AT_ONCE - taken_in


async def test_reading_different_timers_is_bounded_too() -> None:
    _, first, second = await started()
    first.send(*(asking(f"clock {number}") for number in range(100)))
    second.send(*(asking(f"clock {number}" + "x" * 10_000) for number in range(100)))
    for _ in range(20):
        await settle()
    assert first.unread == 100 - 1 - MAX_AHEAD
    assert second.unread == 100 - 1 - (MAX_AHEAD_BYTES // 10_000 + 1)


async def test_a_browser_that_asks_again_while_its_page_is_waited_for_uses_up_nothing() -> None:
    """Four times a second, until the run has begun; other tabs of the person wait for one message of it."""
    clock, first, second = await started()
    for number in range(20):
        first.send(CATCH_UP)
        if number == 10:
            second.send(PRESS)
        await clock.run_for(0.25)
    assert second.taken == [PRESS]
    assert first.unread == 0
    assert first.taken == [CATCH_UP]
    await clock.run_for(REPEATS_SECONDS)
    first.send(CATCH_UP)  # the page never came
    await clock.run_for(1)
    assert first.taken == [CATCH_UP, CATCH_UP]


async def test_so_does_one_whose_page_holds_much() -> None:
    clock, socket, _ = await started()
    long = BackMsg.FromString(CATCH_UP)
    long.rerun_script.widget_states.widgets.add(id="text", string_value="x" * 100_000)
    socket.send(*[long.SerializeToString()] * 20)
    await clock.run_for(10)
    assert len(socket.taken) == 1


async def test_a_text_that_names_the_catch_up_is_no_catch_up() -> None:
    clock, socket, _ = await started(SocketLimits(messages_per_second=1000))
    typed = BackMsg()
    typed.rerun_script.widget_states.widgets.add(id="text", string_value=back_message.CATCH_UP)
    socket.send(CATCH_UP, typed.SerializeToString(), typed.SerializeToString())
    await clock.run_for(1)
    assert len(socket.taken) == 3


async def test_a_socket_that_is_closed_reads_no_more() -> None:
    _, socket, _ = await started()
    socket.send(asking("clock"))
    await settle()
    socket.task.cancel()
    socket.paced.close()
    await settle()
    socket.send(PRESS)
    await settle()
    assert socket.unread == 1
