"""A session that expires in the middle of work, by raw sockets and in two processes: covered, and gone on with once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from tests.security.live import Live, Someone, Tab, live

IDLE_SECONDS = 600


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("expired"), GATEHOUSE_SESSION_IDLE_SECONDS=str(IDLE_SECONDS)) as made:
        yield made
        for process in range(2):
            assert "never retrieved" not in made.log(process)
            assert "Traceback" not in made.log(process)


def expire(here: Live, who: Someone) -> None:
    here.was_here_last(who, IDLE_SECONDS + 1)


def silent(tab: Tab, seconds: float = 1.5) -> None:
    """Nothing at all comes."""
    try:
        came = tab.receive(seconds)
    except TimeoutError:
        return
    raise AssertionError(came)


def reconnected(here: Live, who: Someone, tab: Tab, process: int = 0) -> Tab:
    """The same browser's next socket, as it opens it by itself when the server has closed the one before."""
    assert tab.closed() == 1012
    again = here.tab(who, process, reattach_to=tab.session_id)
    again.widgets, again.files, again.seen = tab.widgets, tab.files, []
    return again


def test_a_press_that_came_too_late_runs_once_and_only_after_the_revival(here: Live) -> None:
    who = here.sign_in("ann", "analyst")
    with here.tab(who) as tab, here.tab(who, 1) as second:
        tab.open()
        second.open()
        before = len(here.traces)
        expire(here, who)
        tab.press("callback")
        assert tab.wait_for_push() == "covered"
        second.press("function")  # the tab in the other process holds its own
        assert second.wait_for_push() == "covered"
        silent(tab)
        assert here.traces[before:] == []
        begun = time.monotonic()
        here.revive(who)
        with reconnected(here, who, tab) as tab, reconnected(here, who, second, 1) as second:  # noqa: PLW2901
            for one in (tab, second):
                assert one.wait_for_push() == "uncovered"
            print(f"\nuncovered in two processes {time.monotonic() - begun:.2f} s after the revival")
            tab.read_run()
            second.read_run()
            assert sorted(here.traces[before:]) == ["callback", "function"]
            tab.press("callback")
            tab.read_run()
            assert here.traces[before + 2 :] == ["callback"]


def test_nothing_that_a_covered_tab_sends_runs_and_its_files_are_closed(here: Live) -> None:
    who = here.sign_in("bo", "analyst")
    with here.tab(who) as tab:
        tab.open()
        assert here.ask(tab.files["media"], who).status_code == 200
        before = here.traces
        expire(here, who)
        assert here.ask(tab.files["media"], who).status_code == 404
        tab.press("callback")
        assert tab.wait_for_push() == "covered"
        tab.press("function")
        tab.press("fragment")
        silent(tab)
        assert here.traces == before
        assert here.ask(tab.files["media"], who).status_code == 404
        old = dict(who.cookies)
        here.revive(who)
        with reconnected(here, who, tab) as again:
            assert again.wait_for_push() == "uncovered"
            again.read_run()
        assert here.ask(tab.files["media"], who).status_code == 200
        who.cookies = old
        assert here.ask(tab.files["media"], who).status_code == 404  # the old cookie is worth nothing


def test_a_right_lost_meanwhile_is_lost_for_the_press_too(here: Live) -> None:
    who = here.sign_in("cy", "analyst")
    with here.tab(who) as tab:
        tab.open()
        before = here.traces
        expire(here, who)
        tab.press("callback")
        assert tab.wait_for_push() == "covered"
        here.revoke(who, "analyst")
        here.revive(who)
        with reconnected(here, who, tab) as again:
            assert again.wait_for_push() == "uncovered"
            assert "may=False" in again.read_run()
        assert here.traces == before


@pytest.mark.parametrize("end", ["ended", "blocked"])
def test_an_end_meanwhile_leaves_the_page_and_the_press_never_runs(here: Live, end: str) -> None:
    who = here.sign_in(f"di-{end}", "analyst")
    with here.tab(who) as tab:
        tab.open()
        before = here.traces
        expire(here, who)
        tab.press("callback")
        assert tab.wait_for_push() == "covered"
        here.take(end, who)
        assert tab.wait_for_push().startswith("/auth/ended")
        assert tab.closed() == 1008
    time.sleep(0.5)
    assert here.traces == before


