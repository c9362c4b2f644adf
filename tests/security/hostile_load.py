"""Honest tabs beside hostile sockets: how much longer a rerun takes, and how much more memory the process has.

``python -m tests.security.hostile_load``: eight sockets, half of them anonymous and half of a person without a role,
send the worst messages there are at 2 MB/s each, while twenty tabs work. Loopback only, bounded in time, and in
bytes by that. What the server refused is asserted in ``test_hostile_load.py``; the figures are for a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.live import Live, Someone, Tab, live

MB = 1024 * 1024
BYTES_PER_SECOND = 2 * MB
SOCKETS = 8
HONEST = 20
MAX_MEDIAN_RATIO = 1.5
MAX_P99_RATIO = 3.0


def rerun(**widget: str) -> bytes:
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


@dataclass
class Attack:
    """One hostile socket, which connects again whenever it is closed. ``ended``: how the server ended it, how often."""

    here: Live
    who: Someone | None
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
        with socket.create_connection(("127.0.0.1", self.here.ports[0]), 5) as raw:
            cookies = self.who.cookies if self.who is not None else {}
            raw.sendall(
                (
                    f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{self.here.ports[0]}\r\n"
                    f"Origin: {self.here.base_url}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    f"Cookie: {'; '.join(f'{key}={value}' for key, value in cookies.items())}\r\n"
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


def work(tabs: list[Tab], seconds: float, pause_seconds: float) -> list[float]:
    """What each press of each tab took, pressing now and then for so long."""
    end = time.monotonic() + seconds

    def one(tab: Tab) -> list[float]:
        found = []
        while time.monotonic() < end:
            begun = time.monotonic()
            tab.press("callback")
            tab.read_run(60)
            found.append(time.monotonic() - begun)
            time.sleep(pause_seconds)
        return found

    with ThreadPoolExecutor(len(tabs)) as pool:
        return [each for found in pool.map(one, tabs) for each in found]


def resident_bytes(here: Live) -> int:
    """What the process keeps in memory."""
    pages = int(Path(f"/proc/{here.processes[0].pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """Honest reruns without the attack and with it, by how many bytes the process grew, and how sockets ended."""

    quiet: Figures
    attacked: Figures
    grown: int
    ended: Counter[str]


def measure(
    here: Live, seconds: float, *, honest: int = HONEST, size: int = 8 * MB, say: Callable[[str], None] = print
) -> Measured:
    """Let honest tabs work for so long, first alone and then beside the attack."""
    with ExitStack() as stack:
        tabs = [stack.enter_context(here.tab(here.sign_in(f"honest {number}"))) for number in range(honest)]
        for tab in tabs:
            tab.open()
        quiet = Figures.of(work(tabs, seconds, 1.0))
        before, stop = resident_bytes(here), threading.Event()
        payloads = list(attacks(size).items())
        who = here.sign_in("hostile")
        made = [
            Attack(here, who if number % 2 else None, cycle(payloads[number:] + payloads[:number]), stop)
            for number in range(SOCKETS)
        ]
        threads = [threading.Thread(target=attack.run, daemon=True) for attack in made]
        for thread in threads:
            thread.start()
        try:
            attacked = Figures.of(work(tabs, seconds, 1.0))
            grown = resident_bytes(here) - before
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)
    ended = sum((attack.ended for attack in made), Counter[str]())
    say(f"{SOCKETS} hostile sockets sent {sum(attack.sent for attack in made) / MB:.0f} MB in {seconds:.0f} s")
    for name, count in sorted(ended.items()):
        say(f"  {count:4} times {name}")
    say(f"a rerun of one of {honest} honest tabs, in ms: median {quiet.median:.1f}, p99 {quiet.p99:.1f} without")
    say(f"                                         median {attacked.median:.1f}, p99 {attacked.p99:.1f} with them")
    say(
        f"ratios: median {attacked.median / quiet.median:.2f} (≤ {MAX_MEDIAN_RATIO}), "
        f"p99 {attacked.p99 / quiet.p99:.2f} (≤ {MAX_P99_RATIO})"
    )
    say(f"memory: {before / MB:.0f} MB, {grown / MB:+.0f} MB after it")
    return Measured(quiet, attacked, grown, ended)


def main() -> int:
    """Measure and print; 1 when a ratio is above what is allowed."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=30.0, help="of each part (default: %(default)s)")
    seconds = min(options.parse_args().seconds, 600.0)
    with tempfile.TemporaryDirectory() as folder, live(Path(folder), processes=1, UNEDITED="1") as here:
        found = measure(here, seconds)
    median, p99 = found.attacked.median / found.quiet.median, found.attacked.p99 / found.quiet.p99
    print(json.dumps({"median": median, "p99": p99, "grown": found.grown}))
    return 0 if median <= MAX_MEDIAN_RATIO and p99 <= MAX_P99_RATIO else 1


if __name__ == "__main__":
    raise SystemExit(main())
