"""Honest tabs beside hostile sockets: how much longer a rerun takes, and how much more memory the process has.

``python -m tests.security.hostile_load``: eight sockets, half of them anonymous, each from an address of its own, and
half of a person without a role, send the worst messages there are at 2 MB/s each: messages that are too long, the
longest that are allowed, and very many short ones. Meanwhile twenty tabs of people work, and an anonymous visitor at
another address. The sockets are of a process of their own (``--attack``), so that honest tabs wait for the server and
not for the Python of the attack. Loopback only (Linux, where all of 127.0.0.0/8 is), bounded in time, and in bytes by
that. What the server refused is asserted in ``test_hostile_load.py``; the figures are for a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.live import Live, Tab, live
from tests.stack import ROOT

MB = 1024 * 1024
BYTES_PER_SECOND = 2 * MB
SOCKETS = 8
HONEST = 20
MAX_MEDIAN_RATIO = 1.5
MAX_P99_RATIO = 3.0
MAX_GROWN = 100 * MB
"""How much more memory the process may have, at any moment of the attack."""
LONGEST, LONGEST_ANONYMOUS = 4 * MB, MB // 4
"""How long a message may be, by the settings that are given none."""
VISITOR = "127.0.0.200"
"""The address of an honest anonymous visitor."""


def rerun(**widget: str | bytes) -> bytes:
    """A rerun with one widget of this value."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    for kind, value in widget.items():
        setattr(message.rerun_script.widget_states.widgets.add(id="$$ID-1-x"), kind, value)
    return message.SerializeToString()


def very_many(count: int) -> bytes:
    """A rerun with so many widgets."""
    message = BackMsg()
    for number in range(count):
        message.rerun_script.widget_states.widgets.add(id=f"{number}")
    return message.SerializeToString()


def frame(payload: bytes, *, opcode: int = 2, final: bool = True) -> bytes:
    """A frame masked with zeros (RFC 6455 §5.2)."""
    head = bytes([opcode | (0x80 if final else 0)])
    if len(payload) < 126:
        return head + bytes([0x80 | len(payload)]) + bytes(4) + payload
    return head + b"\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload


