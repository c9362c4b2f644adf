"""The database unavailable, locked, or available again; and lifetimes that end while a tab is idle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.app_processes import AppProcesses, app_processes

IDLE_SECONDS = 60


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    folder = tmp_path_factory.mktemp("faults")
    with app_processes(folder, processes=1, GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS)) as started:
        yield started
        assert "never retrieved" not in started.log()
        assert "Traceback" not in started.log()


@contextmanager
def without_database(app: AppProcesses) -> Iterator[None]:
    """Every query of a session fails."""
    _rename(app, "sessions", "gone")
    try:
        yield
    finally:
        _rename(app, "gone", "sessions")


def _rename(app: AppProcesses, old: str, new: str) -> None:
    with app.database.engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
        connection.commit()


@pytest.mark.parametrize("label", ["callback", "fragment", "function"])
def test_without_the_database_nothing_runs_and_the_page_reports_the_outage(app: AppProcesses, label: str) -> None:
    user = app.sign_in(f"ann-{label}", "analyst")
    with app.tab(user) as tab:
        tab.open()
        before = app.traces
        with without_database(app):
            tab.press(label)
            assert tab.wait_for_push() == "/"
            assert tab.closed() == 1008
            page = app.request("/", user)
            assert page.status_code == 503
            assert 'http-equiv="refresh"' in page.text
            assert app.request(tab.files["media"], user).status_code == 503
        assert app.traces == before
    assert app.request("/", user).status_code == 200
    with app.tab(user) as tab:
        assert "may=True" in tab.open()


def test_a_change_during_an_outage_of_the_database_reaches_tabs_after_it(app: AppProcesses) -> None:
    user, other = app.sign_in("bo", "analyst"), app.sign_in("other")
    with app.tab(user) as tab:
        tab.open()
        with without_database(app):
            app.revoke(user, "analyst")
            app.grant(other, "viewer")
            time.sleep(1.2)  # the watcher noticed the changed counter, and could not check the tab
        started = time.monotonic()
        assert "may=False" in tab.read_run()
        assert time.monotonic() - started < 2


def test_a_click_does_not_wait_for_a_long_write_transaction(app: AppProcesses) -> None:
    user = app.sign_in("cy", "analyst")
    with app.tab(user) as tab:
        tab.open()
        app.backdate_activity(user, IDLE_SECONDS / 10 + 0.5)  # so that activity is due to be recorded
        with app.database.unit_of_work() as unit:
            unit.session_by_ref(user.ref)
            started = time.monotonic()
            tab.press("callback")
            tab.read_run()
            seconds = time.monotonic() - started
        print(f"\na click while another process holds the write lock: {seconds:.2f} s")
        assert seconds < 1


def test_an_idle_tab_is_locked_at_the_absolute_lifetime(app: AppProcesses) -> None:
    user = app.sign_in("di", lasts_seconds=4)
    started = time.monotonic()
    with app.tab(user) as tab:
        tab.open()
        assert tab.wait_for_push() == "locked"
        assert 3 < time.monotonic() - started < 6


def test_an_idle_tab_is_locked_at_the_idle_lifetime_and_heartbeats_do_not_extend_it(app: AppProcesses) -> None:
    user = app.sign_in("eve")
    app.backdate_activity(user, IDLE_SECONDS - 5)
    with app.tab(user) as tab:
        started = time.monotonic()
        rerun = BackMsg()
        rerun.rerun_script.is_auto_rerun = True
        tab.widgets, tab.files, tab.messages = {}, {}, []
        tab.send(rerun)
        tab.read_run()
        for _ in range(3):
            tab.send(BackMsg(app_heartbeat=True))
            tab.send(rerun)
            tab.read_run()
        assert tab.wait_for_push() == "locked"
        assert 3 < time.monotonic() - started < 7


def test_a_component_that_requests_runs_by_itself_does_not_extend_the_idle_lifetime(app: AppProcesses) -> None:
    """Its runs look like those of a user: only user input that our front end reports is activity."""
    user = app.sign_in("ada")
    app.backdate_activity(user, IDLE_SECONDS - 5)
    with app.tab(user) as tab:
        started = time.monotonic()
        tab.open()
        for number in range(3):
            rerun = BackMsg()
            rerun.rerun_script.query_string = f"refreshed={number}"
            value = rerun.rerun_script.widget_states.widgets.add()
            value.id, value.json_value = "$$ID-autorefresh-refresh", str(number)
            tab.send(rerun)
            tab.read_run()
            tab.press("callback")
            tab.read_run()
        assert tab.wait_for_push() == "locked"
        assert 3 < time.monotonic() - started < 7


def test_an_active_user_is_idle_in_no_tab(app: AppProcesses) -> None:
    user = app.sign_in("fay")
    app.backdate_activity(user, IDLE_SECONDS - 4)
    with app.tab(user) as tab, app.tab(user) as second:
        second.open()
        tab.open()
        headers = {"Origin": app.base_url, "Content-Type": "application/json"}
        assert (
            app.request("/auth/active", user, method="POST", headers=headers, data='{"page": "/"}').status_code == 200
        )
        with pytest.raises(TimeoutError):
            second.wait_for_push(6)


def test_an_idle_tab_is_rendered_again_when_a_grant_expires(app: AppProcesses) -> None:
    user = app.sign_in("gus")
    app.grant(user, "analyst", lasts_seconds=3)
    started = time.monotonic()
    with app.tab(user) as tab:
        assert "may=True" in tab.open()
        assert "may=False" in tab.read_run()
        assert 2 < time.monotonic() - started < 5
