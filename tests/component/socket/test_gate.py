"""After a revocation a page is usable again only once a later run has rendered it."""

from __future__ import annotations

import asyncio
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.clock import utc_now
from app.core.policy import Source
from app.core.records import NewGrant
from component.socket.handshake import Handshake
from component.socket.session_changes import SessionChange
from tests.component.socket.tab_harness import OPENING, FakeWebSocket, TabHarness, with_tab


def test_an_end_detected_while_a_message_is_at_the_gate_stops_it() -> None:
    async def check(harness: TabHarness) -> None:
        resolve, at_gate = harness.tab._check_session, asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow() -> Any:
            result = resolve()
            loop.call_soon_threadsafe(at_gate.set)
            harness.end()
            return result  # live a moment ago

        harness.tab._check_session = slow  # type: ignore[method-assign]
        harness.websocket.click()
        receiving = asyncio.ensure_future(harness.tab.receive())
        await at_gate.wait()
        harness.tab._check_session = resolve  # type: ignore[method-assign]
        harness.tab._close_with(None, 1008)  # as the watcher would, in between
        assert (await receiving)["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_revoked_permission_closes_the_gate_whichever_check_detects_it_first() -> None:
    async def check(harness: TabHarness) -> None:
        harness.revoke()
        assert await harness.tab.recheck() is SessionChange.LOST  # the watcher
        harness.websocket.click()
        run = await harness.streamlit_receives(*OPENING)
        assert not run.rerun_script.widget_states.widgets  # the gate's own check finds no change
        harness.websocket.click()
        run = await harness.streamlit_receives("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # nothing was rendered yet
        await harness.streamlit_answers_barrier()
        await harness.streamlit_renders_page()
        harness.websocket.click()
        run = await harness.streamlit_receives("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # and this button is not on the rendered page
        await harness.streamlit_renders("$$ID-button")
        harness.websocket.click()
        run = await harness.streamlit_receives("rerun_script")
        assert [widget.id for widget in run.rerun_script.widget_states.widgets] == ["$$ID-button"]

    with_tab(check)


def test_output_of_a_run_from_before_a_revocation_does_not_count() -> None:
    """Output for a slow browser is sent late: here after the request for the run that opens the gate."""

    async def check(harness: TabHarness) -> None:
        harness.revoke()
        harness.websocket.click()
        await harness.streamlit_receives(*OPENING)
        before = harness.sent_kinds()
        await harness.streamlit_renders_page()
        await harness.streamlit_renders("$$ID-button")
        await harness.streamlit_sends(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert "delta" not in harness.sent_kinds()[len(before) :]
        harness.websocket.click()
        run = await harness.streamlit_receives("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        await harness.streamlit_answers_barrier()
        harness.websocket.click()
        run = await harness.streamlit_receives("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        assert "session_status_changed" not in harness.sent_kinds()  # barriers are not sent to the browser

    with_tab(check)


def test_a_message_that_cannot_be_parsed_does_not_pass_a_closed_gate() -> None:
    async def check(harness: TabHarness) -> None:
        unreadable = {"type": "websocket.send", "bytes": b"\xff"}
        await harness.tab.send(unreadable)
        assert harness.websocket.sent[-1] == unreadable
        harness.revoke()
        await harness.tab.recheck()
        sent = len(harness.websocket.sent)
        await harness.tab.send(unreadable)
        assert len(harness.websocket.sent) == sent

    with_tab(check)


def test_the_barrier_of_one_revocation_does_not_count_for_another() -> None:
    async def check(harness: TabHarness) -> None:
        with harness.services.storage.unit_of_work() as unit:
            unit.add_grant(
                NewGrant(subject=harness.subject, source=Source.ADMIN, author="test", role="developer"), utc_now()
            )
            unit.commit()
        await harness.tab.recheck()
        for role in ("analyst", "developer"):
            harness.revoke(role)
            harness.websocket.click()
            await harness.streamlit_receives(*OPENING)
        await harness.streamlit_answers_barrier()
        await harness.streamlit_renders("$$ID-button")
        harness.websocket.click()
        run = await harness.streamlit_receives("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # rendered by a run between the two
        await harness.streamlit_answers_barrier()
        await harness.streamlit_renders("$$ID-button")
        harness.websocket.click()
        run = await harness.streamlit_receives("rerun_script")
        assert run.rerun_script.widget_states.widgets

    with_tab(check)


def test_a_browser_does_not_stop_the_run_that_opens_the_gate() -> None:
    async def check(harness: TabHarness) -> None:
        harness.revoke()
        harness.websocket.click()
        await harness.streamlit_receives(*OPENING)
        harness.websocket.deliver(BackMsg(stop_script=True))
        harness.websocket.click()
        await harness.streamlit_receives("rerun_script")  # the click; the stop went no further

    with_tab(check)


def rows(request: str) -> BackMsg:
    """A request for rows of a lazy dataframe."""
    message = BackMsg()
    message.backend_operation_request.request_id = request
    message.backend_operation_request.dataframe_chunk.source_id = "table"
    return message


def test_a_dataframe_rendered_before_a_revocation_returns_no_more_rows() -> None:
    async def check(harness: TabHarness) -> None:
        table = ForwardMsg()
        table.delta.new_element.dataframe.lazy_data.source_id = "table"
        await harness.tab.send({"type": "websocket.send", "bytes": table.SerializeToString()})
        harness.revoke()
        harness.websocket.click()
        await harness.streamlit_receives(*OPENING)
        await harness.streamlit_answers_barrier()
        harness.websocket.deliver(rows("old"))
        harness.websocket.click()
        await harness.streamlit_receives("rerun_script")  # the click: the request went no further
        assert harness.sent_kinds()[-1] == "backend_operation_response"
        await harness.tab.send({"type": "websocket.send", "bytes": table.SerializeToString()})
        harness.websocket.deliver(rows("new"))
        assert BackMsg.FromString((await harness.tab.receive())["bytes"]) == rows("new")

    with_tab(check)


def test_the_result_of_an_operation_from_before_a_revocation_is_refused() -> None:
    async def check(harness: TabHarness) -> None:
        harness.websocket.deliver(rows("before"))
        await harness.tab.receive()
        harness.revoke()
        harness.websocket.click()
        await harness.streamlit_receives(*OPENING)
        await harness.streamlit_answers_barrier()
        answer = ForwardMsg()
        answer.backend_operation_response.request_id = "before"
        answer.backend_operation_response.dataframe_chunk.arrow_data.data = b"the report"
        await harness.tab.send({"type": "websocket.send", "bytes": answer.SerializeToString()})
        response = ForwardMsg.FromString(harness.websocket.sent[-1]["bytes"]).backend_operation_response
        assert (response.request_id, response.error_msg) == (
            "before",
            "This is no longer offered to you. Reload the page.",
        )
        assert not response.HasField("dataframe_chunk")

    with_tab(check)


def test_a_replaced_socket_does_not_affect_the_page() -> None:
    async def check(harness: TabHarness) -> None:
        other = FakeWebSocket()
        again = harness.services.tabs.open(
            Handshake(harness.tab.session, f"session {harness.ref}", requested_session_id="page", is_reattached=True),
            other.receive,
            other.send,
        )
        await again.send({"type": "websocket.accept"})
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"
        moved = TabHarness(harness.services, harness.subject, harness.ref, other, again, harness.queries)
        harness.revoke()
        other.click()
        await moved.streamlit_receives(*OPENING)
        await moved.streamlit_answers_barrier()
        await harness.streamlit_renders("$$ID-button")  # still on its way to the first socket
        other.click()
        run = await moved.streamlit_receives("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        await again.close()

    with_tab(check)


def test_a_page_whose_barrier_was_lost_with_its_socket_cannot_be_reattached() -> None:
    async def check(harness: TabHarness) -> None:
        owner = f"session {harness.ref}"
        assert harness.services.tabs.may_reattach(owner, "page")
        harness.revoke()
        harness.websocket.click()
        await harness.streamlit_receives(*OPENING)
        assert not harness.services.tabs.may_reattach(owner, "page")
        await harness.streamlit_answers_barrier()
        assert harness.services.tabs.may_reattach(owner, "page")

    with_tab(check)


def test_a_permission_revoked_before_the_first_output_reloads_the_page() -> None:
    async def check(harness: TabHarness) -> None:
        other = FakeWebSocket()
        tab = harness.services.tabs.open(
            Handshake(harness.tab.session, f"session {harness.ref}"), other.receive, other.send
        )
        await tab.send({"type": "websocket.accept"})
        other.click()
        await tab.receive()  # the first run is under way
        harness.revoke()
        assert await tab.recheck() is SessionChange.ENDED
        assert (await tab.receive())["type"] == "websocket.disconnect"
        await tab.close()
        assert ForwardMsg.FromString(other.sent[1]["bytes"]).auth_redirect.url == "/"

    with_tab(check)
