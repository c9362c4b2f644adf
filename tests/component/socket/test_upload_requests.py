"""A request for upload addresses survives the start of a run, which drops Streamlit's answer to it."""

from __future__ import annotations

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLsRequest, FileURLsResponse
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

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
