"""The one message that a locked tab keeps: it passes once, in its own Streamlit session only, or is reported lost."""

from __future__ import annotations

import asyncio

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol import back_message
from component.socket.handshake import Handshake
from component.socket.locked_page import KEEP_SECONDS, MAX_KEPT_BYTES, LockedPage
from component.socket.session_changes import SessionChange
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
    press_too_late,
    pressed,
    received,
    reconnect,
    request_no_run,
    resume,
    sends,
)
from tests.component.socket.tab_harness import TabHarness, with_tab


def test_the_kept_message_passes_once_when_the_session_is_resumed() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send", value="typed"))
        receiving = asyncio.ensure_future(harness.tab.receive())  # this message detects the expiry
        assert BackMsg.FromString((await receiving)["bytes"]).stop_script
        await assert_no_message(harness)
        resume(harness)
        await reconnect(harness)
        await request_no_run(harness)
        passed = await received(harness)
        assert pressed(passed) == ["$$ID-send"]
        assert [w.string_value for w in passed.rerun_script.widget_states.widgets if w.string_value] == ["typed"]
        assert [locks(message) for message in await outgoing(harness, 0)] == [False]
        await harness.tab.recheck()
        await assert_no_message(harness)
        sends(harness, press("$$ID-next"))
        assert pressed(await received(harness)) == ["$$ID-next"]
        # After another expiry, nothing of the first one is left.
        expire(harness)
        await harness.tab.recheck()
        await received(harness)
        resume(harness, secret=b"m")
        await reconnect(harness)
        await request_no_run(harness)
        assert not pressed(await received(harness))

    with_tab(check)


def test_a_permission_revoked_meanwhile_drops_the_press() -> None:
    async def check(harness: TabHarness) -> None:
        await press_too_late(harness)
        harness.revoke()
        resume(harness)
        await reconnect(harness)
        await request_no_run(harness)
        assert (await received(harness)).stop_script
        run = await received(harness)
        assert run.WhichOneof("type") == "rerun_script"
        assert not run.rerun_script.widget_states.widgets

    with_tab(check)


def test_the_kept_message_becomes_a_part_of_the_run_that_the_browser_requests() -> None:
    """A browser repeats the run after a lost connection, without the pressed widget."""

    async def check(harness: TabHarness) -> None:
        await press_too_late(harness)
        resume(harness)
        await reconnect(harness)
        sends(harness, press(value="typed"))
        run = await received(harness)
        assert pressed(run) == ["$$ID-send"]
        assert [w.string_value for w in run.rerun_script.widget_states.widgets if w.string_value] == ["typed"]
        advance_clock(harness)
        await harness.tab.recheck()
        await assert_no_message(harness)

    with_tab(check)


