"""A session that expires during work, by raw sockets and in two processes: tabs are locked, and resume once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.socket_tab import SocketTab

IDLE_SECONDS = 600


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("expired"), GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS)) as started:
        yield started
        for process in range(2):
            assert "never retrieved" not in started.log(process)
            assert "Traceback" not in started.log(process)


def expire(app: AppProcesses, user: SignedInUser) -> None:
    app.backdate_activity(user, IDLE_SECONDS + 1)


def assert_no_message(tab: SocketTab, seconds: float = 1.5) -> None:
    """Assert that the server sends nothing for a while."""
    try:
        message = tab.receive(seconds)
    except TimeoutError:
        return
    raise AssertionError(message)


def reconnected(app: AppProcesses, user: SignedInUser, tab: SocketTab, process: int = 0) -> SocketTab:
    """The next socket of the same browser, which it opens when the server has closed the one before."""
    assert tab.closed() == 1012
    again = app.tab(user, process, reattach_to=tab.session_id)
    again.widgets, again.files, again.messages = tab.widgets, tab.files, []
    return again


def test_a_press_after_the_expiry_runs_once_and_only_after_the_session_resumes(app: AppProcesses) -> None:
    user = app.sign_in("ann", "analyst")
    with app.tab(user) as tab, app.tab(user, 1) as second:
        tab.open()
        second.open()
        before = len(app.traces)
        expire(app, user)
        tab.press("callback")
        assert tab.wait_for_push() == "locked"
        second.press("function")  # the tab in the other process keeps its own press
        assert second.wait_for_push() == "locked"
        assert_no_message(tab)
        assert app.traces[before:] == []
        started = time.monotonic()
        app.resume_session(user)
        with reconnected(app, user, tab) as tab, reconnected(app, user, second, 1) as second:  # noqa: PLW2901
            for unlocked in (tab, second):
                assert unlocked.wait_for_push() == "unlocked"
            print(f"\nunlocked in two processes {time.monotonic() - started:.2f} s after the sign-in")
            tab.read_run()
            second.read_run()
            assert sorted(app.traces[before:]) == ["callback", "function"]
            tab.press("callback")
            tab.read_run()
            assert app.traces[before + 2 :] == ["callback"]


def test_no_message_of_a_locked_tab_runs_and_its_files_are_closed(app: AppProcesses) -> None:
    user = app.sign_in("bo", "analyst")
    with app.tab(user) as tab:
        tab.open()
        assert app.request(tab.files["media"], user).status_code == 200
        before = app.traces
        expire(app, user)
        assert app.request(tab.files["media"], user).status_code == 404
        tab.press("callback")
        assert tab.wait_for_push() == "locked"
        tab.press("function")
        tab.press("fragment")
        assert_no_message(tab)
        assert app.traces == before
        assert app.request(tab.files["media"], user).status_code == 404
        old = dict(user.cookies)
        app.resume_session(user)
        with reconnected(app, user, tab) as again:
            assert again.wait_for_push() == "unlocked"
            again.read_run()
        assert app.request(tab.files["media"], user).status_code == 200
        user.cookies = old
        assert app.request(tab.files["media"], user).status_code == 404  # the old cookie is no longer valid


def test_a_permission_revoked_meanwhile_is_missing_for_the_press_too(app: AppProcesses) -> None:
    user = app.sign_in("cy", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = app.traces
        expire(app, user)
        tab.press("callback")
        assert tab.wait_for_push() == "locked"
        app.revoke(user, "analyst")
        app.resume_session(user)
        with reconnected(app, user, tab) as again:
            assert again.wait_for_push() == "unlocked"
            assert "may=False" in again.read_run()
        assert app.traces == before


@pytest.mark.parametrize("end", ["ended", "blocked"])
def test_an_end_meanwhile_redirects_the_tab_and_the_press_never_runs(app: AppProcesses, end: str) -> None:
    user = app.sign_in(f"di-{end}", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = app.traces
        expire(app, user)
        tab.press("callback")
        assert tab.wait_for_push() == "locked"
        app.remove_access(end, user)
        assert tab.wait_for_push().startswith("/auth/ended")
        assert tab.closed() == 1008
    time.sleep(0.5)
    assert app.traces == before


def test_a_lost_connection_unlocks_no_tab_and_loses_no_press(app: AppProcesses) -> None:
    user = app.sign_in("eve", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = len(app.traces)
        expire(app, user)
        tab.press("callback")
        assert tab.wait_for_push() == "locked"
    with app.tab(user, reattach_to=tab.session_id) as again:
        again.widgets, again.files, again.messages, again.session_id = {}, {}, [], tab.session_id
        assert again.wait_for_push() == "locked"
        assert_no_message(again)
        app.resume_session(user)
        with reconnected(app, user, again) as third:
            assert third.wait_for_push() == "unlocked"
            third.read_run()
        assert app.traces[before:] == ["callback"]


def test_the_cookie_of_an_expired_session_opens_no_page(app: AppProcesses) -> None:
    """A new page, and a claim of a made-up Streamlit session or another user's, are those of an anonymous user."""
    user, other = app.sign_in("fay", "analyst"), app.sign_in("other", "analyst")
    with app.tab(other) as other_tab:
        other_tab.open()
        expire(app, user)
        for claim in (None, "made-up", other_tab.session_id):
            with app.tab(user, reattach_to=claim) as tab:
                assert "may=False" in tab.open()


