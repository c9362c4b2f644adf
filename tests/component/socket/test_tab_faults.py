"""A tab whose database is away, whose end is detected twice, or whose browser sends what the page no longer offers."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.errors import StorageUnavailable
from component.protocol import back_message
from component.protocol.back_message import BackMessage, Malformed
from component.socket.session_changes import SessionChange
from tests.component.socket.expired_tab import assert_no_message, outgoing, press, pressed, received, sends
from tests.component.socket.tab_harness import OPENING, TabHarness, with_tab


async def closes(harness: TabHarness) -> list[Any]:
    """The codes with which the socket was closed."""
    assert harness.tab._out.goodbye is not None
    await harness.tab._out.goodbye
    return [message["code"] for message in harness.websocket.sent if message["type"] == "websocket.close"]


def test_without_the_database_no_message_passes_and_the_page_loads_again() -> None:
    async def check(harness: TabHarness) -> None:
        def unavailable() -> Any:
            raise StorageUnavailable

        harness.tab._check_session = unavailable  # type: ignore[method-assign]
        before = len(harness.websocket.sent)
        harness.websocket.click()
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"
        assert await closes(harness) == [1008]
        assert [message.auth_redirect.url for message in await outgoing(harness, before)] == ["/"]

    with_tab(check)


def test_a_tab_that_is_closed_already_is_not_closed_again() -> None:
    """Its session ends while a long message is parsed in a thread, which then turns out to be malformed."""

    async def check(harness: TabHarness) -> None:
        async def parse(data: bytes | None, *, is_anonymous: bool) -> BackMessage:
            harness.end()
            assert await harness.tab.recheck() is SessionChange.ENDED
            raise Malformed("not a message")

        harness.services.tabs.parse = parse  # type: ignore[method-assign]
        before = len(harness.websocket.sent)
        harness.websocket.click()
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"
        assert await closes(harness) == [1008]
        await assert_no_message(harness)
        assert [message.auth_redirect.url for message in await outgoing(harness, before)] == [
            "/auth/ended?return_to=%2F"
        ]

    with_tab(check)


def test_a_message_of_streamlit_that_cannot_be_parsed_is_passed_on_unchanged() -> None:
    async def check(harness: TabHarness) -> None:
        await harness.tab.send({"type": "websocket.send", "bytes": b"\xff\xff"})
        assert harness.websocket.sent[-1] == {"type": "websocket.send", "bytes": b"\xff\xff"}

    with_tab(check)


def test_json_that_our_front_end_never_sends_reaches_streamlit_as_unreadable() -> None:
    async def check(harness: TabHarness) -> None:
        message = BackMsg()
        message.rerun_script.widget_states.widgets.add(id="$$ID-table", json_value="[" * 1000)
        harness.websocket.deliver(message)
        (widget,) = (await received(harness)).rerun_script.widget_states.widgets
        assert widget.json_value == back_message.UNREADABLE

    with_tab(check)


async def lose_right(harness: TabHarness) -> None:
    """A right is revoked, and the page is rendered again without it."""
    harness.revoke()
    harness.websocket.click()
    await harness.streamlit_receives(*OPENING)
    await harness.streamlit_answers_barrier()
    await harness.streamlit_renders_page()


async def render_fragment(harness: TabHarness, fragment: str) -> None:
    message = ForwardMsg()
    message.delta.fragment_id = fragment
    message.delta.new_element.button.id = f"$$ID-{fragment}"
    await harness.tab.send({"type": "websocket.send", "bytes": message.SerializeToString()})


def test_a_fragment_from_before_a_revocation_runs_no_more_and_its_press_is_dropped() -> None:
    async def check(harness: TabHarness) -> None:
        for fragment in ("old", "kept"):
            await render_fragment(harness, fragment)
        await lose_right(harness)
        await render_fragment(harness, "kept")
        for fragment, runs, presses in (("old", "", []), ("kept", "kept", ["$$ID-kept"])):
            sends(harness, press(f"$$ID-{fragment}", fragment=fragment))
            run = await received(harness)
            assert (run.rerun_script.fragment_id, pressed(run)) == (runs, presses)

    with_tab(check)


def download(file: str) -> BackMsg:
    """A request for a deferred download."""
    message = BackMsg()
    message.backend_operation_request.request_id = f"download of {file}"
    message.backend_operation_request.deferred_file.file_id = file
    return message


async def offer(harness: TabHarness, file: str) -> None:
    """Streamlit renders the button of a deferred download."""
    message = ForwardMsg()
    message.delta.new_element.download_button.id = f"$$ID-{file}"
    message.delta.new_element.download_button.deferred_file_id = file
    await harness.tab.send({"type": "websocket.send", "bytes": message.SerializeToString()})


@pytest.mark.parametrize("is_revoked", [False, True])
def test_only_a_download_that_the_page_offers_is_made(is_revoked: bool) -> None:
    async def check(harness: TabHarness) -> None:
        if is_revoked:
            await offer(harness, "report")
            await lose_right(harness)
        before = len(harness.websocket.sent)
        harness.websocket.deliver(download("report"))
        await assert_no_message(harness)
        (refusal,) = [message.backend_operation_response for message in await outgoing(harness, before)]
        assert (refusal.request_id, refusal.error_msg) == (
            "download of report",
            "This is no longer offered to you. Reload the page.",
        )
        await offer(harness, "report")
        harness.websocket.deliver(download("report"))
        assert await received(harness) == download("report")

    with_tab(check)


def test_the_file_of_a_download_reaches_its_browser_and_is_for_its_owner() -> None:
    async def check(harness: TabHarness) -> None:
        await offer(harness, "report")
        harness.websocket.deliver(download("report"))
        await received(harness)
        answer, file = ForwardMsg(), "0f" * 16
        answer.backend_operation_response.request_id = "download of report"
        answer.backend_operation_response.deferred_file.url = f"/media/{file}.csv"
        owner, tabs = harness.tab.owner, harness.services.tabs
        assert not await tabs.may_fetch(harness.tab.session, owner, f"/media/{file}.csv")
        await harness.tab.send({"type": "websocket.send", "bytes": answer.SerializeToString()})
        assert ForwardMsg.FromString(harness.websocket.sent[-1]["bytes"]) == answer
        assert await tabs.may_fetch(harness.tab.session, owner, f"/media/{file}.csv")
        await harness.tab.send({"type": "websocket.send", "bytes": answer.SerializeToString()})
        again = ForwardMsg.FromString(harness.websocket.sent[-1]["bytes"]).backend_operation_response
        assert not again.HasField("deferred_file")  # one answer to one request

    with_tab(check)
