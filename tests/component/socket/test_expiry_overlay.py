"""A tab whose session has expired: it is locked, and is unlocked or redirected afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.clock import utc_now
from component.protocol import forward_message
from component.socket.session_changes import SessionChange
from component.socket.session_lock import LOCKED_RECHECK_SECONDS
from component.socket.watcher import Watcher
from tests.component.socket.expired_tab import (
    advance_clock,
    assert_no_message,
    backdate_activity,
    expire,
    locks,
    open_socket,
    outgoing,
    press,
    pressed,
    received,
    reconnect,
    request_no_run,
    resume,
    sends,
    step_up,
)
from tests.component.socket.tab_harness import TabHarness, with_tab

Check = Callable[[TabHarness], Awaitable[None]]


def test_an_idle_tab_is_locked_and_not_redirected() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        before = len(harness.websocket.sent)
        assert await harness.tab.recheck() is SessionChange.EXPIRED
        assert (await received(harness)).stop_script  # any run is stopped
        (overlay,) = await outgoing(harness, before)
        assert locks(overlay) is True
        assert await harness.tab.recheck() is SessionChange.EXPIRED
        assert len(await outgoing(harness, before)) == 1

    with_tab(check)


def test_no_message_passes_a_locked_tab() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        await harness.tab.recheck()
        await received(harness)
        before = len(await outgoing(harness, 0))
        secret = ForwardMsg()
        secret.delta.new_element.markdown.body = "still running"
        await harness.tab.send({"type": "websocket.send", "bytes": secret.SerializeToString()})
        assert len(await outgoing(harness, 0)) == before
        ask = BackMsg()
        ask.backend_operation_request.request_id = "1"
        ask.backend_operation_request.deferred_file.file_id = "x"
        for data in (press("$$ID-a"), ask.SerializeToString(), press("$$ID-b")):
            sends(harness, data)
        await assert_no_message(harness)
        assert len(await outgoing(harness, 0)) == before

    with_tab(check)


def test_without_a_kept_message_the_page_is_rendered_again() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        await harness.tab.recheck()
        await received(harness)
        resume(harness)
        await reconnect(harness)
        await request_no_run(harness)
        again = await received(harness)
        assert again.WhichOneof("type") == "rerun_script"
        assert not again.rerun_script.widget_states.widgets

    with_tab(check)


@pytest.mark.parametrize("end", ["ended", "too long", "blocked"])
def test_an_ended_session_redirects_the_page(end: str) -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        if end == "ended":
            harness.end()
        elif end == "too long":
            expire(harness, 3700)
        else:
            harness.block()
        before = len(await outgoing(harness, 0))
        assert await harness.tab.recheck() is SessionChange.ENDED
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"  # and the press is dropped
        assert (await outgoing(harness, 0))[before].auth_redirect.url.startswith("/auth/ended?")

    with_tab(check)


def test_the_watcher_locks_and_unlocks_without_constant_queries() -> None:
    async def check(harness: TabHarness) -> None:
        watcher = Watcher(harness.services.storage.read.change_counters, harness.services.tabs)
        await watcher.recheck()
        expire(harness)
        harness.tab.session = harness.services.storage.read.session_by_ref(harness.ref)
        await watcher.recheck()
        assert (await received(harness)).stop_script
        assert not harness.tab.is_due(utc_now())
        assert harness.tab.is_due(utc_now() + timedelta(hours=1, seconds=1))
        assert not harness.wants_rerun()
        resume(harness)
        await watcher.recheck()
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_session_that_turns_out_to_be_live_unlocks_its_tab_within_seconds() -> None:
    """Activity that was recorded just before the expiry, and committed after the tab was locked."""

    async def check(harness: TabHarness) -> None:
        watcher = Watcher(harness.services.storage.read.change_counters, harness.services.tabs)
        await watcher.recheck()
        expire(harness)
        harness.tab.session = harness.services.storage.read.session_by_ref(harness.ref)
        await watcher.recheck()
        assert (await received(harness)).stop_script
        sends(harness, press("$$ID-send"))
        await assert_no_message(harness)
        backdate_activity(harness, 1)
        await watcher.recheck()
        await assert_no_message(harness)  # it was checked just now
        advance_clock(harness, LOCKED_RECHECK_SECONDS)
        await watcher.recheck()
        assert pressed(await received(harness)) == ["$$ID-send"]
        assert [locks(message) for message in await outgoing(harness, 0)][-2:] == [True, False]
        sends(harness, press("$$ID-next"))
        assert pressed(await received(harness)) == ["$$ID-next"]

    with_tab(check)


def test_the_session_of_a_locked_tab_is_rechecked_for_a_minute() -> None:
    """However long the tab stays open, and however many there are: until then late use would have been committed."""

    async def check(harness: TabHarness) -> None:
        now = 1000.0
        harness.services.tabs.monotonic = lambda: now
        expire(harness)
        assert await harness.tab.recheck() is SessionChange.EXPIRED
        expired = utc_now()
        for _ in range(12):
            now += 4.5
            assert not harness.tab.is_due(expired)
            now += 0.5
            assert harness.tab.is_due(expired)
            assert await harness.tab.recheck() is SessionChange.EXPIRED
        for _ in range(60):
            now += 60
            assert not harness.tab.is_due(expired)
        assert harness.tab.is_due(expired + timedelta(hours=1, seconds=1)), "it can no longer be resumed"

    with_tab(check)


def test_a_lost_connection_unlocks_no_tab_and_keeps_its_message() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await assert_no_message(harness)
        await harness.tab.close()
        open_socket(harness, is_expired=True)
        await harness.tab.send({"type": "websocket.accept"})
        before = len(await outgoing(harness, 0))
        await harness.streamlit_sends(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert len(await outgoing(harness, 0)) == before
        assert harness.tab.is_due(utc_now())
        await harness.tab.recheck()
        assert locks((await outgoing(harness, 0))[before]) is True
        await received(harness)
        sends(harness, press("$$ID-copied"))  # from a client with the expired cookie
        await assert_no_message(harness)
        resume(harness)
        await reconnect(harness)
        await request_no_run(harness)
        assert pressed(await received(harness)) == ["$$ID-send"]

    with_tab(check)


def test_after_a_step_up_no_message_runs_on_a_socket_of_the_old_secret() -> None:
    async def check(harness: TabHarness) -> None:
        step_up(harness)
        sends(harness, press("$$ID-export"))
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"
        await harness.tab.close()
        assert [message["type"] for message in harness.websocket.sent[-1:]] == ["websocket.close"]
        open_socket(harness)
        await harness.tab.send({"type": "websocket.accept"})
        await request_no_run(harness)
        assert pressed(await received(harness)) == ["$$ID-export"]

    with_tab(check)


def test_a_step_up_wakes_the_watcher() -> None:
    async def check(harness: TabHarness) -> None:
        watcher = Watcher(harness.services.storage.read.change_counters, harness.services.tabs)
        await watcher.recheck()
        step_up(harness)
        await watcher.recheck()
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_browser_that_does_not_read_delays_no_other() -> None:
    async def check(harness: TabHarness) -> None:
        harness.websocket.stuck = True
        expire(harness)
        assert await asyncio.wait_for(harness.tab.recheck(), 1) is SessionChange.EXPIRED
        assert (await received(harness)).stop_script
        await asyncio.wait_for(harness.tab.close(), 1)

    with_tab(check)


def test_the_overlay_is_rendered_by_our_own_component() -> None:
    """The name and module under which Streamlit's browser side finds it."""
    import tomllib

    from tests.stack import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    component, _ = project["tool"]["streamlit"]["component"]["components"]
    assert f"{project['project']['name']}.{component['name']}" == forward_message.COMPONENT
    assert (ROOT / component["asset_dir"] / forward_message.COMPONENT_SOURCE).is_file()
    message: Any = ForwardMsg.FromString(forward_message.expiry_overlay("x", locked=True))
    assert message.delta.new_element.bidi_component.component_name == forward_message.COMPONENT
