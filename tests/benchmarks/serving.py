"""The complete protected endpoint under gunicorn, called by wrk; both sides run, and are called in turns."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import requests

from app.core.tokens.hashes import token_hash
from tests.benchmarks import budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.endpoint import PATH
from tests.benchmarks.measure import Samples
from tests.benchmarks.results import Row, Skipped, row
from tests.ports import free_port
from tests.stack import ROOT

_THREADS: Final = 4
_CONNECTIONS: Final = 4
_START_SECONDS: Final = 30.0
_RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
_FAILED: Final = re.compile(r"Non-2xx or 3xx responses:|Socket errors:")


def under_gunicorn(run: BenchmarkRun) -> list[Row]:
    """Requests a second of the product's endpoint against the plain route with one raw read."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise Skipped("wrk is not installed here")
    world = run.world
    person = world.sign_in("auth0|served", roles=("developer",))
    ports = {"baseline": free_port(), "ours": free_port()}
    shared = world.environment()
    settings = {
        "baseline": {"BENCH_FILE": str(world.file), "BENCH_TOKEN_HASH": token_hash(person.token).hex()},
        "ours": {**shared, "GATEHOUSE_REMOTE_API_BASE_URL": f"http://127.0.0.1:{ports['ours']}"},
    }
    programs = {"baseline": "tests.benchmarks.baselines:served()", "ours": "remote_api.wsgi:application"}
    rounds, seconds = (2, 1) if run.quick else (9, 3)
    rates: dict[str, list[float]] = {side: [] for side in programs}
    with ExitStack() as stack:
        for side, program in programs.items():
            stack.enter_context(_running_server(run.folder, side, program, ports[side], settings[side], person.token))
        order = list(programs)
        for side in order:
            _rate(wrk, ports[side], person.token, 1)
        for _ in range(rounds):
            for side in order:
                rates[side].append(_rate(wrk, ports[side], person.token, seconds))
            order.reverse()
    note = f"one worker, {_THREADS} threads, {_CONNECTIONS} connections kept alive, {seconds} s a round"
    return [
        row(
            "endpoint-served", budgets.ENDPOINT_SERVED, Samples(rates), "ours", "baseline", unit="requests/s", note=note
        )
    ]


def _rate(wrk: str, port: int, token: str, seconds: int) -> float:
    command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}"]
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{PATH}"], capture_output=True, text=True, timeout=seconds + 30, check=True
    ).stdout
    rate = _RATE.search(output)
    if rate is None or _FAILED.search(output):
        raise RuntimeError(output)
    return float(rate[1])


@contextmanager
def _running_server(
    folder: Path, name: str, program: str, port: int, settings: Mapping[str, str], token: str
) -> Iterator[None]:
    """Run one gunicorn for ``program``; the block starts when it answers."""
    environ = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "TMPDIR"}}
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread"]
    options += ["--threads", str(_THREADS), "--keep-alive", "30", "--no-control-socket", program]
    log = folder / f"gunicorn-{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options],
            cwd=folder,
            env={**environ, **settings, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=out,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}{PATH}", token, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, token: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    failure = "no answer"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=5)
        except requests.RequestException:
            time.sleep(0.05)
            continue
        if answer.ok:
            return
        failure = f"{answer.status_code} {answer.text}"
        break
    msg = f"{url}: {failure}\n{log.read_text(errors='replace')[-4000:]}"
    raise RuntimeError(msg)
