"""A right that was taken away is gone now: on the next message of a busy tab, and soon on an idle one, everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.core.clock import utc_now
from app.core.records import EndReason
from tests.security.live import Live, live


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live")) as made:
        yield made


def test_presses_work_and_leave_their_traces(here: Live) -> None:
    who = here.sign_in("ann", "analyst")
    with here.tab(who) as tab:
        assert tab.open() == ["may=True", "who=ann"]
        before = len(here.traces)
        for label in ("callback", "fragment", "function"):
            tab.press(label)
            tab.read_run()
        assert here.traces[before:] == ["callback", "fragment", "function"]


@pytest.mark.parametrize("label", ["callback", "fragment", "function"])
def test_after_a_role_is_removed_the_next_press_runs_only_the_gate(here: Live, label: str) -> None:
    who = here.sign_in(f"bo-{label}", "analyst")
    with here.tab(who) as tab:
        tab.open()
        before = here.traces
        here.revoke(who, "analyst")
        tab.press(label)
        assert tab.read_run()[-2:] == ["may=False", f"who=bo-{label}"]
        assert here.traces == before


@pytest.mark.parametrize("label", ["callback", "fragment", "function"])
def test_after_the_session_ended_a_press_runs_nothing(here: Live, label: str) -> None:
    who = here.sign_in(f"cy-{label}", "analyst")
    with here.tab(who) as tab:
        tab.open()
        before = here.traces
        with here.database.unit_of_work() as unit:
            unit.end_session(who.ref, EndReason.ENDED_BY_ADMIN, utc_now())
            unit.commit()
        tab.press(label)
        assert tab.wait_for_push() == "/auth/ended?return_to=%2F"
        assert tab.closed() == 1008
        assert here.traces == before


def test_an_idle_tab_is_told_of_a_lost_role_a_gained_role_and_the_end(here: Live) -> None:
    who = here.sign_in("di", "analyst")
    with here.tab(who, 1) as tab:
        tab.open()
        here.revoke(who, "analyst")
        begun = time.monotonic()
        assert tab.wait_for_push() == ""
        print(f"lost role: told after {time.monotonic() - begun:.2f} s")
        here.grant(who, "analyst")
        assert tab.wait_for_push() == ""
        with here.database.unit_of_work() as unit:
            unit.end_session(who.ref, EndReason.ENDED_BY_ADMIN, utc_now())
            unit.commit()
        begun = time.monotonic()
        assert tab.wait_for_push().startswith("/auth/ended")
        print(f"ended: told after {time.monotonic() - begun:.2f} s")