def attacks(size: int) -> dict[str, bytes]:
    """Name → what a socket sends again and again; the long ones are about ``size`` bytes."""
    return {
        "deep JSON": frame(rerun(json_value="[" * size)),
        "arrays": frame(rerun(json_value="[" + "[]," * (size // 3) + "[]]")),
        "quotes and escapes": frame(rerun(json_value='"' + '\\"' * (size // 2) + '"')),
        "costly but allowed JSON": frame(rerun(json_trigger_value="[" + "1e1," * 40_000 + "1]")),
        "very many widgets": frame(very_many(size // 8)),
        "small reruns": frame(rerun()),
        "pings": frame(b"x" * 100, opcode=9),
        "an unfinished message": frame(b"x" * size, final=False),
        "fragments": frame(b"", final=False) + frame(b"", opcode=0, final=False) * 2000,
        "too long a message": frame(b"x" * (32 * MB)),
    }


def longest(size: int) -> dict[str, bytes]:
    """The same of messages that are as long as they may be, of ``size`` bytes. What is whole waits for its pace."""
    size -= 200  # for what is around the value
    return {
        "a long text": frame(rerun(string_value="x" * size)),
        "long deep JSON": frame(rerun(json_value="[" * size)),
        "long arrays": frame(rerun(json_value="[" + "[]," * (size // 3 - 2) + "[]]")),
        "long quotes and escapes": frame(rerun(json_trigger_value='"' + '\\"' * (size // 2 - 1) + '"')),
        "long arrays in a text": frame(rerun(string_value="[" + "[]," * (size // 3 - 2) + "[]]")),
        "long arrays in bytes": frame(rerun(bytes_value=("[" + "[]," * (size // 6 - 4) + "[]]").encode("utf-16"))),
    }


@dataclass
class Attack:
    """One hostile socket, which connects again whenever it is closed. ``ended``: how the server ended it, how often."""

    port: int
    cookies: dict[str, str]
    source: str
    """The address it comes from."""
    payloads: Iterator[tuple[str, bytes]]
    stop: threading.Event
    ended: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    def run(self) -> None:
        """Attack until told to stop."""
        while not self.stop.is_set():
            name, payload = next(self.payloads)
            with suppress(OSError):
                self._one(name, payload)
            self.stop.wait(0.05)

    def _one(self, name: str, payload: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.port), 5, (self.source, 0)) as raw:
            raw.sendall(
                (
                    f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
                    f"Origin: http://127.0.0.1:{self.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    f"Cookie: {'; '.join(f'{key}={value}' for key, value in self.cookies.items())}\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                    "Sec-WebSocket-Protocol: streamlit\r\n\r\n"
                ).encode()
            )
            if b" 101 " not in raw.recv(4096):
                self.ended["refused"] += 1
                return
            reader = threading.Thread(target=self._drain, args=(raw, name), daemon=True)
            reader.start()
            end = time.monotonic() + 3
            with suppress(OSError):
                while not self.stop.is_set() and time.monotonic() < end and reader.is_alive():
                    self._send(raw, payload)
            raw.shutdown(socket.SHUT_RDWR)
            reader.join(5)

    def _send(self, raw: socket.socket, payload: bytes) -> None:
        """One payload, no faster than ``BYTES_PER_SECOND``."""
        repeated = payload * max(1, 32_768 // len(payload))
        for at in range(0, len(repeated), 65_536):
            begun = time.monotonic()
            part = repeated[at : at + 65_536]
            raw.sendall(part)
            self.sent += len(part)
            if self.stop.wait(max(0.0, len(part) / BYTES_PER_SECOND - (time.monotonic() - begun))):
                return

    def _drain(self, raw: socket.socket, name: str) -> None:
        """Read what comes, as a browser does, and note the code of a close frame."""
        tail = b""
        with suppress(OSError):
            while more := raw.recv(65_536):
                tail = (tail + more)[-200:]
        at = tail.rfind(b"\x88")
        if at >= 0 and len(tail) >= at + 4:
            self.ended[f"{name}: {int.from_bytes(tail[at + 2 : at + 4])}"] += 1


@dataclass(frozen=True)
class Figures:
    """What honest reruns took, in milliseconds."""

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> Figures:
        """From single times."""
        return cls(statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=100)[98] * 1000)


def work(tabs: list[Tab], seconds: float, every_seconds: float) -> list[float]:
    """What each press of each tab took, pressing at times of its own for so long.

    The times are apart and stay so, as those of people do: tabs that paused after each answer would all be answered at
    once after one that kept them waiting, and from then on wait for each other.
    """
    start = time.monotonic()

    def one(number: int, tab: Tab) -> list[float]:
        found = []
        due = start + every_seconds * number / len(tabs)
        while due < start + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            begun = time.monotonic()
            tab.press("callback")
            tab.read_run(120)
            found.append(time.monotonic() - begun)
            while due < time.monotonic():
                due += every_seconds
        return found

    with ThreadPoolExecutor(len(tabs)) as pool:
        return [each for found in pool.map(one, range(len(tabs)), tabs) for each in found]


def resident_bytes(here: Live) -> int:
    """What the process keeps in memory."""
    pages = int(Path(f"/proc/{here.processes[0].pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def highest(here: Live) -> Iterator[list[int]]:
    """What the process keeps in memory at most while the block runs, in the one element of a list."""
    found, over = [resident_bytes(here)], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            found[0] = max(found[0], resident_bytes(here))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join(5)


@dataclass(frozen=True)
class Measured:
    """Honest reruns without the attack and with it, by how many bytes the process grew, and how sockets ended."""

    quiet: Figures
    attacked: Figures
    grown: int
    ended: Counter[str]
    visitor: tuple[Figures, Figures]
    """The reruns of the anonymous visitor, without the attack and with it."""


def work_of_all(tabs: list[Tab], visitor: Tab, seconds: float) -> tuple[Figures, Figures]:
    """The reruns of the honest tabs, and those of the visitor."""
    with ThreadPoolExecutor(1) as beside:
        visited = beside.submit(work, [visitor], seconds, 1.0)
        return Figures.of(work(tabs, seconds, 1.0)), Figures.of(visited.result())


def attack(port: int, cookies: dict[str, str], size: int, only: list[str]) -> int:
    """Attack until the standard input ends.

    Prints a line once it attacks, and in the end how sockets ended and how many bytes were sent, as JSON. Half of the
    sockets are anonymous. Each begins with another kind of message; ``only``: the kinds, all where none is named.
    """
    made, stop = [], threading.Event()
    always = attacks(size)
    of_signed_in, of_anonymous = longest(LONGEST) | always, longest(LONGEST_ANONYMOUS) | always
    for number in range(SOCKETS):
        signed_in = bool(number % 2)
        kinds = of_signed_in if signed_in else of_anonymous
        payloads = [(name, payload) for name, payload in kinds.items() if name in only or not only]
        begin = number * len(payloads) // SOCKETS
        turns = cycle(payloads[begin:] + payloads[:begin])
        made.append(Attack(port, cookies if signed_in else {}, f"127.0.0.{number + 2}", turns, stop))
    threads = [threading.Thread(target=each.run, daemon=True) for each in made]
    for thread in threads:
        thread.start()
    print("attacking", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join(20)
    ended = sum((each.ended for each in made), Counter[str]())
    print(json.dumps({"ended": ended, "sent": sum(each.sent for each in made)}))
    return 0


def measure(
    here: Live,
    seconds: float,
    *,
    honest: int = HONEST,
    size: int = 8 * MB,
    only: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> Measured:
    """Let honest tabs work for so long, first alone and then beside the attack (``only`` by these of its kinds)."""
    with ExitStack() as stack:
        tabs = [stack.enter_context(here.tab(here.sign_in(f"honest {number}"))) for number in range(honest)]
        visitor = stack.enter_context(here.tab(None, source=VISITOR))
        for tab in [*tabs, visitor]:
            tab.open()
        quiet, visitor_quiet = work_of_all(tabs, visitor, seconds)
        before = resident_bytes(here)
        with highest(here) as most:
            command = [sys.executable, "-m", "tests.security.hostile_load", "--attack"]
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            ) as hostile:
                assert hostile.stdin is not None
                assert hostile.stdout is not None
                cookies = here.sign_in("hostile").cookies
                asked = {"port": here.ports[0], "cookies": cookies, "size": size, "only": list(only)}
                hostile.stdin.write(json.dumps(asked) + "\n")
                hostile.stdin.flush()
                hostile.stdout.readline()  # it attacks
                attacked, visitor_attacked = work_of_all(tabs, visitor, seconds)
                hostile.stdin.close()
                said = json.loads(hostile.stdout.read())
    found = Measured(quiet, attacked, most[0] - before, Counter[str](said["ended"]), (visitor_quiet, visitor_attacked))
    say(f"{SOCKETS} hostile sockets sent {said['sent'] / MB:.0f} MB in {seconds:.0f} s")
    report(found, honest, before, say)
    return found


def report(found: Measured, honest: int, before: int, say: Callable[[str], None]) -> None:
    """Print what was measured."""
    for name, count in sorted(found.ended.items()):
        say(f"  {count:4} times {name}")
    for whose, quiet, attacked in (
        (f"one of {honest} honest tabs", found.quiet, found.attacked),
        ("an anonymous visitor", *found.visitor),
    ):
        say(f"a rerun of {whose}, in ms:")
        say(f"  median {quiet.median:.1f}, p99 {quiet.p99:.1f} without them")
        say(f"  median {attacked.median:.1f}, p99 {attacked.p99:.1f} beside them")
    say(
        f"ratios of honest tabs: median {found.attacked.median / found.quiet.median:.2f} (≤ {MAX_MEDIAN_RATIO}), "
        f"p99 {found.attacked.p99 / found.quiet.p99:.2f} (≤ {MAX_P99_RATIO})"
    )
    say(f"memory: {before / MB:.0f} MB, at most {found.grown / MB:+.0f} MB meanwhile (≤ {MAX_GROWN / MB:.0f})")


def main() -> int:
    """Measure and print; 1 when a ratio, or the growth of the process, is above what is allowed."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=30.0, help="of each part (default: %(default)s)")
    options.add_argument("--only", action="append", default=[], choices=[*longest(MB), *attacks(MB)], help="of a kind")
    options.add_argument("--attack", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.attack:
        return attack(**json.loads(sys.stdin.readline()))
    seconds = min(given.seconds, 600.0)
    with tempfile.TemporaryDirectory() as folder, live(Path(folder), processes=1, UNEDITED="1") as here:
        found = measure(here, seconds, only=given.only)
    median, p99 = found.attacked.median / found.quiet.median, found.attacked.p99 / found.quiet.p99
    print(json.dumps({"median": median, "p99": p99, "grown": found.grown}))
    return 0 if median <= MAX_MEDIAN_RATIO and p99 <= MAX_P99_RATIO and found.grown <= MAX_GROWN else 1


if __name__ == "__main__":
    raise SystemExit(main())
