"""A request for upload addresses survives the start of a run, which drops Streamlit's answer to it."""

from __future__ import annotations

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLsRequest, FileURLsResponse
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from app.core.clock import utc_now
from app.core.policy import Source
from app.core.records import NewGrant
from component.protocol.back_message import SHORT_BYTES
from component.socket.upload_requests import MAX_PENDING
from tests.clock import settle
from tests.component.socket.tab_harness import TabHarness, with_tab


async def request(harness: TabHarness, name: str) -> None:
    """Request an address for a file, which reaches Streamlit."""
    harness.websocket.deliver(BackMsg(file_urls_request=FileURLsRequest(request_id=name, file_names=["towns.csv"])))
    assert await received(harness) == name


async def received(harness: TabHarness) -> str:
    """The id of the next message, a request for upload addresses, that reaches Streamlit."""
    return BackMsg.FromString((await harness.tab.receive())["bytes"]).file_urls_request.request_id


async def answer(harness: TabHarness, name: str) -> None:
    await harness.streamlit_sends(file_urls_response=FileURLsResponse(response_id=name))


def test_streamlit_drops_the_answer_when_a_run_starts() -> None:
    """The reason for the repetition: once this fails, ``UploadRequests`` can go."""
    queue = ForwardMsgQueue()
    queue.enqueue(ForwardMsg(file_urls_response=FileURLsResponse(response_id="lost")))
    queue.clear(retain_lifecycle_msgs=True)
    assert queue.flush() == []


def test_an_unanswered_request_is_repeated_after_the_start_of_a_run() -> None:
    async def check(harness: TabHarness) -> None:
        await request(harness, "first")
        await request(harness, "second")
        await answer(harness, "first")
        await harness.streamlit_starts_run("page")
        assert await received(harness) == "second"
        await answer(harness, "second")
        assert (
            harness.websocket.sent[-1]["bytes"]
            == ForwardMsg(file_urls_response=FileURLsResponse(response_id="second")).SerializeToString()
        )

    with_tab(check)


def test_an_answered_request_is_not_repeated() -> None:
    async def check(harness: TabHarness) -> None:
        await request(harness, "first")
        await answer(harness, "first")
        await harness.streamlit_starts_run("page")
        harness.websocket.click()
        message = BackMsg.FromString((await harness.tab.receive())["bytes"])
        assert message.WhichOneof("type") == "rerun_script"

    with_tab(check)


def test_a_long_request_is_not_remembered() -> None:
    """A browser that reads no answers must not fill the memory."""

    async def check(harness: TabHarness) -> None:
        long = FileURLsRequest(request_id="long", file_names=["x" * SHORT_BYTES])
        harness.websocket.deliver(BackMsg(file_urls_request=long))
        assert await received(harness) == "long"
        await harness.streamlit_starts_run("page")
        await settle()
        assert not harness.tab._in.is_waiting

    with_tab(check)


def test_a_new_right_waits_while_a_file_is_requested() -> None:
    async def check(harness: TabHarness) -> None:
        await harness.tab.recheck()
        harness.advance_clock(1)
        with harness.services.storage.unit_of_work() as unit:
            unit.add_grant(NewGrant(harness.subject, Source.ADMIN, "test", "developer"), utc_now())
            unit.commit()
        await request(harness, "first")  # the right is noticed with this message
        assert not harness.wants_rerun()
        harness.advance_clock(1)
        assert harness.wants_rerun()

    with_tab(check, clock=lambda: 0.0)


def test_a_tab_remembers_a_limited_number_of_requests() -> None:
    async def check(harness: TabHarness) -> None:
        names = [f"request {number}" for number in range(MAX_PENDING + 1)]
        for name in names:
            await request(harness, name)
        await harness.streamlit_starts_run("page")
        assert [await received(harness) for _ in names[1:]] == names[1:]
        await settle()
        assert not harness.tab._in.is_waiting

    with_tab(check)
