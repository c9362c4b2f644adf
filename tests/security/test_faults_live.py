"""The database away, locked or back again; and time that runs out while a tab stands idle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.live import Live, live

IDLE_SECONDS = 60


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("faults")
    with live(folder, processes=1, GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS)) as made:
        yield made
        assert "never retrieved" not in made.log()
        assert "Traceback" not in made.log()


@contextmanager
def without_database(here: Live) -> Iterator[None]:
    """Every question about a session goes wrong."""
    _rename(here, "sessions", "gone")
    try:
        yield
    finally:
        _rename(here, "gone", "sessions")


def _rename(here: Live, old: str, new: str) -> None:
    with here.database.engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
        connection.commit()


@pytest.mark.parametrize("label", ["callback", "fragment", "function"])
def test_without_the_database_nothing_runs_and_the_page_says_so_and_comes_back(here: Live, label: str) -> None:
    who = here.sign_in(f"ann-{label}", "analyst")
    with here.tab(who) as tab:
        tab.open()
        before = here.traces
        with without_database(here):
            tab.press(label)
            assert tab.wait_for_push() == "/"
            assert tab.closed() == 1008
            page = here.ask("/", who)
            assert page.status_code == 503
            assert 'http-equiv="refresh"' in page.text
            assert here.ask(tab.files["media"], who).status_code == 503
        assert here.traces == before
    assert here.ask("/", who).status_code == 200
    with here.tab(who) as tab:
        assert "may=True" in tab.open()


def test_what_happened_while_the_database_was_away_is_told_when_it_is_back(here: Live) -> None:
    who, other = here.sign_in("bo", "analyst"), here.sign_in("other")
    with here.tab(who) as tab:
        tab.open()
        with without_database(here):
            here.revoke(who, "analyst")
            here.grant(other, "viewer")
            time.sleep(1.2)  # the watcher has seen the counter move, and could not look at the tab
        begun = time.monotonic()
        assert "may=False" in tab.read_run()
        assert time.monotonic() - begun < 2


def test_a_writer_that_holds_the_database_makes_nobody_wait(here: Live) -> None:
    who = here.sign_in("cy", "analyst")
    with here.tab(who) as tab:
        tab.open()
        time.sleep(IDLE_SECONDS / 10 + 0.5)  # so that being here is to be noted
        with here.database.unit_of_work() as unit:
            unit.session_by_ref(who.ref)
            begun = time.monotonic()
            tab.press("callback")
            tab.read_run()
            took = time.monotonic() - begun
        print(f"\na click while another process holds the write lock: {took:.2f} s")
        assert took < 1


def test_an_idle_tab_is_told_when_the_absolute_limit_is_reached(here: Live) -> None:
    who = here.sign_in("di", lasts_seconds=4)
    begun = time.monotonic()
    with here.tab(who) as tab:
        tab.open()
        assert tab.wait_for_push() == "covered"
        assert 3 < time.monotonic() - begun < 6


def test_an_idle_tab_is_told_when_the_idle_limit_is_reached_and_heartbeats_do_not_put_it_off(here: Live) -> None:
    who = here.sign_in("eve")
    here.was_here_last(who, IDLE_SECONDS - 5)
    with here.tab(who) as tab:
        begun = time.monotonic()
        rerun = BackMsg()
        rerun.rerun_script.is_auto_rerun = True
        tab.widgets, tab.files, tab.seen = {}, {}, []
        tab.send(rerun)
        tab.read_run()
        for _ in range(3):
            tab.send(BackMsg(app_heartbeat=True))
            tab.send(rerun)
            tab.read_run()
        assert tab.wait_for_push() == "covered"
        assert 3 < time.monotonic() - begun < 7


def test_a_component_that_asks_for_runs_by_itself_does_not_put_the_idle_limit_off(here: Live) -> None:
    """Its runs look like those of a user: only what our front end reports of the user's input counts."""
    who = here.sign_in("ada")
    here.was_here_last(who, IDLE_SECONDS - 5)
    with here.tab(who) as tab:
        begun = time.monotonic()
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
        assert tab.wait_for_push() == "covered"
        assert 3 < time.monotonic() - begun < 7


def test_a_person_who_works_is_not_idle_in_any_of_their_tabs(here: Live) -> None:
    who = here.sign_in("fay")
    here.was_here_last(who, IDLE_SECONDS - 4)
    with here.tab(who) as tab, here.tab(who) as second:
        second.open()
        tab.open()
        headers = {"Origin": here.base_url, "Content-Type": "application/json"}
        assert here.ask("/auth/active", who, method="POST", headers=headers, data='{"page": "/"}').status_code == 200
        with pytest.raises(TimeoutError):
            second.wait_for_push(6)


def test_an_idle_tab_is_told_when_a_grant_expires(here: Live) -> None:
    who = here.sign_in("gus")
    here.grant(who, "analyst", lasts_seconds=3)
    begun = time.monotonic()
    with here.tab(who) as tab:
        assert "may=True" in tab.open()
        assert "may=False" in tab.read_run()
        assert 2 < time.monotonic() - begun < 5
