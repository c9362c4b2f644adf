"""A tab whose session has expired: covered, silent, keeping one message; and what becomes of it afterwards."""

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
from tests.component.socket.test_tab import Here, with_tab


def move_back(here: Here, seconds: float) -> None:
    """Make the person have been here last so long ago."""
    at = int((utc_now() - timedelta(seconds=seconds)).timestamp() * 1e6)
    with here.services.storage.engine.begin() as connection:  # type: ignore[attr-defined] # the database in memory
        connection.execute(text("UPDATE sessions SET last_seen_at = :at WHERE ref = :ref"), {"at": at, "ref": here.ref})


def expire(here: Here, for_seconds: float = 1.0) -> None:
    move_back(here, here.services.settings.session_idle_seconds + for_seconds)


def step_up(here: Here) -> None:
    """As ``component.session.step_up`` does."""
    now = utc_now()
    fresh = SteppedUp(here.ref, b"s" * 32, now, b"sealed", b"v" * 32, now + timedelta(hours=1))
    with here.services.storage.unit_of_work() as unit:
        assert unit.step_up_session(fresh, now)
        unit.commit()


def revive(here: Here) -> None:
    """As ``component.session.resumption`` does once the provider has answered for the same subject."""
    now = utc_now()
    fresh = SteppedUp(here.ref, b"n" * 32, now, b"sealed", b"t" * 32, now + timedelta(hours=1))
    with here.services.storage.unit_of_work() as unit:
        assert unit.resume_session(fresh, now + timedelta(hours=1), now)
        unit.commit()


async def reconnects(here: Here) -> None:
    """The browser comes again, as a socket that was opened with the old secret makes it, with the new one."""
    assert await here.tab.recheck() is SessionChange.RECONNECT
    assert (await here.tab.receive())["type"] == "websocket.disconnect"
    await here.tab.close()
    assert (here.wire.left[-1]["type"], here.wire.left[-1]["code"]) == ("websocket.close", 1012)
    here.wire.left.clear()
    opens(here)
    await here.tab.send({"type": "websocket.accept"})


def opens(here: Here, *, claimed: str = "page", is_expired: bool = False) -> None:
    """Another socket, by default of the same Streamlit session."""
    session, tabs = here.services.storage.read.session_by_ref(here.ref), here.services.tabs
    here.tab = tabs.open(
        Handshake(session, here.tab.owner, claimed=claimed, is_resumed=bool(claimed), is_expired=is_expired),
        here.wire.receive,
        here.wire.send,
    )


async def asks_for_nothing(here: Here) -> None:
    """The browser had no run that was cut off: it is waited for, and then what is due is done."""
    await here.tab.recheck()
    await nothing_more(here)
    later(here)
    await here.tab.recheck()


def later(here: Here, seconds: float = CATCH_UP_SECONDS) -> None:
    """The time passes, by default that for which a browser is waited for."""
    monotonic = here.services.tabs.monotonic
    here.services.tabs.monotonic = lambda: monotonic() + seconds


def press(*ids: str, value: str = "", fragment: str = "") -> bytes:
    message = BackMsg()
    message.rerun_script.fragment_id = fragment
    for one in ids:
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = one, True
    if value:
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.string_value = "$$ID-text", value
    return message.SerializeToString()


def sends(here: Here, data: bytes) -> None:
    here.wire.arriving.put_nowait({"type": "websocket.receive", "bytes": data})


async def received(here: Here) -> BackMsg:
    """What Streamlit is given next."""
    message = await asyncio.wait_for(here.tab.receive(), 2)
    assert message["type"] == "websocket.receive", message
    return BackMsg.FromString(message["bytes"])


async def nothing_more(here: Here) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(here.tab.receive(), 0.1)


async def told(here: Here, since: int) -> list[ForwardMsg]:
    """What has gone to the browser since."""
    await asyncio.sleep(0.05)
    return [ForwardMsg.FromString(m["bytes"]) for m in here.wire.left[since:] if m.get("bytes")]


def covers(message: ForwardMsg) -> bool | None:
    """What a message says of the cover; None when it says nothing of it."""
    drawn = message.delta.new_element.bidi_component
    return bool(json.loads(drawn.json)["covered"]) if drawn.id == "gatehouse-expiry-overlay" else None


def pressed(message: BackMsg) -> list[str]:
    return [widget.id for widget in message.rerun_script.widget_states.widgets if widget.trigger_value]


Check = Callable[[Here], Awaitable[None]]


def test_an_idle_tab_is_covered_and_not_left() -> None:
    async def check(here: Here) -> None:
        expire(here)
        before = len(here.wire.left)
        assert await here.tab.recheck() is SessionChange.EXPIRED
        assert (await received(here)).stop_script  # whatever runs
        (cover,) = await told(here, before)
        assert covers(cover) is True
        assert await here.tab.recheck() is SessionChange.EXPIRED
        assert len(await told(here, before)) == 1  # told once

    with_tab(check)


