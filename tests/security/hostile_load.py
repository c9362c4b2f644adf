"""Honest tabs beside hostile sockets: how much longer a rerun takes, and how much more memory the process has.

``python -m tests.security.hostile_load``: eight sockets, half of them anonymous, each from an address of its own, and
half of a person without a role, send the worst messages there are at 2 MB/s each (``hostile_attack``): messages that
are too long, the longest that are allowed, and very many short ones. Meanwhile twenty tabs of people work, and an
anonymous visitor at another address. Loopback only (Linux, where all of 127.0.0.0/8 is), bounded in time, and in bytes
by that. What the server refused is asserted in ``test_hostile_load.py``; the figures are for a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.security.app_processes import AppProcesses, app_processes
from tests.security.hostile_attack import MB, SOCKETS, attacks, longest
from tests.security.socket_tab import SocketTab
from tests.stack import ROOT

HONEST = 20
MAX_MEDIAN_RATIO = 1.5
MAX_P99_RATIO = 3.0
MAX_GROWN = 100 * MB
"""How much more memory the process may have, at any moment of the attack."""
AS_DEPLOYED = {"UNEDITED": "1", "MALLOC_ARENA_MAX": "2"}
"""No file of the app is edited, and memory is kept as ``deploy/gatehouse-app.service`` says."""
VISITOR = "127.0.0.200"
"""The address of an honest anonymous visitor."""


@dataclass(frozen=True)
class Figures:
    """The times of honest reruns, in milliseconds."""

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> Figures:
        """The figures of single times."""
        return cls(statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=100)[98] * 1000)


def work(tabs: list[SocketTab], seconds: float, every_seconds: float, *, seed: str) -> list[float]:
    """Press in each tab at times of its own; → the seconds that each press took.

    The times are fixed beforehand, as those of people are: tabs that paused after each answer would all be answered at
    once after one that kept them waiting, and from then on wait for each other. They are half a period to one and a
    half apart, at random, the same in each run: with an exact period they would meet what else has one, or never.
    """
    start = time.monotonic()

    def press_all(number: int, tab: SocketTab) -> list[float]:
        times = []
        apart = random.Random(f"{seed} {number}")  # noqa: S311 - times, no secret
        due = start + every_seconds * apart.random()
        while due < start + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            started = time.monotonic()
            tab.press("callback")
            tab.read_run(120)
            times.append(time.monotonic() - started)
            while due < time.monotonic():
                due += every_seconds * apart.uniform(0.5, 1.5)
        return times

    with ThreadPoolExecutor(len(tabs)) as pool:
        return [each for times in pool.map(press_all, range(len(tabs)), tabs) for each in times]


def resident_bytes(app: AppProcesses) -> int:
    """The resident memory of the process."""
    pages = int(Path(f"/proc/{app.processes[0].pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def highest(app: AppProcesses) -> Iterator[list[int]]:
    """The maximum of the resident memory while the block runs, as the one item of a list."""
    maximum, over = [resident_bytes(app)], threading.Event()

    def sample() -> None:
        while not over.wait(0.05):
            maximum[0] = max(maximum[0], resident_bytes(app))

    sampling = threading.Thread(target=sample, daemon=True)
    sampling.start()
    try:
        yield maximum
    finally:
        over.set()
        sampling.join(5)


@dataclass(frozen=True)
class Measured:
    """Honest reruns without the attack and with it, by how many bytes the process grew, and how sockets ended."""

    quiet: Figures
    attacked: Figures
    grown: int
    ended: Counter[str]
    sent: int
    """How many bytes the attack has sent."""
    visitor: tuple[Figures, Figures]
    """The reruns of the anonymous visitor, without the attack and with it."""


def work_of_all(tabs: list[SocketTab], visitor: SocketTab, seconds: float) -> tuple[Figures, Figures]:
    """The reruns of the honest tabs, and those of the visitor."""
    with ThreadPoolExecutor(1) as beside:
        visited = beside.submit(work, [visitor], seconds, 1.0, seed="visitor")
        return Figures.of(work(tabs, seconds, 1.0, seed="honest")), Figures.of(visited.result())


def measure(
    app: AppProcesses,
    seconds: float,
    *,
    honest: int = HONEST,
    size: int = 8 * MB,
    only: Sequence[str] = (),
    log: Callable[[str], None] = print,
) -> Measured:
    """Let honest tabs work, first alone and then beside the attack (``only`` limits its kinds of messages)."""
    with ExitStack() as stack:
        tabs = [stack.enter_context(app.tab(app.sign_in(f"honest {number}"))) for number in range(honest)]
        visitor = stack.enter_context(app.tab(None, source=VISITOR))
        for tab in [*tabs, visitor]:
            tab.open()
        quiet, visitor_quiet = work_of_all(tabs, visitor, seconds)
        before = resident_bytes(app)
        with highest(app) as limit:
            command = [sys.executable, "-m", "tests.security.hostile_attack"]
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            ) as hostile:
                assert hostile.stdin is not None
                assert hostile.stdout is not None
                cookies = app.sign_in("hostile").cookies
                request = {"port": app.ports[0], "cookies": cookies, "size": size, "only": list(only)}
                hostile.stdin.write(json.dumps(request) + "\n")
                hostile.stdin.flush()
                hostile.stdout.readline()  # the attack has started
                attacked, visitor_attacked = work_of_all(tabs, visitor, seconds)
                hostile.stdin.close()
                summary = json.loads(hostile.stdout.read())
    measured = Measured(
        quiet,
        attacked,
        limit[0] - before,
        Counter[str](summary["ended"]),
        summary["sent"],
        (visitor_quiet, visitor_attacked),
    )
    log(f"{SOCKETS} hostile sockets sent {measured.sent / MB:.0f} MB in {seconds:.0f} s")
    report(measured, honest, before, log)
    return measured


def report(measured: Measured, honest: int, before: int, log: Callable[[str], None]) -> None:
    """Print the figures."""
    for name, count in sorted(measured.ended.items()):
        log(f"  {count:4} times {name}")
    for owner, quiet, attacked in (
        (f"one of {honest} honest tabs", measured.quiet, measured.attacked),
        ("an anonymous visitor", *measured.visitor),
    ):
        log(f"a rerun of {owner}, in ms:")
        log(f"  median {quiet.median:.1f}, p99 {quiet.p99:.1f} without them")
        log(f"  median {attacked.median:.1f}, p99 {attacked.p99:.1f} beside them")
    log(
        f"ratios of honest tabs: median {measured.attacked.median / measured.quiet.median:.2f} (≤ {MAX_MEDIAN_RATIO}), "
        f"p99 {measured.attacked.p99 / measured.quiet.p99:.2f} (≤ {MAX_P99_RATIO})"
    )
    log(f"memory: {before / MB:.0f} MB, at most {measured.grown / MB:+.0f} MB meanwhile (≤ {MAX_GROWN / MB:.0f})")


def main() -> int:
    """Measure and print; 1 when a ratio, or the growth of the process, is above what is allowed."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument(
        "--seconds", type=float, default=60.0, help="of each part; a tab presses once a second (default: %(default)s)"
    )
    options.add_argument("--only", action="append", default=[], choices=[*longest(MB), *attacks(MB)], help="of a kind")
    arguments = options.parse_args()
    seconds = min(arguments.seconds, 600.0)
    with tempfile.TemporaryDirectory() as folder, app_processes(Path(folder), processes=1, **AS_DEPLOYED) as app:
        measured = measure(app, seconds, only=arguments.only)
    median, p99 = measured.attacked.median / measured.quiet.median, measured.attacked.p99 / measured.quiet.p99
    print(json.dumps({"median": median, "p99": p99, "grown": measured.grown}))
    return 0 if median <= MAX_MEDIAN_RATIO and p99 <= MAX_P99_RATIO and measured.grown <= MAX_GROWN else 1


if __name__ == "__main__":
    raise SystemExit(main())
