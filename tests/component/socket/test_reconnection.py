"""A tab that comes back after a lost connection never leaves a page on the screen that may no longer be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol import forward_message
from component.socket.handshake import Handshake
from component.socket.session_changes import SessionChange
from component.socket.tab_state import GateState, TabState
from component.socket.watcher import Watcher
from tests.component.socket.expired_tab import (
    advance_clock,
    assert_no_message,
    backdate_activity,
    expire,
    outgoing,
    press,
    pressed,
    received,
    sends,
)
from tests.component.socket.tab_harness import OPENING, TabHarness, with_tab


async def reconnect_page(harness: TabHarness, *, granted: bool = True, anonymous: bool = False) -> None:
    """The connection is lost, and the browser requests the Streamlit session of its page on the next one."""
    await harness.tab.close()
    harness.websocket.sent.clear()
    session = None if anonymous else harness.services.storage.read.session_by_ref(harness.ref)
    harness.tab = harness.services.tabs.open(
        Handshake(
            session,
            "browser" if anonymous else f"session {harness.ref}",
            requested_session_id="page",
            is_reattached=granted,
        ),
        harness.websocket.receive,
        harness.websocket.send,
    )


async def accepts(harness: TabHarness) -> None:
    await harness.tab.send({"type": "websocket.accept"})


async def receive_rerun_request(harness: TabHarness) -> None:
    """The connection is lost, the Streamlit session is gone, and the server requests a run of the page."""
    await reconnect_page(harness, granted=False)
    await accepts(harness)
    advance_clock(harness)
    await watcher(harness).poll()
    assert await requested_runs(harness) == ["gatehouse-requested-rerun"]


def requested_rerun() -> BackMsg:
    """The request that the front end then sends, and repeats every 0.25 seconds until a run has started."""
    requested = ForwardMsg.FromString(forward_message.request_rerun()).auto_rerun
    message = BackMsg()
    message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = requested.fragment_id, True
    typed = message.rerun_script.widget_states.widgets.add()
    typed.id, typed.string_value = "$$ID-text", "typed"
    return message


def watcher(harness: TabHarness) -> Watcher:
    return Watcher(harness.services.storage.read.change_counters, harness.services.tabs)


async def requested_runs(harness: TabHarness) -> list[str]:
    """The fragments of which the browser has received a timer."""
    return [message.auto_rerun.fragment_id for message in await outgoing(harness, 0) if message.HasField("auto_rerun")]


def test_a_right_lost_before_a_connection_was_lost_reruns_the_page_on_the_next() -> None:
    async def check(harness: TabHarness) -> None:
        harness.revoke()
        assert (
            await harness.tab.recheck() is SessionChange.LOST
        )  # and the socket closes before the page is rendered again
        await reconnect_page(harness)
        assert not harness.tab.wants_rerun, "Streamlit waits for the handshake"
        await accepts(harness)
        await watcher(harness).poll()
        run = await harness.streamlit_receives(*OPENING)
        assert not run.rerun_script.widget_states.widgets
        assert not harness.tab.wants_rerun

    with_tab(check)


def test_without_a_known_run_the_page_is_reloaded() -> None:
    async def check(harness: TabHarness) -> None:
        harness.tab._owner_tabs.sessions["page"] = TabState(gate=GateState.CLOSED, run_on_save=False)
        await reconnect_page(harness)
        await accepts(harness)
        await watcher(harness).poll()
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"
        assert [message.auth_redirect.url for message in await outgoing(harness, 0)] == ["/"]

    with_tab(check)


GONE: dict[str, Callable[[TabHarness], bool]] = {
    "in another process": lambda _: False,
    "whose barrier was lost": lambda harness: harness.services.tabs.may_reattach(harness.tab.owner, "page"),
    "that Streamlit has let go of": lambda _: True,
}


@pytest.mark.parametrize("way", GONE)
def test_a_browser_whose_streamlit_session_is_gone_is_asked_for_a_run_once(way: str) -> None:
    async def check(harness: TabHarness) -> None:
        if way == "whose barrier was lost":
            harness.revoke()
            harness.websocket.click()
            await harness.streamlit_receives(*OPENING)
        harness.services.tabs.is_active = lambda _: False
        await reconnect_page(harness, granted=GONE[way](harness))
        await accepts(harness)
        await watcher(harness).poll()
        assert await requested_runs(harness) == []  # it may still ask by itself
        advance_clock(harness)
        await watcher(harness).poll()
        await watcher(harness).poll()
        assert await requested_runs(harness) == ["gatehouse-requested-rerun"]

    with_tab(check)


def test_a_signed_out_browser_whose_streamlit_session_is_gone_is_asked_for_a_run() -> None:
    async def check(harness: TabHarness) -> None:
        harness.end()
        await reconnect_page(harness, granted=False, anonymous=True)
        await accepts(harness)
        advance_clock(harness)
        await watcher(harness).poll()
        assert await requested_runs(harness) == ["gatehouse-requested-rerun"]

    with_tab(check)


def test_a_reattached_streamlit_session_is_not_rerun() -> None:
    async def check(harness: TabHarness) -> None:
        harness.services.tabs.is_active = lambda session_id: session_id == "page"
        await reconnect_page(harness)
        await accepts(harness)
        advance_clock(harness)
        await watcher(harness).poll()
        await assert_no_message(harness)
        assert await requested_runs(harness) == []

    with_tab(check)


def test_a_browser_that_requests_a_run_or_requests_no_session_is_not_asked_for_one() -> None:
    async def check(harness: TabHarness) -> None:
        await reconnect_page(harness, granted=False)
        await accepts(harness)
        requesting = BackMsg()
        requesting.rerun_script.SetInParent()
        harness.websocket.deliver(requesting)
        await harness.tab.receive()
        other = harness.services.tabs.open(
            Handshake(None, "browser"), harness.websocket.receive, harness.websocket.send
        )
        await other.send({"type": "websocket.accept"})
        advance_clock(harness)
        await watcher(harness).poll()
        await other.close()
        assert await requested_runs(harness) == []

    with_tab(check)


@pytest.mark.parametrize("is_timer", [False, True])
def test_a_fragment_of_a_lost_session_runs_as_part_of_its_whole_page(is_timer: bool) -> None:
    """Streamlit skips a fragment that it does not know: the press would be lost, and the page stay on the screen."""

    async def check(harness: TabHarness) -> None:
        await reconnect_page(harness, granted=False)
        await accepts(harness)
        for fragment in ("", "clock"):
            request = BackMsg.FromString(press("$$ID-send", fragment="clock"))
            request.rerun_script.is_auto_rerun = is_timer
            harness.websocket.deliver(request)
            run = await received(harness)
            assert (run.rerun_script.fragment_id, pressed(run)) == (fragment, ["$$ID-send"])
        advance_clock(harness)
        await watcher(harness).poll()
        assert await requested_runs(harness) == []

    with_tab(check)


def test_a_requested_rerun_runs_the_page_with_its_typed_values() -> None:
    async def check(harness: TabHarness) -> None:
        await receive_rerun_request(harness)
        harness.websocket.deliver(requested_rerun())
        run = await received(harness)
        assert run.rerun_script.fragment_id == ""
        assert [widget.string_value for widget in run.rerun_script.widget_states.widgets] == ["typed"]

    with_tab(check)


def test_no_repeated_requested_rerun_interrupts_the_run_of_a_press() -> None:
    async def check(harness: TabHarness) -> None:
        await receive_rerun_request(harness)
        harness.websocket.deliver(requested_rerun())
        assert not pressed(await received(harness))
        harness.websocket.deliver(requested_rerun())
        sends(harness, press("$$ID-send"))
        harness.websocket.deliver(requested_rerun())
        assert pressed(await received(harness)) == ["$$ID-send"]
        await assert_no_message(harness)

    with_tab(check)


def test_no_requested_rerun_interrupts_the_run_of_an_earlier_press() -> None:
    async def check(harness: TabHarness) -> None:
        await receive_rerun_request(harness)
        sends(harness, press("$$ID-send"))
        harness.websocket.deliver(requested_rerun())
        assert pressed(await received(harness)) == ["$$ID-send"]
        await assert_no_message(harness)

    with_tab(check)


def test_a_rerun_that_was_not_requested_does_not_pass_and_costs_no_query() -> None:
    async def check(harness: TabHarness) -> None:
        resolve, checks = harness.tab._check_session, 0

        def counted() -> Any:
            nonlocal checks
            checks += 1
            return resolve()

        harness.tab._check_session = counted  # type: ignore[method-assign]
        for _ in range(4):
            harness.websocket.deliver(requested_rerun())
        await assert_no_message(harness)
        assert checks == 0
        harness.websocket.click()
        await received(harness)
        assert checks == 1

    with_tab(check)


def test_a_requested_rerun_passes_after_the_tab_was_locked_meanwhile() -> None:
    """The front end keeps repeating it: a repetition that was dropped does not count as the one that may pass."""

    async def check(harness: TabHarness) -> None:
        await receive_rerun_request(harness)
        expire(harness)
        harness.websocket.deliver(requested_rerun())
        assert (await received(harness)).stop_script
        await assert_no_message(harness)
        backdate_activity(harness, 1)
        await harness.tab.recheck()
        harness.websocket.deliver(requested_rerun())
        run = await received(harness)
        assert [widget.string_value for widget in run.rerun_script.widget_states.widgets] == ["typed"]

    with_tab(check)