def test_nothing_reaches_a_covered_tab_and_nothing_comes_from_it() -> None:
    async def check(here: Here) -> None:
        expire(here)
        await here.tab.recheck()
        await received(here)
        before = len(await told(here, 0))
        secret = ForwardMsg()
        secret.delta.new_element.markdown.body = "still running"
        await here.tab.send({"type": "websocket.send", "bytes": secret.SerializeToString()})
        assert len(await told(here, 0)) == before
        ask = BackMsg()
        ask.backend_operation_request.request_id = "1"
        ask.backend_operation_request.deferred_file.file_id = "x"
        for data in (press("$$ID-a"), ask.SerializeToString(), press("$$ID-b")):
            sends(here, data)
        await nothing_more(here)
        assert len(await told(here, 0)) == before

    with_tab(check)


def test_the_message_that_came_too_late_goes_through_once_when_the_session_is_revived() -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send", value="typed"))
        receiving = asyncio.ensure_future(here.tab.receive())  # found out by that very message
        assert BackMsg.FromString((await receiving)["bytes"]).stop_script
        await nothing_more(here)
        revive(here)
        await reconnects(here)
        await asks_for_nothing(here)
        passed = await received(here)
        assert pressed(passed) == ["$$ID-send"]
        assert [w.string_value for w in passed.rerun_script.widget_states.widgets if w.string_value] == ["typed"]
        assert [covers(message) for message in await told(here, 0)] == [False]
        await here.tab.recheck()
        await nothing_more(here)
        sends(here, press("$$ID-next"))
        assert pressed(await received(here)) == ["$$ID-next"]
        # And should it expire once more, nothing of the first time is left.
        expire(here)
        await here.tab.recheck()
        await received(here)
        revive_again(here)
        await reconnects(here)
        await asks_for_nothing(here)
        assert not pressed(await received(here))

    with_tab(check)


def revive_again(here: Here) -> None:
    now = utc_now()
    fresh = SteppedUp(here.ref, b"m" * 32, now, b"sealed", b"u" * 32, now + timedelta(hours=1))
    with here.services.storage.unit_of_work() as unit:
        assert unit.resume_session(fresh, now + timedelta(hours=1), now)
        unit.commit()


def test_where_none_came_the_page_is_drawn_anew() -> None:
    async def check(here: Here) -> None:
        expire(here)
        await here.tab.recheck()
        await received(here)
        revive(here)
        await reconnects(here)
        await asks_for_nothing(here)
        again = await received(here)
        assert again.WhichOneof("type") == "rerun_script"
        assert not again.rerun_script.widget_states.widgets

    with_tab(check)


def test_a_right_lost_meanwhile_takes_the_press_with_it() -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        await nothing_more(here)
        here.revoke()
        revive(here)
        await reconnects(here)
        await asks_for_nothing(here)
        assert (await received(here)).stop_script
        run = await received(here)
        assert run.WhichOneof("type") == "rerun_script"
        assert not run.rerun_script.widget_states.widgets

    with_tab(check)


@pytest.mark.parametrize("end", ["ended", "too long", "blocked"])
def test_what_is_over_for_good_leaves_the_page(end: str) -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        if end == "ended":
            here.end()
        elif end == "too long":
            expire(here, 3700)
        else:
            here.block()
        before = len(await told(here, 0))
        assert await here.tab.recheck() is SessionChange.ENDED
        assert (await here.tab.receive())["type"] == "websocket.disconnect"  # and the press is gone
        assert (await told(here, 0))[before].auth_redirect.url.startswith("/auth/ended?")

    with_tab(check)


