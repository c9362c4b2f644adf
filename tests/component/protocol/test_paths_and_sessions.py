"""What the middleware reads of Streamlit's paths and handshakes, and the messages that it sends to Streamlit."""

from __future__ import annotations

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from component.protocol import back_message
from component.protocol.file_paths import media_id_of, upload_session_of
from component.protocol.injected_messages import barrier, rerun_like, stop
from component.protocol.requested_session import read_requested_session_id, without_requested_session

HASH = "0123456789abcdef" * 2
NAME = b"Sec-WebSocket-Protocol"


@pytest.mark.parametrize(
    ("path", "media"),
    [
        (f"/media/{HASH}.png", HASH),
        (f"/media/{HASH}", HASH),
        (f"/media/{HASH}.{'x' * 17}", None),
        (f"/media/{HASH}.png.gz", None),
        (f"/media/{HASH[1:]}.png", None),
        (f"/media/{HASH.upper()}.png", None),
        (f"/x/media/{HASH}.png", None),
        (f"/media/{HASH}.png/", None),
    ],
)
def test_the_id_of_a_media_file(path: str, media: str | None) -> None:
    assert media_id_of(path) == media


@pytest.mark.parametrize(
    ("path", "session"),
    [
        ("/_stcore/upload_file/aB-09/file", "aB-09"),
        (f"/_stcore/upload_file/{'a' * 64}/{'f' * 64}", "a" * 64),
        (f"/_stcore/upload_file/{'a' * 65}/file", None),
        (f"/_stcore/upload_file/a/{'f' * 65}", None),
        ("/_stcore/upload_file/a/b/c", None),
        ("/_stcore/upload_file/a/", None),
        ("/_stcore/upload_file/../file", None),
    ],
)
def test_the_session_of_an_upload(path: str, session: str | None) -> None:
    assert upload_session_of(path) == session


@pytest.mark.parametrize(
    ("headers", "requested", "kept"),
    [
        ([], "", None),
        ([(NAME, b"streamlit")], "", b"streamlit"),
        ([(NAME, b"streamlit, token")], "", b"streamlit, token"),
        ([(NAME, b"streamlit,token , session")], "session", b"streamlit, token"),
        ([(NAME, b"streamlit, token, session, more")], "session", b"streamlit, token"),
        # Streamlit reads the first header, and so do we
        ([(NAME, b"streamlit"), (NAME, b"streamlit, token, session")], "", b"streamlit"),
        ([(NAME, b"streamlit, \xe9, session")], "session", b"streamlit, \xe9"),
    ],
)
def test_the_requested_session_of_a_handshake(
    headers: list[tuple[bytes, bytes]], requested: str, kept: bytes | None
) -> None:
    headers = [(b"host", b"localhost"), *headers]
    assert read_requested_session_id(headers) == requested
    protocol = [(b"sec-websocket-protocol", kept)] if kept is not None else []
    assert list(without_requested_session(headers)) == [(b"host", b"localhost"), *protocol]


def test_a_rerun_in_the_place_of_a_browser_has_no_widgets() -> None:
    last = BackMsg()
    rerun = last.rerun_script
    rerun.query_string, rerun.page_script_hash, rerun.page_name = "q=1", "hash", "people"
    rerun.fragment_id = "fragment"
    rerun.widget_states.widgets.add().id = "button"
    sent = rerun_like(back_message.parse(last.SerializeToString(), max_bytes=1000))
    expected = BackMsg()
    expected.rerun_script.query_string = "q=1"
    expected.rerun_script.page_script_hash = "hash"
    expected.rerun_script.page_name = "people"
    assert sent.message == expected
    rerun.context_info.url, rerun.context_info.timezone = "http://localhost/people", "Europe/Berlin"
    expected.rerun_script.context_info.CopyFrom(rerun.context_info)
    sent = rerun_like(back_message.parse(last.SerializeToString(), max_bytes=1000))
    assert sent.message == expected


def test_a_run_is_stopped_as_a_browser_stops_it() -> None:
    assert BackMsg.FromString(stop()) == BackMsg(stop_script=True)


@pytest.mark.parametrize("present", [True, False])
def test_a_barrier_changes_an_option_and_changes_it_back(present: bool) -> None:
    messages = [BackMsg.FromString(message) for message in barrier(run_on_save=present)]
    assert [message.WhichOneof("type") for message in messages] == ["set_run_on_save"] * 2
    assert [message.set_run_on_save for message in messages] == [not present, present]
