"""Messages that no browser sends: forged ids, other kinds, garbage, floods, and sockets that read nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from streamlit.proto.BackMsg_pb2 import BackendOperationRequest, BackMsg
from websockets.exceptions import ConnectionClosed

from component.limits.admission import SocketLimits
from component.protocol import back_message
from tests.security.app_processes import AppProcesses, app_processes
from tests.security.socket_tab import SocketTab


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("hostile"), processes=1) as made:
        yield made
        log = made.log()
        assert "was never awaited" not in log
        assert "Task was destroyed" not in log
        assert "never retrieved" not in log


KINDS = {
    "rerun_script": True,
    "stop_script": True,
    "file_urls_request": True,
    "app_heartbeat": True,
    "backend_operation_request": True,
    "clear_cache": False,
    "set_run_on_save": False,
    "load_git_info": False,
    "debug_disconnect_websocket": False,
    "debug_shutdown_runtime": False,
}
OPERATIONS = {"deferred_file": True, "dataframe_chunk": True, "install_skills": False, "dismiss_skills_nudge": False}


def _of_kind(kind: str) -> BackMsg:
    message = BackMsg()
    if kind == "backend_operation_request":
        return _operation("deferred_file")
    if kind in {"rerun_script", "file_urls_request"}:
        getattr(message, kind).SetInParent()
    else:
        setattr(message, kind, True)
    return message


def _operation(name: str) -> BackMsg:
    message = BackMsg()
    message.backend_operation_request.request_id = "request"
    getattr(message.backend_operation_request, name).SetInParent()
    return message


def test_every_kind_of_message_is_in_the_tables() -> None:
    """A Streamlit with another kind of message is a failure."""
    assert set(KINDS) == {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}
    assert set(OPERATIONS) == {
        field.name for field in BackendOperationRequest.DESCRIPTOR.oneofs_by_name["payload"].fields
    }
    assert {kind for kind, allowed in KINDS.items() if allowed} == back_message.ALLOWED | {"backend_operation_request"}
    assert {name for name, allowed in OPERATIONS.items() if allowed} == back_message.ALLOWED_OPERATIONS


REFUSED: dict[str, BackMsg | bytes | str] = {
    **{kind: _of_kind(kind) for kind, allowed in KINDS.items() if not allowed},
    **{name: _operation(name) for name, allowed in OPERATIONS.items() if not allowed},
    "an operation without a payload": BackMsg(backend_operation_request=BackendOperationRequest(request_id="x")),
    "garbage": b"\xff\xff\xff\xff",
    "nothing": b"",
    "an unknown kind": b"\xfa\x7f\x01x",
    "text": "rerun",
    "a kind that overrides another": _of_kind("rerun_script").SerializeToString()
    + _of_kind("clear_cache").SerializeToString(),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_message_that_no_browser_sends_closes_its_socket_only(app: AppProcesses, case: str, signed_in: bool) -> None:
    user = app.sign_in("ann") if signed_in else None
    with app.tab(user) as tab, app.tab(user) as other:
        tab.open()
        other.open()
        tab._socket.send(m if isinstance(m := REFUSED[case], str | bytes) else m.SerializeToString())
        assert tab.closed() == 1002
        other.press("callback")
        assert other.read_run()  # the process runs, and so does the session's other tab


def test_a_message_larger_than_any_of_a_browser_is_refused(app: AppProcesses) -> None:
    message = BackMsg()
    message.rerun_script.query_string = "x" * (back_message.MAX_MESSAGE_BYTES + 1)
    with app.tab(app.sign_in("ann")) as tab:
        tab.open()
        assert _sent(tab, message) == 1009
    with pytest.raises(back_message.Malformed):
        back_message.parse(message.SerializeToString())


@pytest.mark.parametrize(("signed_in", "code"), [(True, None), (False, 1009)])
def test_an_anonymous_client_sends_no_more_than_a_sign_in_page(
    app: AppProcesses, signed_in: bool, code: int | None
) -> None:
    message = BackMsg()
    message.rerun_script.query_string = "x" * (SocketLimits().anonymous_message_bytes + 1)
    with app.tab(app.sign_in("ann") if signed_in else None) as tab:
        tab.open()
        assert _sent(tab, message) == code


def _sent(tab: SocketTab, message: BackMsg) -> int | None:
    """Send a message; → with which code the server closes, None when it runs the script."""
    try:
        tab.send(message)
        tab.read_run()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else -1
    return None


def _forged(widget: str = "", fragment: str = "", page: str = "", name: str = "") -> BackMsg:
    message = BackMsg()
    if widget:
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = widget, True
    message.rerun_script.fragment_id = fragment
    message.rerun_script.page_script_hash = page
    message.rerun_script.page_name = name
    return message


def test_forged_ids_of_widgets_fragments_and_pages_have_no_effect(app: AppProcesses) -> None:
    """The ids of a page are of no use to a user who never loaded it."""
    ann, bob = app.sign_in("ann", "analyst"), app.sign_in("bob")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        other.open()
        assert "protected" in tab.widgets
        assert "protected" not in other.widgets
        before = app.traces
        for message in (
            _forged(widget=tab.widgets["protected"]),
            _forged(widget="$$ID-0-none"),
            _forged(widget=tab.widgets["protected"], fragment="0" * 32),
            _forged(fragment=tab.widgets["fragment in"].replace("0", "1")),
            _forged(page="0" * 32),
            _forged(name="../../etc/passwd"),
            _forged(page="\x00", name="\u2028"),
        ):
            other.send(message)
        time.sleep(0.7)
        other.send(_forged())
        other.read_run()
        assert app.traces == before


def test_a_widget_of_a_revoked_permission_cannot_be_pressed(app: AppProcesses) -> None:
    """Streamlit (1.67) would still run its callback, as long as its session lives."""
    user = app.sign_in("eve", "analyst")
    with app.tab(user) as tab:
        tab.open()
        kept = dict(tab.widgets)
        before = app.traces
        app.revoke(user, "analyst")
        while "may=False" not in tab.read_run():
            pass
        for label in ("protected", "callback"):
            tab.widgets = kept
            tab.press(label)
            tab.read_run()
        assert app.traces == [*before, "callback"]  # which is still on the page
        app.grant(user, "analyst")
        while "may=True" not in tab.read_run():
            pass
        tab.press("protected")
        tab.read_run()
        assert app.traces == [*before, "callback", "protected"]


def test_a_flood_in_one_tab_does_not_stop_another(app: AppProcesses) -> None:
    ann, bob = app.sign_in("ann"), app.sign_in("bob")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        other.open()
        heartbeat = BackMsg(app_heartbeat=True)
        for _ in range(3000):
            tab.send(heartbeat)
        started = time.monotonic()
        other.press("callback")
        other.read_run()
        print(f"\na click beside a flood of 3000 messages: {time.monotonic() - started:.2f} s")
        assert time.monotonic() - started < 5


def _raw(app: AppProcesses, cookies: dict[str, str], then: Callable[[socket.socket], None]) -> None:
    """A handshake on a socket with the smallest receive buffer."""
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.connect(("127.0.0.1", app.ports[0]))
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        raw.sendall(
            f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{app.ports[0]}\r\nOrigin: {app.base_url}\r\n"
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: streamlit\r\n\r\n".encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 101"
        then(raw)


def test_a_socket_that_reads_nothing_delays_no_other(app: AppProcesses) -> None:
    """The server cannot send its output; the watcher must not wait for that."""
    stuck, ann = app.sign_in("stuck", "analyst"), app.sign_in("ann", "analyst")

    def ask_and_never_read(raw: socket.socket) -> None:
        long = BackMsg()
        long.rerun_script.query_string = "text=" + "x" * 900_000
        for _ in range(12):
            _send_frame(raw, long.SerializeToString())
            time.sleep(0.15)
        with app.tab(ann) as tab:
            tab.open()
            app.end(stuck)
            app.end(ann)
            started = time.monotonic()
            assert tab.wait_for_push().startswith("/auth/ended")
            print(f"\nnotified beside a socket that reads nothing after {time.monotonic() - started:.2f} s")
            assert time.monotonic() - started < 2

    _raw(app, stuck.cookies, ask_and_never_read)


def _send_frame(raw: socket.socket, payload: bytes) -> None:
    """One binary frame, masked with zeros (RFC 6455 §5.2)."""
    raw.sendall(b"\x82\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload)


def test_disconnecting_at_any_moment_leaks_nothing(app: AppProcesses) -> None:
    user = app.sign_in("hasty", "analyst")

    def half_a_frame(raw: socket.socket) -> None:
        raw.sendall(b"\x82\xff\x00\x00")

    def a_whole_one_and_gone(raw: socket.socket) -> None:
        _send_frame(raw, BackMsg(app_heartbeat=True).SerializeToString() * 1)

    for then in (half_a_frame, a_whole_one_and_gone, lambda _: None):
        for _ in range(20):
            _raw(app, user.cookies, then)
    with app.tab(user) as tab:
        tab.open()
        tab.press("callback")
        assert tab.read_run()
