"""Clients that use the installation during its operations, and the outcome of each of their requests."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Condition, Event, Thread
from typing import Final
from urllib.parse import urljoin

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import WebSocketException

from tests.raw_socket import RawSocket

PERSON: Final = "bruno"
NAME: Final = b"Bruno Silva"
_TIMEOUT_SECONDS: Final = 25.0
_HOPS: Final = 8
_PAUSE_SECONDS: Final = 0.3
"""The pause between two requests of a client: the rate limit of nginx for one address allows no shorter one."""
_REPEATED_PAGE: Final = "<title>This sign-in is over</title>"
_EXPLAINED_PAGE: Final = re.compile(rb"does not answer|not available right now|try again", re.IGNORECASE)


class Outcome(StrEnum):
    """The outcome of one request or one sign-in."""

    RIGHT = "right"
    FAILED = "failed"
    """Not done, and the client learns it: an error with its reason, or no connection."""
    REPEATED = "repeated"
    """The page of a callback that comes a second time, which offers another sign-in.

    nginx sends a callback to the other process when the first one is killed; its state may be consumed by then.
    """
    WRONG = "wrong"
    """An answer that is neither right nor an explained failure."""


@dataclass
class Record:
    """The outcomes so far. Thread-safe."""

    counts: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    unexpected: list[tuple[Outcome, str]] = field(default_factory=list)
    """The wrong and the repeated answers, with their kinds of request."""
    confirmed: list[dict[str, str]] = field(default_factory=list)
    """The cookies of each sign-in that was confirmed."""
    changed: Condition = field(default_factory=Condition)

    def add(self, kind: str, outcome: Outcome, detail: str = "") -> None:
        """Count one outcome."""
        with self.changed:
            self.counts[kind, outcome] += 1
            if outcome in {Outcome.WRONG, Outcome.REPEATED}:
                self.unexpected.append((outcome, f"{kind}: {detail}"))
            self.changed.notify_all()

    def total(self, *outcomes: Outcome) -> int:
        """The number of outcomes of all kinds."""
        return sum(count for (_, outcome), count in self.counts.items() if not outcomes or outcome in outcomes)

    def wait_for_more(self, outcome: Outcome, count: int, kinds: tuple[str, ...], *, within_seconds: float) -> None:
        """Wait until each kind has ``count`` more of an outcome; raises ``TimeoutError``."""
        with self.changed:
            expected = {kind: self.counts[kind, outcome] + count for kind in kinds}
            if not self.changed.wait_for(
                lambda: all(self.counts[kind, outcome] >= number for kind, number in expected.items()), within_seconds
            ):
                raise TimeoutError(f"not {count} more {outcome} of each: {dict(self.counts)}, {self.unexpected[:5]}")


class Client:
    """A user with the cookies of one browser."""

    def __init__(self, app_url: str, api_url: str) -> None:
        self.app_url = app_url
        self.api_url = api_url
        self.cookies: dict[str, str] = {}
        self.token = ""

    def sign_in(self) -> tuple[Outcome, str]:
        """Sign in at the tenant; a confirmed sign-in stores its cookies."""
        with requests.Session() as http:
            http.trust_env = False
            url, answer = f"{self.app_url}/auth/login?return_to=/", None
            for _ in range(_HOPS):
                answer = http.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
                if answer.status_code == requests.codes.see_other:
                    url = urljoin(url, answer.headers["Location"])
                    if url == f"{self.app_url}/":
                        self.cookies = dict(http.cookies.items())
                        return Outcome.RIGHT, ""
                    continue
                state = re.search(r'name="state" value="([^"]+)"', answer.text)
                if state is None:
                    break
                form = {"state": html.unescape(state[1]), "person": PERSON}
                answer = http.post(urljoin(url, "/u/login"), data=form, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
                url = urljoin(url, answer.headers.get("Location", ""))
            return _of_page(answer)

    def page(self) -> tuple[Outcome, str]:
        """Open the start page in a tab of its own, as the person who signed in."""
        with RawSocket(self.app_url, cookies=self.cookies) as tab:
            tab.send(_rerun())
            shown = b""
            while True:
                message = tab.receive(_TIMEOUT_SECONDS)
                shown += message.SerializeToString()
                if message.WhichOneof("type") in {"script_finished", "auth_redirect"}:
                    break
        if NAME in shown:
            return Outcome.RIGHT, ""
        return (Outcome.FAILED, "") if _EXPLAINED_PAGE.search(shown) else (Outcome.WRONG, repr(shown[-300:]))

    def call(self) -> tuple[Outcome, str]:
        """Read the caller's own account from the API."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.get(f"{self.api_url}/api/v1/me", headers=headers, timeout=_TIMEOUT_SECONDS)
        if answer.status_code == requests.codes.ok:
            right = answer.json()["name"] == NAME.decode()
            return (Outcome.RIGHT, "") if right else (Outcome.WRONG, answer.text[:300])
        return _of_page(answer)


def _rerun() -> BackMsg:
    message = BackMsg()
    message.rerun_script.query_string = ""
    return message


def _of_page(answer: requests.Response | None) -> tuple[Outcome, str]:
    """The outcome of an unexpected page: failed, if it is explained or of a proxy without its process; else wrong."""
    if answer is not None and answer.status_code in {502, 503, 504}:
        return Outcome.FAILED, ""
    if answer is not None and "/auth/callback?" in answer.url and _REPEATED_PAGE in answer.text:
        return Outcome.REPEATED, f"{answer.status_code}: a callback came a second time"
    return Outcome.WRONG, f"{answer.status_code}: {answer.text[:300]}" if answer is not None else "no answer"


@contextmanager
def traffic(make: Callable[[], Client], record: Record) -> Iterator[tuple[str, ...]]:
    """Run one client of each kind, which repeats its request until the block ends; → the kinds."""
    stop = Event()

    def sign_ins() -> tuple[Outcome, str]:
        client = make()
        outcome = client.sign_in()
        if outcome[0] is Outcome.RIGHT:
            record.confirmed.append(client.cookies)
        return outcome

    known = make()
    doing: dict[str, Callable[[], tuple[Outcome, str]]] = {
        "sign-in": sign_ins,
        "page": known.page,
        "API call": known.call,
    }

    def run(kind: str, act: Callable[[], tuple[Outcome, str]]) -> None:
        while not stop.is_set():
            try:
                outcome, detail = act()
            except (OSError, requests.RequestException, WebSocketException, TimeoutError, EOFError):
                outcome, detail = Outcome.FAILED, ""  # the connection was lost, which a client sees
            record.add(kind, outcome, detail)
            stop.wait(_PAUSE_SECONDS)

    threads = [Thread(target=run, args=item, name=item[0]) for item in doing.items()]
    for thread in threads:
        thread.start()
    try:
        yield tuple(doing)
    finally:
        stop.set()
        for thread in threads:
            thread.join(2 * _TIMEOUT_SECONDS)