async def gets_lost_press_dialog(harness: TabHarness) -> None:
    """The server requests a run of the page, and shows a dialog once it is rendered."""
    (request,) = [message for message in await outgoing(harness, 0) if message.HasField("auto_rerun")]
    sends(harness, press(fragment=request.auto_rerun.fragment_id))
    assert not pressed(await received(harness))
    await harness.streamlit_starts_run("another")
    assert not [message for message in await outgoing(harness, 0) if message.HasField("session_event")]
    await harness.streamlit_sends(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    (dialog,) = [message for message in await outgoing(harness, 0) if message.HasField("session_event")]
    assert dialog.session_event.script_compilation_exception.message.startswith(
        "What you did last was not carried out: the connection was lost for so long"
    )
    before = len(harness.websocket.sent)
    await harness.streamlit_renders_page()
    assert not [message for message in await outgoing(harness, before) if message.HasField("session_event")]


def test_the_kept_message_runs_in_no_other_streamlit_session() -> None:
    async def check(harness: TabHarness) -> None:
        await press_too_late(harness)
        resume(harness)
        harness.services.tabs.is_active = lambda _: False
        await reconnect(harness)
        await request_no_run(harness)
        await assert_no_message(harness)
        await gets_lost_press_dialog(harness)

    with_tab(check)


def test_the_kept_message_is_no_part_of_a_run_in_another_streamlit_session() -> None:
    async def check(harness: TabHarness) -> None:
        await press_too_late(harness)
        resume(harness)
        harness.services.tabs.is_active = lambda _: False
        await reconnect(harness)
        sends(harness, press(value="typed"))
        run = await received(harness)
        assert not pressed(run)
        assert [w.string_value for w in run.rerun_script.widget_states.widgets if w.string_value] == ["typed"]

    with_tab(check)


def test_the_message_kept_by_a_later_lock_of_the_same_socket_passes() -> None:
    """The new Streamlit session is the one that it was pressed in."""

    async def check(harness: TabHarness) -> None:
        harness.services.tabs.is_active = lambda session_id: session_id == "another"
        await harness.tab.close()
        open_socket(harness)
        await harness.tab.send({"type": "websocket.accept"})
        sends(harness, press(value="typed"))
        await received(harness)
        await harness.streamlit_starts_run("another")
        await harness.streamlit_sends(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        expire(harness)
        sends(harness, press("$$ID-send"))
        assert (await received(harness)).stop_script
        await assert_no_message(harness)
        backdate_activity(harness, 1)
        advance_clock(harness)
        await harness.tab.recheck()
        assert pressed(await received(harness)) == ["$$ID-send"]
        await harness.streamlit_sends(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert not [message for message in await outgoing(harness, 0) if message.HasField("session_event")]

    with_tab(check)


def test_a_press_kept_in_a_session_that_cannot_be_reattached_is_reported_as_lost() -> None:
    async def check(harness: TabHarness) -> None:
        await press_too_late(harness)
        resume(harness)
        assert await harness.tab.recheck() is SessionChange.RECONNECT
        await harness.tab.close()
        harness.websocket.sent.clear()
        session, tabs = harness.services.storage.read.session_by_ref(harness.ref), harness.services.tabs
        harness.tab = tabs.open(
            Handshake(session, harness.tab.owner, requested_session_id="page"),
            harness.websocket.receive,
            harness.websocket.send,
        )
        await harness.tab.send({"type": "websocket.accept"})
        advance_clock(harness)
        await Watcher(harness.services.storage.read.change_counters, tabs).poll()
        await gets_lost_press_dialog(harness)

    with_tab(check)


def test_the_kept_message_is_not_for_a_socket_that_replaces_another() -> None:
    async def check(harness: TabHarness) -> None:
        await press_too_late(harness)
        first = harness.tab
        open_socket(harness, is_expired=True)
        assert (await first.receive())["type"] == "websocket.disconnect"
        await harness.tab.send({"type": "websocket.accept"})
        await harness.tab.recheck()
        await received(harness)
        resume(harness)
        await reconnect(harness)
        await request_no_run(harness)
        assert not pressed(await received(harness))

    with_tab(check)


def sent(data: bytes) -> back_message.BackMessage:
    return back_message.parse(data)


def test_two_messages_at_once_are_merged_with_the_triggers_of_either() -> None:
    """Leaving a field and pressing a button."""
    page = LockedPage()
    assert page.keep_action(sent(press("$$ID-a", value="old", fragment="f")))
    assert page.keep_action(sent(press("$$ID-b", value="new")))
    kept = page.take_action()
    assert kept is not None
    message = BackMsg.FromString(kept.serialize())
    assert sorted(pressed(message)) == ["$$ID-a", "$$ID-b"]
    assert [w.string_value for w in message.rerun_script.widget_states.widgets if w.string_value] == ["new"]
    assert not message.rerun_script.fragment_id
    assert page.take_action() is None


def test_the_kept_message_is_bounded_in_size_and_time() -> None:
    now = [0.0]
    page = LockedPage(monotonic=lambda: now[0])
    assert not page.keep_action(sent(press("$$ID-a", value="x" * MAX_KEPT_BYTES)))
    timer = BackMsg()
    timer.rerun_script.is_auto_rerun = True
    assert not page.keep_action(sent(timer.SerializeToString()))
    now[0] = KEEP_SECONDS
    assert page.keep_action(sent(press("$$ID-a")))
    now[0] += 0.1
    assert not page.keep_action(sent(press("$$ID-b")))
    kept = page.take_action()
    assert kept is not None
    assert pressed(kept.message) == ["$$ID-a"]