def test_a_lost_connection_uncovers_nothing_and_loses_nothing(here: Live) -> None:
    who = here.sign_in("eve", "analyst")
    with here.tab(who) as tab:
        tab.open()
        before = len(here.traces)
        expire(here, who)
        tab.press("callback")
        assert tab.wait_for_push() == "covered"
    with here.tab(who, reattach_to=tab.session_id) as again:
        again.widgets, again.files, again.seen, again.session_id = {}, {}, [], tab.session_id
        assert again.wait_for_push() == "covered"
        silent(again)
        here.revive(who)
        with reconnected(here, who, again) as third:
            assert third.wait_for_push() == "uncovered"
            third.read_run()
        assert here.traces[before:] == ["callback"]


def test_with_its_cookie_alone_an_expired_session_shows_nothing(here: Live) -> None:
    """A page that is opened anew, a Streamlit session that is made up or another's: nobody is there."""
    who, other = here.sign_in("fay", "analyst"), here.sign_in("other", "analyst")
    with here.tab(other) as theirs:
        theirs.open()
        expire(here, who)
        for claim in (None, "made-up", theirs.session_id):
            with here.tab(who, reattach_to=claim) as tab:
                assert "may=False" in tab.open()


def test_a_flood_from_a_covered_tab_costs_nobody_anything(here: Live) -> None:
    who, other = here.sign_in("gus", "analyst"), here.sign_in("hal", "analyst")
    with here.tab(who) as tab, here.tab(other) as theirs:
        tab.open()
        theirs.open()
        expire(here, who)
        tab.press("callback")
        assert tab.wait_for_push() == "covered"
        for _ in range(500):
            tab.press("function")
        begun = time.monotonic()
        theirs.press("callback")
        theirs.read_run()
        assert time.monotonic() - begun < 3
        before = len(here.traces)
        here.revive(who)
        with reconnected(here, who, tab) as again:
            assert again.wait_for_push() == "uncovered"
            again.read_run()
        assert sorted(set(here.traces[before:])) == ["callback", "function"]
        assert len(here.traces) == before + 2  # one message, with what was pressed in it


@pytest.mark.parametrize("how", ["revived", "stepped up"])
@pytest.mark.parametrize("process", [0, 1])
def test_a_socket_of_a_copied_cookie_ends_when_its_owner_signs_in_again(here: Live, how: str, process: int) -> None:
    """Whatever waited there is gone with it; the copied cookie opens nothing again, and the owner's tab goes on."""
    who = here.sign_in(f"owner-{how}-{process}", "analyst")
    thief = Someone(who.subject, who.ref, dict(who.cookies))
    with here.tab(who) as tab, here.tab(thief, process) as copied:
        tab.open()
        copied.open()
        before = len(here.traces)
        if how == "revived":
            expire(here, who)
            copied.press("function")
            assert copied.wait_for_push() == "covered"
            tab.press("callback")
            assert tab.wait_for_push() == "covered"
            here.revive(who)
        else:
            here.step_up(who)
            copied.press("function")
        assert copied.closed() == 1012
        for _ in range(2):
            with pytest.raises(InvalidStatus, match="503"):  # the owner's cookie may still be on its way
                here.tab(thief, process, reattach_to=copied.session_id)
        with reconnected(here, who, tab) as again:
            if how == "revived":
                assert again.wait_for_push() == "uncovered"
            assert "may=True" in again.read_run()
            again.press("callback")
            again.read_run()
        assert here.traces[before:] == (["callback"] * (2 if how == "revived" else 1))


def test_after_a_step_up_a_press_on_an_old_socket_runs_once_on_the_new_one(here: Live) -> None:
    who = here.sign_in("ivy", "analyst")
    with here.tab(who) as tab:
        tab.open()
        before = len(here.traces)
        here.step_up(who)
        tab.press("callback")
        with reconnected(here, who, tab) as again:
            again.read_run()
            assert here.traces[before:] in ([], ["callback"])  # the watcher may have been first
            again.press("function")
            again.read_run()
            assert here.traces[-1:] == ["function"]
