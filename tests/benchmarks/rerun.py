"""A rerun of a guarded page, in CPU time of the whole server: real servers, real sockets, measured in turns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import requests

from component.http.cookies import Cookies
from tests.benchmarks import budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.measure import Samples
from tests.benchmarks.rerun_server import ICON, PAGES, SECTIONS, page_file, page_title
from tests.benchmarks.results import Row, Skipped, row
from tests.benchmarks.tab import Tab
from tests.ports import free_port
from tests.stack import ROOT

_PAGE: Final = 3
_PATH: Final = f"page-{_PAGE}"
_SIDES: Final = ("stock", "no-account", "unguarded", "guarded")
_GENERATIONS: Final = 4  # processes of one program differ by some percent
_START_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.005
_SETTLE_SECONDS: Final = 0.1


def guarded(run: BenchmarkRun) -> list[Row]:
    """The product with ten pages, as in production, against the same app unguarded and an empty stock page.

    The unguarded app draws the same: ten pages, logo, title, and an account area with a fixed account. One more side
    omits the account area, which separates its cost from the cost of the guard.
    """
    if not sys.platform.startswith("linux"):
        raise Skipped("another process' CPU time is read by a clock that only Linux has")
    cookie = run.world.sign_in("auth0|rerun", roles=("analyst",)).secret
    _write_scripts(run.folder)
    spent: dict[str, list[float]] = {side: [] for side in _SIDES}
    for _ in range(1 if run.quick else _GENERATIONS):
        _measure(run, cookie, spent)
    samples = Samples(spent)
    note = f"{samples.ratio('guarded', 'no-account').middle:.3g} against the same without the account area"
    return [
        row("rerun", budgets.RERUN, samples, "guarded", "unguarded", note=note),
        row("rerun", budgets.RERUN_STOCK, samples, "guarded", "stock"),
    ]


def _measure(run: BenchmarkRun, secret: str, spent: dict[str, list[float]]) -> None:
    """Start every side, and add the times of its reruns, in turns."""
    rounds, number, warm_up = (2, 2, 5) if run.quick else (10, 10, 30)
    with ExitStack() as stack:
        clocks, tabs = {}, {}
        for side in _SIDES:
            port = free_port()
            base_url = f"{'https' if side == 'guarded' else 'http'}://localhost:{port}"
            environment = _production(run, base_url) if side == "guarded" else {}
            pid = stack.enter_context(_running_server(run.folder, side, _arguments(side, port), port, environment))
            clocks[side] = _cpu_clock_of(pid)
            path = "" if side == "stock" else _PATH
            cookie = f"{Cookies(base_url).session}={secret}" if side == "guarded" else ""
            tabs[side] = stack.enter_context(Tab(port, path, origin=base_url, cookie=cookie))
            _warm_up(side, tabs[side], "" if side == "stock" else page_title(_PAGE), warm_up)
        order = list(_SIDES)
        for _ in range(rounds):
            for side in order:
                spent[side].append(_cpu_seconds(tabs[side], clocks[side], number) / number)
            order.append(order.pop(0))


def _production(run: BenchmarkRun, base_url: str) -> dict[str, str]:
    """The settings of the product in production; a proxy would terminate TLS. No other address is called.

    In development it watches its source files for edits, after every run, which no other side does. Its one person
    reruns faster than the pace of messages allows by default.
    """
    elsewhere = {
        "GATEHOUSE_OIDC_ISSUER": "https://localhost:1/",
        "GATEHOUSE_REMOTE_API_BASE_URL": "https://localhost:1",
    }
    return {
        **run.world.environment(),
        **elsewhere,
        "GATEHOUSE_ENV": "production",
        "GATEHOUSE_APP_BASE_URL": base_url,
        "GATEHOUSE_MESSAGES_PER_SECOND": "1000",
    }


def _arguments(side: str, port: int) -> list[str]:
    """The command line of a side."""
    if side != "stock":
        return ["tests.benchmarks.rerun_server", side, str(port)]
    options = {
        "server.headless": "true",
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    return ["streamlit", "run", "empty.py", *(part for name, value in options.items() for part in (f"--{name}", value))]


def _write_scripts(folder: Path) -> None:
    """Write ten pages with and without a guard, the scripts that register the latter, and an empty script."""
    (folder / "empty.py").write_text("import streamlit as st\n")
    for kind, guard in (
        ("guarded", "from app import access\n\naccess.require_page()\n"),
        ("unguarded", ""),
    ):
        (folder / kind).mkdir(exist_ok=True)
        for number in range(PAGES):
            script = (
                f"import streamlit as st\n\n{guard}st.title({page_title(number)!r})\nst.write('Something to read.')\n"
            )
            (folder / kind / page_file(number)).write_text(script)
    rows = [
        (f"unguarded/{page_file(n)}", f"{ICON} {page_title(n)}", f"page-{n}" if n else "", SECTIONS[n % len(SECTIONS)])
        for n in range(PAGES)
    ]
    register = f"""from datetime import UTC, datetime

import streamlit as st

from app import sidebar
from component.auth0 import Account, auth0

UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
pages = {{}}
for file, title, path, section in {rows!r}:
    page = st.Page(file, title=title, url_path=path, default=not path)
    pages.setdefault(section, []).append(page)
chosen = st.navigation(pages)
sidebar.brand()
st.set_page_config(page_title="Gatehouse", page_icon="🏛️")
"""
    account = """with st.sidebar:
    auth0(key="account", account=Account("Ann Example", "AE", "", ("analyst",), UNTIL))
"""
    (folder / "unguarded.py").write_text(f"{register}{account}chosen.run()\n")
    (folder / "no-account.py").write_text(f"{register}chosen.run()\n")


def _warm_up(side: str, tab: Tab, shown: str, times: int) -> None:
    """Some reruns; raises unless the page is rendered."""
    text = b"".join(message.SerializeToString() for _ in range(times) for message in tab.rerun())
    if shown.encode() not in text or b"No access" in text or b"exception" in text:
        msg = f"{side} did not show its page: {text[-2000:]!r}"
        raise RuntimeError(msg)


def _cpu_seconds(tab: Tab, clock: int, number: int) -> float:
    """CPU seconds of the server for a number of reruns, including its work after the response."""
    started = time.clock_gettime(clock)
    for _ in range(number):
        tab.rerun()
        time.sleep(_PAUSE_SECONDS)
    time.sleep(_SETTLE_SECONDS)
    return time.clock_gettime(clock) - started


def _cpu_clock_of(pid: int) -> int:
    """The clock of a process' CPU time, its threads included: ``clock_getcpuclockid(3)`` of Linux."""
    return (~pid << 3) | 2


@contextmanager
def _running_server(
    folder: Path, name: str, arguments: list[str], port: int, settings: Mapping[str, str]
) -> Iterator[int]:
    """One server process; its id."""
    environ = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "TMPDIR"}}
    log = folder / f"rerun-{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env={**environ, **settings, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=out,
        )
    try:
        _wait(process, f"http://localhost:{port}/_stcore/health", log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass  # not up yet
        time.sleep(0.1)
    msg = f"{url} does not answer:\n{log.read_text(errors='replace')[-4000:]}"
    raise RuntimeError(msg)
