"""A revoked permission counts from the next message of a busy tab: no widget of its old page runs any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.app_processes import AppProcesses, app_processes
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("revoked-permissions")  # its processes start once, not once per worker
PRESSED = ["callback", "fragment", "function"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("revoked-permissions")) as started:
        yield started


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    """An app whose watcher never checks: a refusal is caused by the tab's own message."""
    with app_processes(tmp_path_factory.mktemp("unwatched"), processes=1, UNWATCHED="1") as started:
        yield started


def test_presses_and_exports_work_and_leave_their_traces(app: AppProcesses) -> None:
    user = app.sign_in("ann", "analyst")
    with app.tab(user) as tab:
        assert tab.open()[1:] == ["may=True", "user=ann"]
        before = len(app.traces)
        for label in PRESSED:
            tab.press(label)
            tab.read_run()
        for label in ("export", "forgetful"):
            address = tab.download(tab.files[label])
            assert app.request(address, user).text == "the report"
        assert app.traces[before:] == [*PRESSED, "export", "forgetful"]
    assert app.refusals(user) == []


@pytest.mark.parametrize("label", PRESSED)
def test_after_a_revocation_the_next_press_only_renders_the_page_again(unwatched: AppProcesses, label: str) -> None:
    user = unwatched.sign_in(f"bo-{label}", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        before = unwatched.traces
        unwatched.revoke(user, "analyst")
        tab.press(label)
        assert tab.read_run()[-2:] == ["may=False", f"user=bo-{label}"]
        assert unwatched.traces == before


@pytest.mark.parametrize("label", ["export", "forgetful"])
def test_after_a_revocation_no_offered_file_is_exported(unwatched: AppProcesses, label: str) -> None:
    user = unwatched.sign_in(f"bea-{label}", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        path = tab.download(tab.files[label])
        assert unwatched.request(path, user).status_code == 200
        before = unwatched.traces
        unwatched.revoke(user, "analyst")
        assert tab.download(tab.files[label]) == ""
        assert unwatched.traces == before
        assert unwatched.request(path, user).status_code == 404  # nor is the earlier export served again


def test_an_exported_file_is_not_served_after_a_revocation_even_before_any_message(unwatched: AppProcesses) -> None:
    user = unwatched.sign_in("bix", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        path = tab.download(tab.files["export"])
        unwatched.revoke(user, "analyst")
        assert unwatched.request(path, user).status_code == 404


@pytest.mark.parametrize("label", PRESSED)
def test_a_tab_disconnected_at_a_revocation_only_renders_the_page_again(unwatched: AppProcesses, label: str) -> None:
    user = unwatched.sign_in(f"bud-{label}", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
    unwatched.revoke(user, "analyst")
    before = unwatched.traces
    again = unwatched.tab(user, reattach_to=tab.session_id)
    with again:
        again.widgets, again.files, again.messages = tab.widgets, {}, []
        again.press(label)
        assert again.read_run()[-2:] == ["may=False", f"user=bud-{label}"]
        assert again.session_id == tab.session_id  # the tab resumed its own session
        assert unwatched.traces == before


def test_presses_on_an_outdated_page_run_nothing_until_it_is_rendered_again(app: AppProcesses) -> None:
    """A heartbeat is the first message after the revocation, and presses on the old page follow at once."""
    user = app.sign_in("bes", "analyst")
    with app.tab(user) as tab:
        tab.open()
        tab.press("protected")
        tab.read_run()
        before = app.traces
        assert before[-1] == "protected"
        app.revoke(user, "analyst")
        tab.send(BackMsg(app_heartbeat=True))
        for _ in range(10):
            tab.press("protected")
        while "may=False" not in tab.read_run():  # rendered with the current grants
            pass
        tab.press("callback")
        _wait_for_trace(app, before)
        assert app.traces == [*before, "callback"]


@pytest.mark.parametrize("change", ["ended", "blocked"])
@pytest.mark.parametrize("label", [*PRESSED, "export", "forgetful"])
def test_after_the_session_ended_or_the_user_was_blocked_nothing_runs(
    unwatched: AppProcesses, change: str, label: str
) -> None:
    user = unwatched.sign_in(f"cy-{change}-{label}", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        before = unwatched.traces
        unwatched.remove_access(change, user)
        if label in PRESSED:
            tab.press(label)
        else:
            request = BackMsg()
            request.backend_operation_request.request_id = "request"
            request.backend_operation_request.session_id = tab.session_id
            request.backend_operation_request.deferred_file.file_id = tab.files[label]
            tab.send(request)
        assert tab.wait_for_push() == "/auth/ended?return_to=%2F"
        assert tab.closed() == 1008
        assert unwatched.traces == before
        assert unwatched.request(tab.files["media"], user).status_code == 404


@pytest.mark.parametrize("change", ["lost role", "ended", "blocked"])
def test_work_in_progress_is_refused_at_its_next_call_and_the_refusal_is_recorded(
    app: AppProcesses, change: str
) -> None:
    """A loop that never calls Streamlit cannot be stopped from outside: the check right before the effect refuses."""
    user = app.sign_in(f"dot-{change}", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = app.traces
        tab.press("work")
        _wait_for_trace(app, before)
        app.remove_access(change, user)
        count, ended = len(app.traces), len(app.ended)
        wait_until(lambda: len(app.ended) > ended)
        assert len(app.traces) <= count + 1  # the call that was past its check
    if change == "ended":
        assert app.refusals(user) == []  # no user is left to record the refusal for
    else:
        assert len(app.refusals(user)) == 1


@pytest.mark.parametrize("change", ["lost role", "ended"])
def test_a_run_in_progress_stops_at_its_next_call_of_streamlit(app: AppProcesses, change: str) -> None:
    user = app.sign_in(f"eve-{change}", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = app.traces
        tab.press("drawing")
        _wait_for_trace(app, before)
        app.remove_access(change, user)
        count, ended = len(app.traces), len(app.ended)
        wait_until(lambda: len(app.ended) > ended)
        assert len(app.traces) < count + 1.7 / 0.05  # it draws every 0.05 s at most


def _wait_for_trace(app: AppProcesses, before: list[str]) -> None:
    """Wait until another function has run."""
    wait_until(lambda: app.traces != before)
