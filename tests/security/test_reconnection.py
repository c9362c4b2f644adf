"""On real servers: a browser whose Streamlit session is gone is asked for a rerun, one whose session resumed is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.socket_tab import SocketTab

pytestmark = pytest.mark.xdist_group("reconnection")  # its processes start once, not once per worker


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("reconnection")) as made:
        yield made


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    """An app in which Streamlit keeps no session without a socket."""
    with app_processes(tmp_path_factory.mktemp("forgetful"), processes=1, FORGETFUL="1") as made:
        yield made


def open_and_disconnect(at: AppProcesses, user: SignedInUser) -> str:
    """Render a page, and lose the connection; → its Streamlit session."""
    with at.tab(user) as tab:
        assert tab.open()[-2:] == ["may=True", f"user={user.subject.subject.removeprefix('test|')}"]
        return tab.session_id


def answer_rerun_request(tab: SocketTab) -> list[str]:
    """Wait until the server requests a rerun, and answer as the browser does; → the texts of the page."""
    while (fragment := tab.receive(20).auto_rerun.fragment_id) == "":
        pass
    message = BackMsg()
    message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, True
    tab.widgets, tab.files, tab.messages = {}, {}, []
    tab.send(message)
    return tab.read_run(20)


def test_in_another_process_the_page_of_a_revoked_permission_is_rerun(app: AppProcesses) -> None:
    ann = app.sign_in("ann", "analyst")
    session_id = open_and_disconnect(app, ann)
    app.revoke(ann, "analyst")
    with app.tab(ann, process=1, reattach_to=session_id) as again:
        assert answer_rerun_request(again)[-2:] == ["may=False", "user=ann"]


def test_the_page_of_a_revoked_permission_is_rerun_after_streamlit_dropped_the_session(forgetful: AppProcesses) -> None:
    bob = forgetful.sign_in("bob", "analyst")
    with forgetful.tab(bob, reattach_to=open_and_disconnect(forgetful, bob)) as again:
        assert answer_rerun_request(again)[-2:] == ["may=True", "user=bob"]


def test_a_resumed_session_is_asked_for_no_run(app: AppProcesses) -> None:
    eve = app.sign_in("eve", "analyst")
    with app.tab(eve, reattach_to=open_and_disconnect(app, eve)) as again, pytest.raises(TimeoutError):
        again.receive(4)


def test_very_many_anonymous_sockets_displace_no_users_session(app: AppProcesses) -> None:
    ann = app.sign_in("ann-2", "analyst")
    session_id = open_and_disconnect(app, ann)
    for _ in range(140):  # Streamlit's own storage keeps 128 of all
        app.tab(None).close()
    with app.tab(ann, reattach_to=session_id) as again:
        again.open()
        assert again.session_id == session_id
