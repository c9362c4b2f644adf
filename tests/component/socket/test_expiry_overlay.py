"""A tab whose session has expired: it is locked, keeps one message, and is unlocked or redirected afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.clock import utc_now
from app.core.records import SteppedUp
from component.protocol import back_message, forward_message
from component.socket.expiry_overlay import KEEP_SECONDS, MAX_KEPT_BYTES, ExpiryOverlay
from component.socket.handshake import Handshake
from component.socket.reconnection import CATCH_UP_SECONDS
from component.socket.session_lock import LOCKED_RECHECK_SECONDS
from component.socket.tab_state import SessionChange
from component.socket.watcher import Watcher
from tests.component.socket.test_tab import TabHarness, with_tab


def move_back(harness: TabHarness, seconds: float) -> None:
    """Make the person have been here last so long ago."""
    at = int((utc_now() - timedelta(seconds=seconds)).timestamp() * 1e6)
    with harness.services.storage.engine.begin() as connection:  # type: ignore[attr-defined] # the database in memory
        connection.execute(
            text("UPDATE sessions SET last_seen_at = :at WHERE ref = :ref"), {"at": at, "ref": harness.ref}
        )


def expire(harness: TabHarness, for_seconds: float = 1.0) -> None:
    move_back(harness, harness.services.settings.session_idle_seconds + for_seconds)


def step_up(harness: TabHarness) -> None:
    """As ``component.session.step_up`` does."""
    now = utc_now()
    fresh = SteppedUp(harness.ref, b"s" * 32, now, b"sealed", b"v" * 32, now + timedelta(hours=1))
    with harness.services.storage.unit_of_work() as unit:
        assert unit.step_up_session(fresh, now)
        unit.commit()


def resume(harness: TabHarness) -> None:
    """As ``component.session.resumption`` does once the provider has answered for the same subject."""
    now = utc_now()
    fresh = SteppedUp(harness.ref, b"n" * 32, now, b"sealed", b"t" * 32, now + timedelta(hours=1))
    with harness.services.storage.unit_of_work() as unit:
        assert unit.resume_session(fresh, now + timedelta(hours=1), now)
        unit.commit()


async def reconnects(harness: TabHarness) -> None:
    """The browser comes again, as a socket that was opened with the old secret makes it, with the new one."""
    assert await harness.tab.recheck() is SessionChange.RECONNECT
    assert (await harness.tab.receive())["type"] == "websocket.disconnect"
    await harness.tab.close()
    assert (harness.browser.left[-1]["type"], harness.browser.left[-1]["code"]) == ("websocket.close", 1012)
    harness.browser.left.clear()
    opens(harness)
    await harness.tab.send({"type": "websocket.accept"})


def opens(harness: TabHarness, *, claimed: str = "page", is_expired: bool = False) -> None:
    """Another socket, by default of the same Streamlit session."""
    session, tabs = harness.services.storage.read.session_by_ref(harness.ref), harness.services.tabs
    harness.tab = tabs.open(
        Handshake(session, harness.tab.owner, claimed=claimed, is_resumed=bool(claimed), is_expired=is_expired),
        harness.browser.receive,
        harness.browser.send,
    )


async def asks_for_nothing(harness: TabHarness) -> None:
    """The browser had no run that was cut off: it is waited for, and then what is due is done."""
    await harness.tab.recheck()
    await nothing_more(harness)
    later(harness)
    await harness.tab.recheck()


def later(harness: TabHarness, seconds: float = CATCH_UP_SECONDS) -> None:
    """The time passes, by default that for which a browser is waited for."""
    harness.later(seconds)


def press(*ids: str, value: str = "", fragment: str = "") -> bytes:
    message = BackMsg()
    message.rerun_script.fragment_id = fragment
    for item in ids:
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = item, True
    if value:
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.string_value = "$$ID-text", value
    return message.SerializeToString()


def sends(harness: TabHarness, data: bytes) -> None:
    harness.browser.arriving.put_nowait({"type": "websocket.receive", "bytes": data})


async def received(harness: TabHarness) -> BackMsg:
    """What Streamlit is given next."""
    message = await asyncio.wait_for(harness.tab.receive(), 2)
    assert message["type"] == "websocket.receive", message
    return BackMsg.FromString(message["bytes"])


async def nothing_more(harness: TabHarness) -> None:
    receiving = asyncio.ensure_future(harness.tab.receive())
    await harness.settled()
    assert not receiving.done()
    receiving.cancel()


async def outgoing(harness: TabHarness, since: int) -> list[ForwardMsg]:
    """What has gone to the browser since."""
    await harness.settled()
    return [ForwardMsg.FromString(m["bytes"]) for m in harness.browser.left[since:] if m.get("bytes")]


def locks(message: ForwardMsg) -> bool | None:
    """Whether a message shows the expiry overlay or removes it; None for any other."""
    drawn = message.delta.new_element.bidi_component
    return bool(json.loads(drawn.json)["covered"]) if drawn.id == "gatehouse-expiry-overlay" else None


def pressed(message: BackMsg) -> list[str]:
    return [widget.id for widget in message.rerun_script.widget_states.widgets if widget.trigger_value]


Check = Callable[[TabHarness], Awaitable[None]]


def test_an_idle_tab_is_locked_and_not_redirected() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        before = len(harness.browser.left)
        assert await harness.tab.recheck() is SessionChange.EXPIRED
        assert (await received(harness)).stop_script  # whatever runs
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
        await nothing_more(harness)
        assert len(await outgoing(harness, 0)) == before

    with_tab(check)


def test_the_kept_message_passes_once_when_the_session_is_resumed() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send", value="typed"))
        receiving = asyncio.ensure_future(harness.tab.receive())  # found out by that very message
        assert BackMsg.FromString((await receiving)["bytes"]).stop_script
        await nothing_more(harness)
        resume(harness)
        await reconnects(harness)
        await asks_for_nothing(harness)
        passed = await received(harness)
        assert pressed(passed) == ["$$ID-send"]
        assert [w.string_value for w in passed.rerun_script.widget_states.widgets if w.string_value] == ["typed"]
        assert [locks(message) for message in await outgoing(harness, 0)] == [False]
        await harness.tab.recheck()
        await nothing_more(harness)
        sends(harness, press("$$ID-next"))
        assert pressed(await received(harness)) == ["$$ID-next"]
        # And should it expire once more, nothing of the first time is left.
        expire(harness)
        await harness.tab.recheck()
        await received(harness)
        resume_again(harness)
        await reconnects(harness)
        await asks_for_nothing(harness)
        assert not pressed(await received(harness))

    with_tab(check)


def resume_again(harness: TabHarness) -> None:
    now = utc_now()
    fresh = SteppedUp(harness.ref, b"m" * 32, now, b"sealed", b"u" * 32, now + timedelta(hours=1))
    with harness.services.storage.unit_of_work() as unit:
        assert unit.resume_session(fresh, now + timedelta(hours=1), now)
        unit.commit()


def test_without_a_kept_message_the_page_is_rendered_again() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        await harness.tab.recheck()
        await received(harness)
        resume(harness)
        await reconnects(harness)
        await asks_for_nothing(harness)
        again = await received(harness)
        assert again.WhichOneof("type") == "rerun_script"
        assert not again.rerun_script.widget_states.widgets

    with_tab(check)


def test_a_right_lost_meanwhile_drops_the_press() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await nothing_more(harness)
        harness.revoke()
        resume(harness)
        await reconnects(harness)
        await asks_for_nothing(harness)
        assert (await received(harness)).stop_script
        run = await received(harness)
        assert run.WhichOneof("type") == "rerun_script"
        assert not run.rerun_script.widget_states.widgets

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
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"  # and the press is gone
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
    """Use that was recorded a moment before the expiry, and committed after the tab was locked."""

    async def check(harness: TabHarness) -> None:
        watcher = Watcher(harness.services.storage.read.change_counters, harness.services.tabs)
        await watcher.recheck()
        expire(harness)
        harness.tab.session = harness.services.storage.read.session_by_ref(harness.ref)
        await watcher.recheck()
        assert (await received(harness)).stop_script
        sends(harness, press("$$ID-send"))
        await nothing_more(harness)
        move_back(harness, 1)
        await watcher.recheck()
        await nothing_more(harness)  # it was looked at just now
        later(harness, LOCKED_RECHECK_SECONDS)
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


def test_a_tab_stays_locked_after_a_lost_connection_and_the_kept_message_stays() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await nothing_more(harness)
        await harness.tab.close()
        opens(harness, is_expired=True)
        await harness.tab.send({"type": "websocket.accept"})
        before = len(await outgoing(harness, 0))
        await harness.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert len(await outgoing(harness, 0)) == before
        assert harness.tab.is_due(utc_now())
        await harness.tab.recheck()
        assert locks((await outgoing(harness, 0))[before]) is True
        await received(harness)
        sends(harness, press("$$ID-copied"))  # from a client with the expired cookie
        await nothing_more(harness)
        resume(harness)
        await reconnects(harness)
        await asks_for_nothing(harness)
        assert pressed(await received(harness)) == ["$$ID-send"]

    with_tab(check)


def test_the_kept_message_becomes_a_part_of_the_run_that_the_browser_requests() -> None:
    """As it does when the connection is lost while it waits for a run: without what was pressed."""

    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await nothing_more(harness)
        resume(harness)
        await reconnects(harness)
        sends(harness, press(value="typed"))
        run = await received(harness)
        assert pressed(run) == ["$$ID-send"]
        assert [w.string_value for w in run.rerun_script.widget_states.widgets if w.string_value] == ["typed"]
        later(harness)
        await harness.tab.recheck()
        await nothing_more(harness)

    with_tab(check)


async def gets_lost_press_dialog(harness: TabHarness) -> None:
    """The browser is asked for a run of its page, and gets a dialog when that is rendered."""
    (request,) = [message for message in await outgoing(harness, 0) if message.HasField("auto_rerun")]
    sends(harness, press(fragment=request.auto_rerun.fragment_id))
    assert not pressed(await received(harness))
    await harness.begins("another")
    assert not [message for message in await outgoing(harness, 0) if message.HasField("session_event")]
    await harness.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    (dialog,) = [message for message in await outgoing(harness, 0) if message.HasField("session_event")]
    assert dialog.session_event.script_compilation_exception.message.startswith(
        "What you did last was not carried out: the connection was lost for so long"
    )
    before = len(harness.browser.left)
    await harness.draws()
    assert not [message for message in await outgoing(harness, before) if message.HasField("session_event")]


def test_the_kept_message_runs_in_no_other_streamlit_session() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await nothing_more(harness)
        resume(harness)
        harness.services.tabs.is_active = lambda _: False
        await reconnects(harness)
        await asks_for_nothing(harness)
        await nothing_more(harness)
        await gets_lost_press_dialog(harness)

    with_tab(check)


def test_the_kept_message_is_no_part_of_a_run_in_another_streamlit_session() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await nothing_more(harness)
        resume(harness)
        harness.services.tabs.is_active = lambda _: False
        await reconnects(harness)
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
        opens(harness)
        await harness.tab.send({"type": "websocket.accept"})
        sends(harness, press(value="typed"))
        await received(harness)
        await harness.begins("another")
        await harness.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        expire(harness)
        sends(harness, press("$$ID-send"))
        assert (await received(harness)).stop_script
        await nothing_more(harness)
        move_back(harness, 1)
        later(harness)
        await harness.tab.recheck()
        assert pressed(await received(harness)) == ["$$ID-send"]
        await harness.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert not [message for message in await outgoing(harness, 0) if message.HasField("session_event")]

    with_tab(check)


def test_a_press_kept_in_a_session_that_cannot_be_resumed_is_reported_as_lost() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await nothing_more(harness)
        resume(harness)
        assert await harness.tab.recheck() is SessionChange.RECONNECT
        await harness.tab.close()
        harness.browser.left.clear()
        session, tabs = harness.services.storage.read.session_by_ref(harness.ref), harness.services.tabs
        harness.tab = tabs.open(
            Handshake(session, harness.tab.owner, claimed="page"), harness.browser.receive, harness.browser.send
        )
        await harness.tab.send({"type": "websocket.accept"})
        later(harness)
        await Watcher(harness.services.storage.read.change_counters, tabs).poll()
        await gets_lost_press_dialog(harness)

    with_tab(check)


def test_the_kept_message_is_not_for_a_socket_that_replaces_another() -> None:
    async def check(harness: TabHarness) -> None:
        expire(harness)
        sends(harness, press("$$ID-send"))
        await received(harness)
        await nothing_more(harness)
        first = harness.tab
        opens(harness, is_expired=True)
        assert (await first.receive())["type"] == "websocket.disconnect"
        await harness.tab.send({"type": "websocket.accept"})
        await harness.tab.recheck()
        await received(harness)
        resume(harness)
        await reconnects(harness)
        await asks_for_nothing(harness)
        assert not pressed(await received(harness))

    with_tab(check)


def test_after_a_step_up_nothing_runs_on_a_socket_of_the_old_secret() -> None:
    async def check(harness: TabHarness) -> None:
        step_up(harness)
        sends(harness, press("$$ID-export"))
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"
        await harness.tab.close()
        assert [message["type"] for message in harness.browser.left[-1:]] == ["websocket.close"]
        opens(harness)
        await harness.tab.send({"type": "websocket.accept"})
        await asks_for_nothing(harness)
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
        harness.browser.stuck = True
        expire(harness)
        assert await asyncio.wait_for(harness.tab.recheck(), 1) is SessionChange.EXPIRED
        assert (await received(harness)).stop_script
        await asyncio.wait_for(harness.tab.close(), 1)

    with_tab(check)


def sent(data: bytes) -> back_message.BackMessage:
    return back_message.parse(data)


def test_two_messages_at_once_are_merged_with_the_triggers_of_either() -> None:
    """Leaving a field and pressing a button."""
    overlay = ExpiryOverlay()
    assert overlay.keep(sent(press("$$ID-a", value="old", fragment="f")))
    assert overlay.keep(sent(press("$$ID-b", value="new")))
    kept = overlay.take()
    assert kept is not None
    message = BackMsg.FromString(kept.serialize())
    assert sorted(pressed(message)) == ["$$ID-a", "$$ID-b"]
    assert [w.string_value for w in message.rerun_script.widget_states.widgets if w.string_value] == ["new"]
    assert not message.rerun_script.fragment_id
    assert overlay.take() is None


def test_the_kept_message_is_bounded_in_size_and_time() -> None:
    now = [0.0]
    overlay = ExpiryOverlay(monotonic=lambda: now[0])
    assert not overlay.keep(sent(press("$$ID-a", value="x" * MAX_KEPT_BYTES)))
    timer = BackMsg()
    timer.rerun_script.is_auto_rerun = True
    assert not overlay.keep(sent(timer.SerializeToString()))
    now[0] = KEEP_SECONDS
    assert overlay.keep(sent(press("$$ID-a")))
    now[0] += 0.1
    assert not overlay.keep(sent(press("$$ID-b")))
    kept = overlay.take()
    assert kept is not None
    assert pressed(kept.message) == ["$$ID-a"]


def test_the_overlay_is_rendered_by_our_own_component() -> None:
    """The name and module under which Streamlit's browser side finds it."""
    import tomllib

    from tests.stack import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (component,) = project["tool"]["streamlit"]["component"]["components"]
    assert f"{project['project']['name']}.{component['name']}" == forward_message.COMPONENT
    assert (ROOT / component["asset_dir"] / forward_message.COMPONENT_SOURCE).is_file()
    message: Any = ForwardMsg.FromString(forward_message.expiry_overlay(locked=True, channel="x"))
    assert message.delta.new_element.bidi_component.component_name == forward_message.COMPONENT
