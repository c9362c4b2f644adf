"""Whatever state a tab is in: one poll of the watcher tells it of an end, and nothing of its old page runs then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.socket.watcher import Watcher
from tests.component.socket.test_expiry_overlay import expire, locks, opens, press, received, sends, step_up
from tests.component.socket.test_tab import Here, with_tab

ENDED: Final = "/auth/ended?return_to=%2F"


async def accept(here: Here) -> None:
    await here.tab.send({"type": "websocket.accept"})


async def connecting(here: Here) -> None:
    """Its session was resolved, and the handshake is not over."""
    await here.tab.close()
    opens(here, claimed="")


async def connected(here: Here) -> None:
    """No message of the browser has come."""
    await connecting(here)
    await accept(here)


async def first_run(here: Here) -> None:
    """Its first run is under way, and nothing of it was sent."""
    await connected(here)
    here.browser.click()
    await here.tab.receive()


async def first_run_drawing(here: Here) -> None:
    """Its first run is under way, and the browser shows the beginning of the page."""
    await first_run(here)
    await here.begins("page of its own")
    await here.renders("$$ID-old")


async def run_in_progress(here: Here) -> None:
    """Something was pressed, and the run that it asked for is under way."""
    here.browser.click()
    await here.tab.receive()
    await here.begins("page")


async def reconnecting(here: Here) -> None:
    """The connection was lost, and the handshake of the next one is not over."""
    await here.tab.close()
    opens(here)


async def reconnected(here: Here) -> None:
    """The connection was lost, and nothing has come from the next one."""
    await reconnecting(here)
    await accept(here)


async def signed_in_again(here: Here) -> None:
    """It has reconnected after a step-up, with something that waits for its turn."""
    step_up(here)
    sends(here, press("$$ID-old"))
    assert (await here.tab.receive())["type"] == "websocket.disconnect"
    await here.tab.close()
    await reconnected(here)


async def locked(here: Here) -> None:
    """Its session has expired, and something was pressed too late."""
    expire(here)
    sends(here, press("$$ID-old"))
    assert (await received(here)).stop_script


async def idle(here: Here) -> None:
    """Its page is drawn, and its user does nothing."""


STATES: Final[dict[str, Callable[[Here], Awaitable[None]]]] = {
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


def expires(here: Here) -> None:
    expire(here)
    here.tab.session = here.services.storage.read.session_by_ref(here.ref)  # so that the tab knows when it is due


EVENTS: Final[dict[str, Callable[[Here], None]]] = {
    "ended": lambda here: here.end(),
    "blocked": lambda here: here.block(),
    "lost role": lambda here: here.revoke(),
    "expired": expires,
}


def last_instruction(here: Here) -> str:
    """The last instruction to the browser: an address to navigate to, "locked", or "" for neither."""
    for message in reversed([message for message in here.browser.left if message["type"] == "websocket.send"]):
        sent = ForwardMsg.FromString(message["bytes"])
        if sent.WhichOneof("type") == "auth_redirect":
            return sent.auth_redirect.url
        if locks(sent):
            return "locked"
    return ""


async def text(here: Here) -> None:
    """Wait until what the tab itself has to say has gone out."""
    for task in (here.tab._out._pushing, here.tab._out.goodbye):
        if task is not None:
            await task


async def streamlit_gets(here: Here) -> list[BackMsg | None]:
    """All that Streamlit gets from now on; None when the socket is gone for it."""
    messages: list[BackMsg | None] = []
    while None not in messages:
        receiving = asyncio.ensure_future(here.tab.receive())
        await here.settled()
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
    async def check(here: Here) -> None:
        watcher = Watcher(here.services.storage.read.change_counters, here.services.tabs)
        await watcher.poll()
        await STATES[state](here)
        EVENTS[event](here)
        if state in NOT_ACCEPTED:
            await watcher.poll()  # finds a socket that cannot receive yet
            await accept(here)
        await watcher.poll()
        await text(here)
        assert last_instruction(here) == expected(state, event)  # before the browser sends anything
        sends(here, press("$$ID-old"))
        got = await streamlit_gets(here)
        runs = [message for message in got if message is not None and message.WhichOneof("type") == "rerun_script"]
        if state not in NO_RUN_YET or event != "lost role":  # there, Streamlit has no page whose button it could be
            assert not [run for run in runs if run.rerun_script.widget_states.widgets]
        if event == "lost role" and last_instruction(here) == "":
            assert runs, "the page is drawn again"
        if event in {"ended", "blocked"}:
            assert got[-1] is None
            assert not runs

    with_tab(check)


def test_presses_pass_in_the_states_before_an_event() -> None:
    """So that the test above is about the events."""

    async def check(here: Here) -> None:
        sends(here, press("$$ID-old"))
        (run,) = await streamlit_gets(here)
        assert run is not None
        assert [widget.id for widget in run.rerun_script.widget_states.widgets] == ["$$ID-old"]

    with_tab(check)
