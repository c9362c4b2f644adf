"""In every state of a tab, one poll of the watcher notifies it of an end, and nothing of its old page runs then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.socket.watcher import Watcher
from tests.component.socket.expired_tab import expire, locks, open_socket, press, received, sends, step_up
from tests.component.socket.tab_harness import TabHarness, with_tab

ENDED: Final = "/auth/ended?return_to=%2F"


async def accept(harness: TabHarness) -> None:
    await harness.tab.send({"type": "websocket.accept"})


async def connecting(harness: TabHarness) -> None:
    """Its session was resolved, and the handshake is not over."""
    await harness.tab.close()
    open_socket(harness, requested_session_id="")


async def connected(harness: TabHarness) -> None:
    """No message of the browser has come."""
    await connecting(harness)
    await accept(harness)


async def first_run(harness: TabHarness) -> None:
    """Its first run is under way, and nothing of it was sent."""
    await connected(harness)
    harness.websocket.click()
    await harness.tab.receive()


async def first_run_drawing(harness: TabHarness) -> None:
    """Its first run is under way, and the browser shows the beginning of the page."""
    await first_run(harness)
    await harness.streamlit_starts_run("page of its own")
    await harness.streamlit_renders("$$ID-old")


async def run_in_progress(harness: TabHarness) -> None:
    """Something was pressed, and the run that it asked for is under way."""
    harness.websocket.click()
    await harness.tab.receive()
    await harness.streamlit_starts_run("page")


async def reconnecting(harness: TabHarness) -> None:
    """The connection was lost, and the handshake of the next one is not over."""
    await harness.tab.close()
    open_socket(harness)


async def reconnected(harness: TabHarness) -> None:
    """The connection was lost, and nothing has come from the next one."""
    await reconnecting(harness)
    await accept(harness)


async def signed_in_again(harness: TabHarness) -> None:
    """It has reconnected after a step-up, with something that waits for its turn."""
    step_up(harness)
    sends(harness, press("$$ID-old"))
    assert (await harness.tab.receive())["type"] == "websocket.disconnect"
    await harness.tab.close()
    await reconnected(harness)


async def locked(harness: TabHarness) -> None:
    """Its session has expired, and something was pressed too late."""
    expire(harness)
    sends(harness, press("$$ID-old"))
    assert (await received(harness)).stop_script


async def idle(harness: TabHarness) -> None:
    """Its page is drawn, and its user does nothing."""


STATES: Final[dict[str, Callable[[TabHarness], Awaitable[None]]]] = {
    state.__name__: state
    for state in (
        connecting,
        connected,
        first_run,
        first_run_drawing,
        run_in_progress,
        reconnecting,
        reconnected,
        signed_in_again,
        locked,
        idle,
    )
}
NOT_ACCEPTED: Final = ("connecting", "reconnecting")
NO_RUN_YET: Final = ("connecting", "connected")


def expires(harness: TabHarness) -> None:
    expire(harness)
    harness.tab.session = harness.services.storage.read.session_by_ref(
        harness.ref
    )  # so that the tab computes its next check


EVENTS: Final[dict[str, Callable[[TabHarness], None]]] = {
    "ended": lambda harness: harness.end(),
    "blocked": lambda harness: harness.block(),
    "lost role": lambda harness: harness.revoke(),
    "expired": expires,
}


def last_instruction(harness: TabHarness) -> str:
    """The last instruction to the browser: an address to navigate to, "locked", or "" for neither."""
    for message in reversed([message for message in harness.websocket.sent if message["type"] == "websocket.send"]):
        sent = ForwardMsg.FromString(message["bytes"])
        if sent.WhichOneof("type") == "auth_redirect":
            return sent.auth_redirect.url
        if locks(sent):
            return "locked"
    return ""


async def text(harness: TabHarness) -> None:
    """Wait until the tab has sent its own messages."""
    for task in (harness.tab._out._pushing, harness.tab._out.goodbye):
        if task is not None:
            await task


async def streamlit_gets(harness: TabHarness) -> list[BackMsg | None]:
    """Every later message to Streamlit; None when its socket is closed."""
    messages: list[BackMsg | None] = []
    while None not in messages:
        receiving = asyncio.ensure_future(harness.tab.receive())
        await harness.settle()
        if not receiving.done():
            receiving.cancel()
            break
        message = receiving.result()
        messages.append(BackMsg.FromString(message["bytes"]) if message["type"] == "websocket.receive" else None)
    return messages


def expected(state: str, event: str) -> str:
    """The expected instruction to the browser."""
    if event in {"ended", "blocked"}:
        return ENDED
    if state == "locked" or event == "expired":
        return "locked"
    return "/" if state == "first_run" else ""


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", STATES)
def test_one_poll_notifies_a_tab_in_any_state_and_nothing_of_its_page_runs(state: str, event: str) -> None:
    async def check(harness: TabHarness) -> None:
        watcher = Watcher(harness.services.storage.read.change_counters, harness.services.tabs)
        await watcher.poll()
        await STATES[state](harness)
        EVENTS[event](harness)
        if state in NOT_ACCEPTED:
            await watcher.poll()  # finds a socket that cannot receive yet
            await accept(harness)
        await watcher.poll()
        await text(harness)
        assert last_instruction(harness) == expected(state, event)  # before the browser sends anything
        sends(harness, press("$$ID-old"))
        got = await streamlit_gets(harness)
        runs = [message for message in got if message is not None and message.WhichOneof("type") == "rerun_script"]
        if state not in NO_RUN_YET or event != "lost role":  # there, Streamlit has no page whose button it could be
            assert not [run for run in runs if run.rerun_script.widget_states.widgets]
        if event == "lost role" and last_instruction(harness) == "":
            assert runs, "the page is drawn again"
        if event in {"ended", "blocked"}:
            assert got[-1] is None
            assert not runs

    with_tab(check)


def test_presses_pass_in_the_states_before_an_event() -> None:
    """Without an event no message is sent, so the test above is about the events."""

    async def check(harness: TabHarness) -> None:
        sends(harness, press("$$ID-old"))
        (run,) = await streamlit_gets(harness)
        assert run is not None
        assert [widget.id for widget in run.rerun_script.widget_states.widgets] == ["$$ID-old"]

    with_tab(check)
