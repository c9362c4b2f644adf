"""Steps of a tab whose session expires, is resumed, or is re-authenticated."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.clock import utc_now
from app.core.records import SteppedUp
from component.socket.handshake import Handshake
from component.socket.reconnection import AUTOMATIC_RERUN_SECONDS
from component.socket.session_changes import SessionChange
from tests.component.socket.tab_harness import TabHarness


def backdate_activity(harness: TabHarness, seconds: float) -> None:
    """Move the time of the user's last activity into the past."""
    at = int((utc_now() - timedelta(seconds=seconds)).timestamp() * 1e6)
    with harness.services.storage.engine.begin() as connection:  # type: ignore[attr-defined] # the database in memory
        connection.execute(
            text("UPDATE sessions SET last_seen_at = :at WHERE ref = :ref"), {"at": at, "ref": harness.ref}
        )


def expire(harness: TabHarness, for_seconds: float = 1.0) -> None:
    backdate_activity(harness, harness.services.settings.session_idle_seconds + for_seconds)


async def press_too_late(harness: TabHarness) -> None:
    """Press the button ``$$ID-send`` after the session has expired: the tab stops the run and keeps the press."""
    expire(harness)
    sends(harness, press("$$ID-send"))
    await received(harness)
    await assert_no_message(harness)


def step_up(harness: TabHarness) -> None:
    """Re-authenticate the session, as ``component.session.step_up`` does."""
    now = utc_now()
    fresh = SteppedUp(harness.ref, b"s" * 32, now, b"sealed", b"v" * 32, now + timedelta(hours=1))
    with harness.services.storage.unit_of_work() as unit:
        assert unit.step_up_session(fresh, now)
        unit.commit()


def resume(harness: TabHarness, *, secret: bytes = b"n") -> None:
    """Resume the session, as ``component.session.resumption`` does after a sign-in of the same subject.

    ``secret``: one byte, of which the hashes of the new secret and of the new access token are made.
    """
    now = utc_now()
    token = bytes([secret[0] + 6])
    fresh = SteppedUp(harness.ref, secret * 32, now, b"sealed", token * 32, now + timedelta(hours=1))
    with harness.services.storage.unit_of_work() as unit:
        assert unit.resume_session(fresh, now + timedelta(hours=1), now)
        unit.commit()


async def reconnect(harness: TabHarness) -> None:
    """Reconnect with the new secret, as the browser does when a socket of the old secret is closed."""
    assert await harness.tab.recheck() is SessionChange.RECONNECT
    assert (await harness.tab.receive())["type"] == "websocket.disconnect"
    await harness.tab.close()
    assert (harness.websocket.sent[-1]["type"], harness.websocket.sent[-1]["code"]) == ("websocket.close", 1012)
    harness.websocket.sent.clear()
    open_socket(harness)
    await harness.tab.send({"type": "websocket.accept"})


def open_socket(harness: TabHarness, *, requested_session_id: str = "page", is_expired: bool = False) -> None:
    """Open another socket, by default of the same Streamlit session."""
    session, tabs = harness.services.storage.read.session_by_ref(harness.ref), harness.services.tabs
    harness.tab = tabs.open(
        Handshake(
            session,
            harness.tab.owner,
            requested_session_id=requested_session_id,
            is_reattached=bool(requested_session_id),
            is_expired=is_expired,
        ),
        harness.websocket.receive,
        harness.websocket.send,
    )


async def request_no_run(harness: TabHarness) -> None:
    """Let the time pass in which the browser may request the run that was cut off, without a request."""
    await harness.tab.recheck()
    await assert_no_message(harness)
    advance_clock(harness)
    await harness.tab.recheck()


def advance_clock(harness: TabHarness, seconds: float = AUTOMATIC_RERUN_SECONDS) -> None:
    """Advance the clock, by default by the time in which a browser may request its run."""
    harness.advance_clock(seconds)


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
    harness.websocket.incoming.put_nowait({"type": "websocket.receive", "bytes": data})


async def received(harness: TabHarness) -> BackMsg:
    """The next message that reaches Streamlit."""
    message = await asyncio.wait_for(harness.tab.receive(), 2)
    assert message["type"] == "websocket.receive", message
    return BackMsg.FromString(message["bytes"])


async def assert_no_message(harness: TabHarness) -> None:
    receiving = asyncio.ensure_future(harness.tab.receive())
    await harness.settle()
    assert not receiving.done()
    receiving.cancel()


async def outgoing(harness: TabHarness, since: int) -> list[ForwardMsg]:
    """The messages that were sent to the browser since."""
    await harness.settle()
    return [ForwardMsg.FromString(m["bytes"]) for m in harness.websocket.sent[since:] if m.get("bytes")]


def locks(message: ForwardMsg) -> bool | None:
    """Whether a message shows the expiry overlay or removes it; None for any other."""
    drawn = message.delta.new_element.bidi_component
    return bool(json.loads(drawn.json)["locked"]) if drawn.id == "gatehouse-expiry-overlay" else None


def pressed(message: BackMsg) -> list[str]:
    return [widget.id for widget in message.rerun_script.widget_states.widgets if widget.trigger_value]
