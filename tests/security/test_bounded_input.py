"""Input of clients is counted as it arrives, and refused before it is costly: raw bytes to a real server."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import InvalidStatus

from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.raw_http import MB, PING, Raw, cookie, frame, handshake, request
from tests.security.socket_tab import SocketTab

LONGEST = 4 * MB


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(
        tmp_path_factory.mktemp("bounded"),
        processes=1,
        GATEHOUSE_SOCKETS_PER_PERSON="12",
        GATEHOUSE_ANONYMOUS_SOCKETS_PER_ADDRESS="20",
    ) as made:
        yield made


# HTTP


def upload(app: AppProcesses, user: SignedInUser, tab: SocketTab, *headers: str, body: bytes) -> str:
    line = f"PUT /_stcore/upload_file/{tab.session_id}/{secrets.token_hex(8)} HTTP/1.1"
    kind = "Content-Type: multipart/form-data; boundary=b"
    with Raw(app, request(app, line, f"Cookie: {cookie(user)}", kind, *headers, body=body)) as raw:
        return raw.head().partition("\r\n")[0]


PART = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"x" * 1000 + b"\r\n--b--\r\n"
CHUNKED = f"{len(PART):x}\r\n".encode() + PART + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "body", "answer"),
    [
        (("Content-Length: 5", "Transfer-Encoding: chunked"), CHUNKED, "HTTP/1.1 400 Bad Request"),
        (("Transfer-Encoding: chunked", "Content-Length: 5"), CHUNKED, "HTTP/1.1 400 Bad Request"),
        (("Transfer-Encoding: chunked",), CHUNKED, "HTTP/1.1 411 Length Required"),
        (("Content-Length: 5", "Content-Length: 6"), PART, "HTTP/1.1 400 Bad Request"),
        (("Transfer-Encoding: identity", "Content-Length: 5"), PART, "HTTP/1.1 400 Bad Request"),
        (("Content-Length: +5",), PART, "HTTP/1.1 400 Bad Request"),
        (("Content-Length: 99999999999",), b"", "HTTP/1.1 413 Content Too Large"),
    ],
)
def test_a_body_of_ambiguous_length_is_not_read(
    app: AppProcesses, headers: tuple[str, ...], body: bytes, answer: str
) -> None:
    user = app.sign_in("ann")
    with app.tab(user) as tab:
        tab.open()
        assert re.sub("Request Entity", "Content", upload(app, user, tab, *headers, body=body)) == answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (("GET / HTTP/1.1", *["a: b"] * 101), 431),
        (("GET / HTTP/1.1", *["a: b"] * 6_000), 431),
        (("GET / HTTP/1.1", "a: " + "b" * 70_000), 431),
        ((f"GET /?{'q' * 21_000} HTTP/1.1",), 414),
        (("GET / HTTP/1.1", "Transfer-Encoding: chunked"), 411),
        (("POST /auth/stay HTTP/1.1", "Content-Length: 65537"), 413),
        (("GET / HTTP/1.1", *["a: b"] * 90), 200),
    ],
    ids=["headers", "very many headers", "long", "target", "chunked", "body", "in use"],
)
def test_a_costly_head_is_refused(app: AppProcesses, sent: tuple[str, ...], status: int) -> None:
    with Raw(app) as raw:
        raw.send(request(app, *sent))
        assert int(raw.head().split()[1]) == status


def test_an_unrequested_body_is_not_read_to_its_end(app: AppProcesses) -> None:
    """An upload that was refused continues: a little of it is dropped, then the connection is."""
    sent = 0
    head = request(app, "PUT /nothing/here HTTP/1.1", f"Content-Length: {300 * MB}")
    with Raw(app, head) as raw, suppress(OSError):
        while sent < 300 * MB:
            raw.socket.sendall(b"x" * MB)
            sent += MB
    assert sent < 100 * MB, "what fits into the buffers of two sockets, and 24 MB"


def test_a_refused_upload_is_read_so_that_a_proxy_receives_the_response(app: AppProcesses) -> None:
    """Otherwise nginx would take the process for a failed one, and send the next upload nowhere."""
    user, body = app.sign_in("ann"), b"x" * (21 * MB)
    line = "PUT /_stcore/upload_file/another-process/a-file HTTP/1.1"
    with Raw(app, request(app, line, f"Cookie: {cookie(user)}", f"Content-Length: {len(body)}")) as raw:
        raw.socket.sendall(body)
        assert raw.head().startswith("HTTP/1.1 404 ")


# Sockets


def test_the_longest_message_is_counted_by_what_arrives_in_all_its_fragments(app: AppProcesses) -> None:
    with handshake(app, app.sign_in("ann")) as raw:
        for number in range(5):
            raw.send(frame(b"x" * MB, opcode=0 if number else 2, final=False))
        assert raw.close_code() == 1009


def test_an_anonymous_socket_sends_a_quarter_of_a_megabyte_at_most(app: AppProcesses) -> None:
    with handshake(app, None) as raw:
        raw.send(frame(b"x" * (MB // 4), final=False) + frame(b"x", opcode=0, final=False))
        assert raw.close_code() == 1009


def test_unfinished_messages_of_one_person_fill_no_memory(app: AppProcesses) -> None:
    """Two messages of the maximal length may be under way; the sockets of further ones are closed."""
    user = app.sign_in("eve")
    before = resident_bytes(app.processes[0].pid)
    with ExitStack() as stack:
        raws = [stack.enter_context(handshake(app, user)) for _ in range(10)]
        taken = []
        for raw in raws:
            raw.send(frame(b"x" * (LONGEST - MB), final=False) + PING)
            taken.append(raw.is_taken())
        grown = resident_bytes(app.processes[0].pid) - before
        codes = [raw.close_code() for raw in raws[2:]]
        with app.tab(app.sign_in("bob")) as tab:
            assert tab.open()
    assert taken == [True] * 2 + [False] * 8
    assert codes == [1013] * 8
    assert grown < 40 * MB


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(b"x", final=False) + frame(b"", opcode=0, final=False) * 2000, 1009),
        (frame(b"", opcode=9) * 200, 1008),
        (frame(b"", opcode=10) * 200, 1008),
        (frame(b"x" * 126, opcode=9), 1002),
    ],
    ids=["empty fragments", "pings", "pongs", "a long ping"],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_frames_without_a_payload_are_counted(app: AppProcesses, sent: bytes, code: int, signed_in: bool) -> None:
    with handshake(app, app.sign_in("ann") if signed_in else None) as raw:
        raw.send(sent)
        assert raw.close_code() == code


def test_pings_of_a_browser_behind_a_proxy_are_answered(app: AppProcesses) -> None:
    with handshake(app, app.sign_in("ann")) as raw:
        raw.send(frame(b"", opcode=9) * 20 + frame(b"\x03\xe8", opcode=8))
        assert raw.rest().count(b"\x8a\x00") == 20


def long_message(size: int = LONGEST - 4096) -> bytes:
    """A rerun with one long text."""
    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id="x", string_value="a" * size)
    return message.SerializeToString()


def test_messages_that_wait_for_their_pace_fill_no_memory_and_delay_no_stop(tmp_path: Path) -> None:
    """The second and the third of these messages wait for a minute, and no more are accepted."""
    with app_processes(tmp_path, processes=1, GATEHOUSE_MESSAGE_BYTES_PER_SECOND="65536") as slow, ExitStack() as stack:
        user = slow.sign_in("eve")
        with slow.tab(user) as tab:
            tab.open()
            tab._socket.send(long_message())
            tab.read_run(60)
        taken, before = [], resident_bytes(slow.processes[0].pid)
        for _ in range(12):
            raw = stack.enter_context(handshake(slow, user))
            raw.send(frame(long_message()) + PING)
            taken.append(raw.is_taken())
        assert taken == [True] * 2 + [False] * 10
        assert raw.close_code() == 1013
        grown = resident_bytes(slow.processes[0].pid) - before
        slow.processes[0].terminate()
        try:
            slow.processes[0].wait(30)
        finally:
            slow.processes[0].kill()
    assert grown < 40 * MB


# How many


def statuses(app: AppProcesses, user: SignedInUser | None, count: int) -> list[int]:
    result = []
    with ExitStack() as stack:
        for _ in range(count):
            try:
                stack.enter_context(app.tab(user))
                result.append(101)
            except InvalidStatus as error:
                response = error.response
                received = (
                    b"Too many connections are open" in (response.body or b"")
                    and response.headers["Retry-After"] == "5"
                )
                result.append(response.status_code if received else 0)
    return result


def test_the_tabs_of_one_person_are_limited_and_others_can_open_tabs(app: AppProcesses) -> None:
    assert statuses(app, app.sign_in("many"), 14) == [101] * 12 + [503] * 2
    assert statuses(app, app.sign_in("other"), 1) == [101]


def test_the_anonymous_tabs_of_one_address_are_limited_and_users_can_open_tabs(app: AppProcesses) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(app.tab(None))
        assert statuses(app, None, 2) == [503, 503]
        assert statuses(app, app.sign_in("ann"), 1) == [101]


def test_a_page_of_very_many_widgets_is_refused_and_the_process_survives(app: AppProcesses) -> None:
    message = BackMsg()
    for number in range(5_000):
        message.rerun_script.widget_states.widgets.add(id=str(number))
    with app.tab(app.sign_in("ann")) as tab, app.tab(app.sign_in("bob")) as other:
        tab.open()
        other.open()
        tab.send(message)
        assert tab.closed() == 1002
        other.press("callback")
        assert other.read_run()
