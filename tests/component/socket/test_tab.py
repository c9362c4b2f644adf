"""A tab by itself: its checks by the watcher, slow browsers, and the limits of its messages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.clock import utc_now
from app.core.errors import StorageUnavailable
from app.core.policy import Source
from app.core.records import ChangeCounters, EndReason, NewGrant
from component.socket.session_changes import SessionChange
from component.socket.watcher import Watcher
from tests.clock import FakeClock
from tests.component.socket.tab_harness import TabHarness, with_tab


def test_a_browser_that_does_not_read_delays_neither_the_watcher_nor_streamlit() -> None:
    async def check(harness: TabHarness) -> None:
        harness.websocket.stuck = True
        sending = asyncio.ensure_future(harness.streamlit_sends(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
        await asyncio.sleep(0)
        harness.end()
        assert await asyncio.wait_for(harness.tab.recheck(), 1) is SessionChange.ENDED
        assert (await asyncio.wait_for(harness.tab.receive(), 1))["type"] == "websocket.disconnect"
        sending.cancel()
        await asyncio.wait_for(harness.tab.close(), 4)

    with_tab(check)


def test_a_sign_out_in_another_tab_redirects_a_tab_at_once() -> None:
    """However new it is: it may have started to listen to the browser's other tabs only after they announced it."""

    async def check(harness: TabHarness) -> None:
        harness.end(EndReason.SIGNED_OUT)
        assert await harness.tab.recheck() is SessionChange.ENDED
        assert harness.tab._out.goodbye is not None
        await asyncio.wait_for(harness.tab._out.goodbye, 1)
        assert (
            ForwardMsg.FromString(harness.websocket.sent[-2]["bytes"]).auth_redirect.url == "/auth/ended?return_to=%2F"
        )

    with_tab(check)


def test_a_page_that_signs_out_may_navigate_before_it_is_redirected() -> None:
    async def check(harness: TabHarness) -> None:
        clock = FakeClock()
        harness.tab._out._sleep = clock.sleep
        sign_out = BackMsg()
        state = sign_out.rerun_script.widget_states.widgets.add()
        state.id = "$$STREAMLIT_INTERNAL_KEY_$$ID-account__events"
        state.json_trigger_value = '[{"event": "signingOut", "value": true}]'
        harness.websocket.deliver(sign_out)
        harness.websocket.deliver(BackMsg(app_heartbeat=True))
        assert BackMsg.FromString(
            (await harness.tab.receive())["bytes"]
        ).app_heartbeat  # no run for a page that is left
        response = len(harness.websocket.sent)
        harness.end(EndReason.SIGNED_OUT)
        assert await harness.tab.recheck() is SessionChange.ENDED
        assert (await asyncio.wait_for(harness.tab.receive(), 1))["type"] == "websocket.disconnect"  # nothing runs on
        await clock.run_for(1)
        assert len(harness.websocket.sent) == response
        await clock.run_for(4)
        await harness.tab.close()
        assert [message["type"] for message in harness.websocket.sent[response:]] == [
            "websocket.send",
            "websocket.close",
        ]

    with_tab(check)


def test_a_watcher_rechecks_a_tab_after_a_failure() -> None:
    async def check(harness: TabHarness) -> None:
        counters = [harness.services.storage.read.change_counters()]
        watcher = Watcher(lambda: counters[-1], harness.services.tabs)
        await watcher.recheck()
        counters.append(ChangeCounters(**{name: getattr(counters[0], name) + 1 for name in ChangeCounters.__slots__}))
        resolve = harness.tab._check_session

        def unavailable() -> Any:
            raise StorageUnavailable

        def broken() -> Any:
            raise ValueError("a bug")

        for trouble in (unavailable, broken):
            harness.tab._check_session = trouble  # type: ignore[method-assign]
            await watcher.recheck()
            assert harness.tab.session is not None
        harness.tab._check_session = resolve  # type: ignore[method-assign]
        harness.end()
        await watcher.recheck()  # the change counters are the same as at the last recheck
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


@pytest.mark.parametrize("requested", [False, True])
def test_a_page_with_a_new_right_is_not_rerun_while_a_press_is_on_its_way(requested: bool) -> None:
    async def check(harness: TabHarness) -> None:
        with harness.services.storage.unit_of_work() as unit:
            unit.add_grant(
                NewGrant(subject=harness.subject, source=Source.ADMIN, author="test", role="developer"), utc_now()
            )
            unit.commit()
        assert await harness.tab.recheck() is SessionChange.CHANGED
        assert not harness.wants_rerun()  # the user pressed something a moment ago
        harness.advance_clock(0.3)
        assert harness.wants_rerun()
        if requested:
            harness.websocket.click()
            await harness.tab.receive()
            harness.advance_clock(0.3)
            assert not harness.wants_rerun()  # its own run shows it
        else:
            harness.tab.rerun()
            assert not BackMsg.FromString((await harness.tab.receive())["bytes"]).rerun_script.widget_states.widgets

    with_tab(check, clock=lambda: 0.0)  # it moves by `advance_clock` only


def test_a_message_costs_one_query() -> None:
    """As the driver sees it: session, person and policy version in one; the rights are known already."""

    async def check(harness: TabHarness) -> None:
        seen: list[str] = []
        pooled = harness.services.storage.engine.raw_connection()  # type: ignore[attr-defined] # the one there is, in memory
        driver: Any = pooled.driver_connection
        pooled.close()
        driver.set_trace_callback(seen.append)
        harness.websocket.click()
        await harness.tab.receive()
        driver.set_trace_callback(None)
        assert len(seen) == 1, seen

    with_tab(check)


@pytest.mark.parametrize(("size", "ends"), [(4 * 1024 * 1024 - 20, False), (4 * 1024 * 1024 + 1, True)])
def test_a_message_that_is_too_long_is_refused_before_it_is_read(size: int, ends: bool) -> None:
    async def test(harness: TabHarness) -> None:
        message = BackMsg()
        message.rerun_script.query_string = "x" * size
        harness.websocket.incoming.put_nowait({"type": "websocket.receive", "bytes": message.SerializeToString()})
        assert (await harness.tab.receive())["type"] == ("websocket.disconnect" if ends else "websocket.receive")

    with_tab(test)


def test_a_refused_message_counts_for_its_client() -> None:
    async def run(harness: TabHarness) -> None:
        harness.websocket.deliver(BackMsg(clear_cache=True))
        await harness.tab.receive()
        assert harness.charged == [480, 120]

    with_tab(run)


def test_too_costly_text_is_refused_with_an_explanation() -> None:
    async def run(harness: TabHarness) -> None:
        costly = BackMsg()
        editor = costly.rerun_script.widget_states.widgets.add()
        editor.id, editor.string_value = "$$ID-editor", "[" + "{}," * 40_000 + "{}]"
        harness.websocket.deliver(costly)
        harness.websocket.click()
        passed = BackMsg.FromString((await harness.tab.receive())["bytes"])
        assert [widget.id for widget in passed.rerun_script.widget_states.widgets] == ["$$ID-button"]
        assert harness.charged == [480, 400_600, 480]  # 120 for each field
        while "session_event" not in harness.sent_kinds():  # noqa: ASYNC110 - the tab has no event for it
            await asyncio.sleep(0)
        assert not [message for message in harness.websocket.sent if message["type"] == "websocket.close"]

    with_tab(run)
