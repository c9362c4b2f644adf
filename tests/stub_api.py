"""A remote API that answers what it is told to, over real loopback HTTP: for faults that the real one never shows.

What was asked is kept, so that tests see what went over the wire.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Wanted:
    """One request as it came."""

    method: str
    path: str
    """As sent, still encoded, without the query."""
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Given:
    """One answer. ``slow_seconds``: waited before it; ``drip``: seconds between its bytes; ``cut``: ends too early.

    ``hang_up``: there is none.
    """

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    slow_seconds: float = 0.0
    until: threading.Event | None = None
    """Nothing is answered before this is set."""
    drip: float = 0.0
    cut: bool = False
    hang_up: bool = False


def json_of(body: object, status: int = 200, **headers: str) -> Given:
    """An answer in JSON; ``etag="x"`` and the like become headers."""
    return Given(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


def problem(status: int, code: str, title: str = "Something", detail: str = "", **fields: object) -> Given:
    """A problem document (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **fields}
    return Given(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json"})


HTML = Given(200, b"<!doctype html><h1>Welcome to the hotel's network</h1>", {"Content-Type": "text/html"})
FAULTS: dict[str, Given] = {
    "401": problem(401, "token-invalid", "The access token is not valid"),
    "403": problem(403, "permission-denied", "You may not do this", permission="read:people", reason="not-granted"),
    "404": problem(404, "not-found", "Not found"),
    "409": problem(409, "last-administrator", "The last administrator must stay", "Name another one first."),
    "412": problem(412, "stale-version", "It was changed meanwhile"),
    "422": problem(422, "invalid-input", "Some of the input is not right", problems={"reason": "It is too long."}),
    "428": problem(428, "precondition-required", "Name the version that you change"),
    "429": problem(429, "too-many-requests", "Too many requests", retry_after_seconds=7),
    "500": problem(500, "internal", "Something went wrong"),
    "500 html": Given(500, b"<h1>Internal Server Error</h1>", {"Content-Type": "text/html"}),
    "503": problem(503, "storage-unavailable", "The database does not answer"),
    "html": HTML,
    "list": json_of([1, 2]),
    "other shape": json_of({"people": "none", "next": 5}),
    "empty": Given(200, b"", {"Content-Type": "application/json"}),
    "redirect": Given(302, b"", {"Location": "/elsewhere"}),
    "cut": Given(200, b'{"people": [', {"Content-Type": "application/json"}, cut=True),
}
"""Name → an answer that is not what was asked for."""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has had enough: nothing to tell."""


class StubApi:
    """Serves ``answers``: (method, path) → an answer, or a function of the request; else ``otherwise``."""

    def __init__(self, otherwise: Given | None = None) -> None:
        self.answers: dict[tuple[str, str], Given | Callable[[Wanted], Given]] = {}
        self.otherwise = otherwise or problem(404, "not-found", "Not found")
        self.asked: list[Wanted] = []
        """What came, but for what asks for its health."""
        self.health = json_of({"status": "ok"})
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    def last(self, method: str) -> Wanted:
        """The last request with this method."""
        return next(wanted for wanted in reversed(self.asked) if wanted.method == method)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                address = urlsplit(self.path)
                wanted = Wanted(
                    self.command,
                    address.path,
                    parse_qs(address.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                )
                if wanted.path == "/healthz":
                    found: Given | Callable[[Wanted], Given] = stub.health
                else:
                    stub.asked.append(wanted)
                    found = stub.answers.get((wanted.method, wanted.path), stub.otherwise)
                given = found if isinstance(found, Given) else found(wanted)
                time.sleep(given.slow_seconds)
                if given.until is not None:
                    given.until.wait(60)
                if given.hang_up:
                    self.close_connection = True
                    return
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(given.content) + (10 if given.cut else 0)))
                self.end_headers()
                try:
                    if given.drip:
                        for byte in given.content:
                            self.wfile.write(bytes([byte]))
                            self.wfile.flush()
                            time.sleep(given.drip)
                    else:
                        self.wfile.write(given.content)
                except OSError:
                    self.close_connection = True  # whoever asked has had enough
                if given.cut:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Nothing is logged: a test's output is its own."""

        return Handler
