"""A right that was taken away is gone on the next message of a busy tab: nothing that was on the page runs any more."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.live import LiveApp, live

PRESSED = ["callback", "fragment", "function"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApp]:
    with live(tmp_path_factory.mktemp("live")) as made:
        yield made


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApp]:
    """Where the watcher is never first: what is refused is refused because of the tab's own message."""
    with live(tmp_path_factory.mktemp("unwatched"), processes=1, UNWATCHED="1") as made:
        yield made


def test_presses_and_exports_work_and_leave_their_traces(app: LiveApp) -> None:
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
def test_after_a_role_is_removed_the_next_press_runs_only_the_gate(unwatched: LiveApp, label: str) -> None:
    user = unwatched.sign_in(f"bo-{label}", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        before = unwatched.traces
        unwatched.revoke(user, "analyst")
        tab.press(label)
        assert tab.read_run()[-2:] == ["may=False", f"user=bo-{label}"]
        assert unwatched.traces == before


@pytest.mark.parametrize("label", ["export", "forgetful"])
def test_after_a_role_is_removed_nothing_that_was_offered_is_exported(unwatched: LiveApp, label: str) -> None:
    user = unwatched.sign_in(f"bea-{label}", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        made = tab.download(tab.files[label])
        assert unwatched.request(made, user).status_code == 200
        before = unwatched.traces
        unwatched.revoke(user, "analyst")
        assert tab.download(tab.files[label]) == ""
        assert unwatched.traces == before
        assert unwatched.request(made, user).status_code == 404  # nor is what was exported before given out again


def test_what_was_exported_is_not_given_out_after_a_role_is_removed_even_before_any_message(unwatched: LiveApp) -> None:
    user = unwatched.sign_in("bix", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        made = tab.download(tab.files["export"])
        unwatched.revoke(user, "analyst")
        assert unwatched.request(made, user).status_code == 404


@pytest.mark.parametrize("label", PRESSED)
def test_a_tab_that_was_away_when_a_role_was_removed_runs_only_the_gate(unwatched: LiveApp, label: str) -> None:
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
        assert again.session_id == tab.session_id  # it was its own session that it came back to
        assert unwatched.traces == before


def test_presses_on_a_page_that_is_no_longer_right_run_nothing_until_it_is_drawn_anew(app: LiveApp) -> None:
    """A heartbeat is the first to learn of it; presses made on the old page come right behind, in any number."""
    user = app.sign_in("bes", "analyst")
    with app.tab(user) as tab:
        tab.open()
        tab.press("gated")
        tab.read_run()
        before = app.traces
        assert before[-1] == "gated"
        app.revoke(user, "analyst")
        tab.send(BackMsg(app_heartbeat=True))
        for _ in range(10):
            tab.press("gated")
        time.sleep(1.0)
        assert app.traces == before
        while "may=False" not in tab.read_run():  # drawn with what is held now
            pass
        tab.press("callback")
        _grown(app, before)
        assert app.traces == [*before, "callback"]


@pytest.mark.parametrize("what", ["ended", "blocked"])
@pytest.mark.parametrize("label", [*PRESSED, "export", "forgetful"])
def test_after_the_session_ended_or_the_person_was_blocked_nothing_runs(
    unwatched: LiveApp, what: str, label: str
) -> None:
    user = unwatched.sign_in(f"cy-{what}-{label}", "analyst")
    with unwatched.tab(user) as tab:
        tab.open()
        before = unwatched.traces
        unwatched.remove_access(what, user)
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


@pytest.mark.parametrize("what", ["lost role", "ended", "blocked"])
def test_work_in_progress_is_refused_at_its_next_call_and_that_is_on_record(app: LiveApp, what: str) -> None:
    """A loop that never calls Streamlit cannot be stopped from outside: the check right before the effect refuses."""
    user = app.sign_in(f"dot-{what}", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = app.traces
        tab.press("work")
        _grown(app, before)
        app.remove_access(what, user)
        done = len(app.traces)
        time.sleep(0.5)
        assert len(app.traces) <= done + 1  # the one that was past its check
    if what == "ended":
        assert app.refusals(user) == []  # there is nobody any more whom it could be recorded for
    else:
        assert len(app.refusals(user)) == 1


@pytest.mark.parametrize("what", ["lost role", "ended"])
def test_a_run_in_progress_stops_at_its_next_call_of_streamlit(app: LiveApp, what: str) -> None:
    user = app.sign_in(f"eve-{what}", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = app.traces
        tab.press("drawing")
        _grown(app, before)
        app.remove_access(what, user)
        time.sleep(1.7)
        done = len(app.traces)
        time.sleep(0.5)
        assert len(app.traces) == done


def _grown(app: LiveApp, before: list[str]) -> None:
    """Wait for something more to run than before."""
    deadline = time.monotonic() + 10
    while app.traces == before:
        assert time.monotonic() < deadline, "nothing has run"
        time.sleep(0.02)
