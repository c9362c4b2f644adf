"""Eight hostile sockets, as a process: the worst messages there are, at 2 MB/s each.

``python -m tests.security.hostile_attack``, for ``hostile_load``: what ``attack`` is given comes as a line of JSON on
the standard input. A process of its own, so that honest tabs wait for the server and not for the Python of the attack.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from streamlit.proto.BackMsg_pb2 import BackMsg

MB: Final = 1024 * 1024
BYTES_PER_SECOND: Final = 2 * MB
SOCKETS: Final = 8
LONGEST, LONGEST_ANONYMOUS = 4 * MB, MB // 4
"""The default limit of a message's length."""


def rerun(**widget: str | bytes) -> bytes:
    """A rerun with one widget of this value."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    for kind, value in widget.items():
        setattr(message.rerun_script.widget_states.widgets.add(id="$$ID-1-x"), kind, value)
    return message.SerializeToString()


def very_many(count: int) -> bytes:
    """A rerun with a number of widgets."""
    message = BackMsg()
    for number in range(count):
        message.rerun_script.widget_states.widgets.add(id=f"{number}")
    return message.SerializeToString()


def many_short(count: int) -> bytes:
    """A rerun with a number of widgets, each with the shortest JSON."""
    message = BackMsg()
    for number in range(count):
        message.rerun_script.widget_states.widgets.add(id=f"{number}", json_value="0")
    return message.SerializeToString()


def frame(payload: bytes, *, opcode: int = 2, final: bool = True) -> bytes:
    """A frame masked with zeros (RFC 6455 §5.2)."""
    head = bytes([opcode | (0x80 if final else 0)])
    if len(payload) < 126:
        return head + bytes([0x80 | len(payload)]) + bytes(4) + payload
    return head + b"\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload


def attacks(size: int) -> dict[str, bytes]:
    """The messages that a socket repeats, by name; the long ones have about ``size`` bytes."""
    return {
        "deep JSON": frame(rerun(json_value="[" * size)),
        "arrays": frame(rerun(json_value="[" + "[]," * (size // 3) + "[]]")),
        "quotes and escapes": frame(rerun(json_value='"' + '\\"' * (size // 2) + '"')),
        "costly but allowed JSON": frame(rerun(json_trigger_value="[" + "1e1," * 40_000 + "1]")),
        "short but many widgets": frame(many_short(1200)),
        "very many widgets": frame(very_many(size // 8)),
        "small reruns": frame(rerun()),
        "pings": frame(b"x" * 100, opcode=9),
        "an unfinished message": frame(b"x" * size, final=False),
        "fragments": frame(b"", final=False) + frame(b"", opcode=0, final=False) * 2000,
        "too long a message": frame(b"x" * (32 * MB)),
    }


def longest(size: int) -> dict[str, bytes]:
    """Messages of the maximal length, ``size`` bytes, by name. Complete messages wait for their pace."""
    size -= 200  # for the fields around the value
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
    """One hostile socket, which connects again whenever it is closed. ``ended`` counts how the server closed it."""

    port: int
    cookies: dict[str, str]
    source: str
    """The address it comes from."""
    payloads: Iterator[tuple[str, bytes]]
    stop: threading.Event
    ended: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    def run(self) -> None:
        """Attack until ``stop`` is set."""
        while not self.stop.is_set():
            name, payload = next(self.payloads)
            with suppress(OSError):
                self._single(name, payload)
            self.stop.wait(0.05)

    def _single(self, name: str, payload: bytes) -> None:
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
            started = time.monotonic()
            part = repeated[at : at + 65_536]
            raw.sendall(part)
            self.sent += len(part)
            if self.stop.wait(max(0.0, len(part) / BYTES_PER_SECOND - (time.monotonic() - started))):
                return

    def _drain(self, raw: socket.socket, name: str) -> None:
        """Read what comes, as a browser does, and record the code of a close frame."""
        tail = b""
        with suppress(OSError):
            while more := raw.recv(65_536):
                tail = (tail + more)[-200:]
        at = tail.rfind(b"\x88")
        if at >= 0 and len(tail) >= at + 4:
            self.ended[f"{name}: {int.from_bytes(tail[at + 2 : at + 4])}"] += 1


def attack(port: int, cookies: dict[str, str], size: int, only: list[str]) -> None:
    """Attack until the standard input ends.

    Prints a line once it attacks, and in the end how sockets ended and how many bytes were sent, as JSON. Half of the
    sockets are anonymous. Each begins with another kind of message; ``only``: the kinds, all where none is named.
    """
    sockets, stop = [], threading.Event()
    always = attacks(size)
    of_signed_in, of_anonymous = longest(LONGEST) | always, longest(LONGEST_ANONYMOUS) | always
    for number in range(SOCKETS):
        signed_in = bool(number % 2)
        kinds = of_signed_in if signed_in else of_anonymous
        payloads = [(name, payload) for name, payload in kinds.items() if name in only or not only]
        begin = number * len(payloads) // SOCKETS
        turns = cycle(payloads[begin:] + payloads[:begin])
        sockets.append(Attack(port, cookies if signed_in else {}, f"127.0.0.{number + 2}", turns, stop))
    threads = [threading.Thread(target=each.run, daemon=True) for each in sockets]
    for thread in threads:
        thread.start()
    print("attacking", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join(20)
    ended = sum((each.ended for each in sockets), Counter[str]())
    print(json.dumps({"ended": ended, "sent": sum(each.sent for each in sockets)}))


if __name__ == "__main__":
    attack(**json.loads(sys.stdin.readline()))