def test_the_watcher_covers_and_uncovers_without_asking_all_the_time() -> None:
    async def check(here: Here) -> None:
        watcher = Watcher(here.services.storage.read.change_counters, here.services.tabs)
        await watcher.recheck()
        expire(here)
        here.tab.session = here.services.storage.read.session_by_ref(here.ref)
        await watcher.recheck()
        assert (await received(here)).stop_script
        assert not here.tab.is_due(utc_now())
        assert here.tab.is_due(utc_now() + timedelta(hours=1, seconds=1))
        assert not here.wants_rerun()
        revive(here)
        await watcher.recheck()
        assert (await here.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_session_that_turns_out_to_be_live_uncovers_its_tab_within_seconds() -> None:
    """Use that was noted a moment before the limit, and committed after the tab was covered."""

    async def check(here: Here) -> None:
        watcher = Watcher(here.services.storage.read.change_counters, here.services.tabs)
        await watcher.recheck()
        expire(here)
        here.tab.session = here.services.storage.read.session_by_ref(here.ref)
        await watcher.recheck()
        assert (await received(here)).stop_script
        sends(here, press("$$ID-send"))
        await nothing_more(here)
        move_back(here, 1)
        await watcher.recheck()
        await nothing_more(here)  # it was looked at just now
        later(here, LOCKED_RECHECK_SECONDS)
        await watcher.recheck()
        assert pressed(await received(here)) == ["$$ID-send"]
        assert [covers(message) for message in await told(here, 0)][-2:] == [True, False]
        sends(here, press("$$ID-next"))
        assert pressed(await received(here)) == ["$$ID-next"]

    with_tab(check)


def test_the_session_of_a_locked_tab_is_looked_at_for_a_minute_and_then_no_more() -> None:
    """However long the tab stays open, and however many there are: until then late use would have been committed."""

    async def check(here: Here) -> None:
        now = 1000.0
        here.services.tabs.monotonic = lambda: now
        expire(here)
        assert await here.tab.recheck() is SessionChange.EXPIRED
        expired = utc_now()
        for _ in range(12):
            now += 4.5
            assert not here.tab.is_due(expired)
            now += 0.5
            assert here.tab.is_due(expired)
            assert await here.tab.recheck() is SessionChange.EXPIRED
        for _ in range(60):
            now += 60
            assert not here.tab.is_due(expired)
        assert here.tab.is_due(expired + timedelta(hours=1, seconds=1)), "it can be revived no longer"

    with_tab(check)


def test_it_is_covered_still_after_a_lost_connection_and_what_is_held_stays() -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        await nothing_more(here)
        await here.tab.close()
        opens(here, is_expired=True)
        await here.tab.send({"type": "websocket.accept"})
        before = len(await told(here, 0))
        await here.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert len(await told(here, 0)) == before
        assert here.tab.is_due(utc_now())
        await here.tab.recheck()
        assert covers((await told(here, 0))[before]) is True
        await received(here)
        sends(here, press("$$ID-copied"))  # by whoever has the cookie that has expired
        await nothing_more(here)
        revive(here)
        await reconnects(here)
        await asks_for_nothing(here)
        assert pressed(await received(here)) == ["$$ID-send"]

    with_tab(check)


def test_what_waits_becomes_a_part_of_the_run_that_the_browser_asks_for_by_itself() -> None:
    """As it does when the connection is lost while it waits for a run: without what was pressed."""

    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        await nothing_more(here)
        revive(here)
        await reconnects(here)
        sends(here, press(value="typed"))
        run = await received(here)
        assert pressed(run) == ["$$ID-send"]
        assert [w.string_value for w in run.rerun_script.widget_states.widgets if w.string_value] == ["typed"]
        later(here)
        await here.tab.recheck()
        await nothing_more(here)

    with_tab(check)


async def is_told_of_a_lost_press(here: Here) -> None:
    """The browser is asked for a run of its page, and told when that is drawn."""
    (asked,) = [message for message in await told(here, 0) if message.HasField("auto_rerun")]
    sends(here, press(fragment=asked.auto_rerun.fragment_id))
    assert not pressed(await received(here))
    await here.begins("another")
    assert not [message for message in await told(here, 0) if message.HasField("session_event")]
    await here.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    (dialog,) = [message for message in await told(here, 0) if message.HasField("session_event")]
    assert dialog.session_event.script_compilation_exception.message.startswith(
        "What you did last was not carried out: the connection was lost for so long"
    )
    before = len(here.wire.left)
    await here.draws()
    assert not [message for message in await told(here, before) if message.HasField("session_event")]  # told once


def test_what_waits_runs_in_no_other_session_when_streamlit_has_let_go_of_its_own() -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        await nothing_more(here)
        revive(here)
        here.services.tabs.is_active = lambda _: False
        await reconnects(here)
        await asks_for_nothing(here)
        await nothing_more(here)
        await is_told_of_a_lost_press(here)

    with_tab(check)


def test_nor_as_a_part_of_the_run_that_the_browser_asks_for_by_itself() -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        await nothing_more(here)
        revive(here)
        here.services.tabs.is_active = lambda _: False
        await reconnects(here)
        sends(here, press(value="typed"))
        run = await received(here)
        assert not pressed(run)
        assert [w.string_value for w in run.rerun_script.widget_states.widgets if w.string_value] == ["typed"]

    with_tab(check)


def test_what_waits_on_a_later_lock_of_the_same_socket_goes_through() -> None:
    """The new Streamlit session is the one that it was pressed in."""

    async def check(here: Here) -> None:
        here.services.tabs.is_active = lambda session_id: session_id == "another"
        await here.tab.close()
        opens(here)
        await here.tab.send({"type": "websocket.accept"})
        sends(here, press(value="typed"))
        await received(here)
        await here.begins("another")
        await here.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        expire(here)
        sends(here, press("$$ID-send"))
        assert (await received(here)).stop_script
        await nothing_more(here)
        move_back(here, 1)
        later(here)
        await here.tab.recheck()
        assert pressed(await received(here)) == ["$$ID-send"]
        await here.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert not [message for message in await told(here, 0) if message.HasField("session_event")]

    with_tab(check)


def test_a_press_that_waits_where_its_browser_cannot_come_back_to_is_told_as_lost() -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        await nothing_more(here)
        revive(here)
        assert await here.tab.recheck() is SessionChange.RECONNECT
        await here.tab.close()
        here.wire.left.clear()
        session, tabs = here.services.storage.read.session_by_ref(here.ref), here.services.tabs
        here.tab = tabs.open(Handshake(session, here.tab.owner, claimed="page"), here.wire.receive, here.wire.send)
        await here.tab.send({"type": "websocket.accept"})
        later(here)
        await Watcher(here.services.storage.read.change_counters, tabs).poll()
        await is_told_of_a_lost_press(here)

    with_tab(check)


def test_what_waits_is_not_for_a_socket_that_pushes_another_out() -> None:
    async def check(here: Here) -> None:
        expire(here)
        sends(here, press("$$ID-send"))
        await received(here)
        await nothing_more(here)
        first = here.tab
        opens(here, is_expired=True)
        assert (await first.receive())["type"] == "websocket.disconnect"
        await here.tab.send({"type": "websocket.accept"})
        await here.tab.recheck()
        await received(here)
        revive(here)
        await reconnects(here)
        await asks_for_nothing(here)
        assert not pressed(await received(here))

    with_tab(check)


def test_after_a_step_up_nothing_runs_on_a_socket_of_the_secret_before() -> None:
    async def check(here: Here) -> None:
        step_up(here)
        sends(here, press("$$ID-export"))
        assert (await here.tab.receive())["type"] == "websocket.disconnect"
        await here.tab.close()
        assert [message["type"] for message in here.wire.left[-1:]] == ["websocket.close"]
        opens(here)
        await here.tab.send({"type": "websocket.accept"})
        await asks_for_nothing(here)
        assert pressed(await received(here)) == ["$$ID-export"]

    with_tab(check)


def test_a_step_up_wakes_the_watcher() -> None:
    async def check(here: Here) -> None:
        watcher = Watcher(here.services.storage.read.change_counters, here.services.tabs)
        await watcher.recheck()
        step_up(here)
        await watcher.recheck()
        assert (await here.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_browser_that_does_not_read_holds_up_nobody() -> None:
    async def check(here: Here) -> None:
        here.wire.stuck = True
        expire(here)
        assert await asyncio.wait_for(here.tab.recheck(), 1) is SessionChange.EXPIRED
        assert (await received(here)).stop_script
        await asyncio.wait_for(here.tab.close(), 1)

    with_tab(check)


def sent(data: bytes) -> back_message.BackMessage:
    return back_message.parse(data)


def test_two_messages_at_once_are_one_with_what_was_pressed_in_either() -> None:
    """Leaving a field and pressing a button."""
    cover = ExpiryOverlay()
    assert cover.keep(sent(press("$$ID-a", value="old", fragment="f")))
    assert cover.keep(sent(press("$$ID-b", value="new")))
    held = cover.take()
    assert held is not None
    message = BackMsg.FromString(held.serialize())
    assert sorted(pressed(message)) == ["$$ID-a", "$$ID-b"]
    assert [w.string_value for w in message.rerun_script.widget_states.widgets if w.string_value] == ["new"]
    assert not message.rerun_script.fragment_id
    assert cover.take() is None


def test_what_is_held_is_bounded_in_size_and_time() -> None:
    now = [0.0]
    cover = ExpiryOverlay(monotonic=lambda: now[0])
    assert not cover.keep(sent(press("$$ID-a", value="x" * MAX_KEPT_BYTES)))
    timer = BackMsg()
    timer.rerun_script.is_auto_rerun = True
    assert not cover.keep(sent(timer.SerializeToString()))
    now[0] = KEEP_SECONDS
    assert cover.keep(sent(press("$$ID-a")))
    now[0] += 0.1
    assert not cover.keep(sent(press("$$ID-b")))
    held = cover.take()
    assert held is not None
    assert pressed(held.message) == ["$$ID-a"]


def test_it_is_drawn_by_our_own_component() -> None:
    """The name and module under which Streamlit's browser side finds it."""
    import tomllib

    from tests.stack import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (component,) = project["tool"]["streamlit"]["component"]["components"]
    assert f"{project['project']['name']}.{component['name']}" == forward_message.COMPONENT
    assert (ROOT / component["asset_dir"] / forward_message.COMPONENT_SOURCE).is_file()
    message: Any = ForwardMsg.FromString(forward_message.expiry_overlay(locked=True, channel="x"))
    assert message.delta.new_element.bidi_component.component_name == forward_message.COMPONENT
