"""Three hundred idle tabs at one process: the cost of the watcher, the time to notify all, the size of a session."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.core.clock import utc_now
from app.core.records import EndReason
from tests.raw_socket import RawSocket
from tests.security.app_modes import running_apps
from tests.security.app_processes import AppProcesses, app_processes
from tests.security.socket_tab import SocketTab

SOCKETS = 300
WEIGHED = 150
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
SCRIPT = "import streamlit as st\nst.markdown('draft=nothing')\nst.markdown('user={}')\nst.markdown('cookies={}')\n"


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """The resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("many"), processes=1, script=SCRIPT, UNEDITED="1") as made:
        yield made


def test_three_hundred_idle_tabs_cost_little_and_are_notified_at_once(app: AppProcesses) -> None:
    pid = app.processes[0].pid
    people = [app.sign_in(f"person {number}") for number in range(SOCKETS)]
    with ExitStack() as stack, ThreadPoolExecutor(SOCKETS) as pool:
        tabs = [stack.enter_context(app.tab(user)) for user in people]
        for tab in tabs:
            tab.open()
        time.sleep(2)
        used = cpu_seconds(pid)
        time.sleep(4)
        share = (cpu_seconds(pid) - used) / 4
        print(f"\n{SOCKETS} idle signed-in tabs: {share:.1%} of a core")

        def response(tab: SocketTab) -> float:
            assert tab.wait_for_push(20).startswith("/auth/ended")
            return time.monotonic()

        waiting = [pool.submit(response, tab) for tab in tabs]
        with app.database.unit_of_work() as unit:
            for user in people:
                unit.end_session(user.ref, EndReason.ENDED_BY_ADMIN, utc_now())
            unit.commit()
        started = time.monotonic()
        seconds = sorted(each.result() - started for each in waiting)
    print(f"all {SOCKETS} ended: notified after {seconds[SOCKETS // 2]:.2f} s (median), {seconds[-1]:.2f} s (last)")
    assert share < 0.10
    assert seconds[-1] < 2


def _grown(pid: int, open_one: Callable[[], RawSocket]) -> float:
    """MB of memory of one more idle tab, measured over many tabs, after the process has served others."""
    gc.collect()
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(open_one()).rerun()
        time.sleep(1)
        before = resident_bytes(pid)
        for _ in range(WEIGHED):
            stack.enter_context(open_one()).rerun()
        time.sleep(1)
        return (resident_bytes(pid) - before) / WEIGHED / 1e6


def test_an_idle_signed_in_session_weighs_little_more_than_streamlits_own(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running_apps(tmp_path_factory.mktemp("weigh"), modes=("guarded", "no-middleware")) as apps:
        plain, guarded = apps("no-middleware"), apps("guarded")
        people = iter([guarded.sign_in(f"person {number}") for number in range(WEIGHED + 20)])
        stock = _grown(plain.pid, lambda: plain.socket(None))
        own = _grown(guarded.pid, lambda: guarded.socket(next(people)))
    print(f"\nan idle tab weighs {stock:.3f} MB plain, {own:.3f} MB signed in: {own - stock:+.3f} MB")
    assert own - stock <= 0.1