def test_a_flood_from_a_locked_tab_delays_no_other_tab(app: AppProcesses) -> None:
    user, other = app.sign_in("gus", "analyst"), app.sign_in("hal", "analyst")
    with app.tab(user) as tab, app.tab(other) as other_tab:
        tab.open()
        other_tab.open()
        expire(app, user)
        tab.press("callback")
        assert tab.wait_for_push() == "locked"
        for number in range(500):
            tab.press("function")
            if number == 1:
                tab.wait_until_read()  # one of them, which the page then handles beside the first press
        started = time.monotonic()
        other_tab.press("callback")
        other_tab.read_run()
        assert time.monotonic() - started < 3
        before = len(app.traces)
        app.resume_session(user)
        with reconnected(app, user, tab) as again:
            assert again.wait_for_push() == "unlocked"
            again.read_run()
        assert sorted(set(app.traces[before:])) == ["callback", "function"]
        assert len(app.traces) == before + 2  # one message, with every pressed widget in it


@pytest.mark.parametrize("how", ["resumed", "stepped up"])
@pytest.mark.parametrize("process", [0, 1])
def test_a_socket_of_a_copied_cookie_ends_when_its_owner_signs_in_again(
    app: AppProcesses, how: str, process: int
) -> None:
    """Its waiting message is dropped, the copied cookie opens no socket again, and the owner's tab continues."""
    user = app.sign_in(f"owner-{how}-{process}", "analyst")
    thief = SignedInUser(user.subject, user.ref, dict(user.cookies))
    with app.tab(user) as tab, app.tab(thief, process) as copied:
        tab.open()
        copied.open()
        before = len(app.traces)
        if how == "resumed":
            expire(app, user)
            copied.press("function")
            assert copied.wait_for_push() == "locked"
            tab.press("callback")
            assert tab.wait_for_push() == "locked"
            app.resume_session(user)
        else:
            app.step_up(user)
            copied.press("function")
        assert copied.closed() == 1012
        for _ in range(2):
            with pytest.raises(InvalidStatus, match="503"):  # the owner's cookie may still be on its way
                app.tab(thief, process, reattach_to=copied.session_id)
        with reconnected(app, user, tab) as again:
            if how == "resumed":
                assert again.wait_for_push() == "unlocked"
            assert "may=True" in again.read_run()
            again.press("callback")
            again.read_run()
        assert app.traces[before:] == (["callback"] * (2 if how == "resumed" else 1))


def test_after_a_step_up_a_press_on_an_old_socket_runs_once_on_the_new_one(app: AppProcesses) -> None:
    user = app.sign_in("ivy", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = len(app.traces)
        app.step_up(user)
        tab.press("callback")
        with reconnected(app, user, tab) as again:
            again.read_run()
            assert app.traces[before:] in ([], ["callback"])  # the watcher may have been first
            again.press("function")
            again.read_run()
            assert app.traces[-1:] == ["function"]
