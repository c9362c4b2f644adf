"""A stub of the remote API over real loopback HTTP, for responses that the real one rarely or never sends.

It records the requests, so that tests see what was sent.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.contract import Contract, ContractDrift

CORRELATION_ID = "c0ffee00-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class RecordedRequest:
    """One request, as received."""

    method: str
    path: str
    """As sent: percent-encoded, without the query."""
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class StubResponse:
    """One response.

    Args:
        status: The status code.
        content: The body.
        headers: The headers; ``Content-Length`` is added.
        slow_seconds: The pause before the response.
        until: The response waits until this event is set.
        drip: The seconds between two bytes of the body; 0 sends it at once.
        cut: Whether the body ends before its ``Content-Length``.
        hang_up: Whether the connection is closed without a response.
        off_contract: Whether the body departs from the contract on purpose.
    """

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    slow_seconds: float = 0.0
    until: threading.Event | None = None
    drip: float = 0.0
    cut: bool = False
    hang_up: bool = False
    off_contract: bool = False


def json_of(body: object, status: int = 200, **headers: str) -> StubResponse:
    """A JSON response; keyword arguments become headers (``etag="x"``)."""
    return StubResponse(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


def problem(status: int, code: str, title: str = "Something", detail: str = "", **fields: object) -> StubResponse:
    """A problem document (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    body |= {"instance": f"urn:uuid:{CORRELATION_ID}", "correlation_id": CORRELATION_ID, **fields}
    return StubResponse(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json"})


HTML = StubResponse(200, b"<!doctype html><h1>Welcome to the hotel's network</h1>", {"Content-Type": "text/html"})
FAULTS: dict[str, StubResponse] = {
    "401": problem(401, "token-invalid", "The access token is not valid"),
    "403": problem(403, "permission-denied", "You may not do this", permission="read:people", reason="not-granted"),
    "404": problem(404, "not-found", "Not found"),
    "409": problem(409, "last-administrator", "The last administrator must stay", "Name another one first."),
    "412": problem(412, "stale-version", "It was changed meanwhile"),
    "422": problem(422, "invalid-input", "Some of the input is not right", problems={"reason": "It is too long."}),
    "428": problem(428, "precondition-required", "Name the version that you change"),
    "429": problem(429, "too-many-requests", "Too many requests", retry_after_seconds=7),
    "500": problem(500, "internal", "Something went wrong"),
    "500 html": StubResponse(500, b"<h1>Internal Server Error</h1>", {"Content-Type": "text/html"}),
    "503": problem(503, "storage-unavailable", "The database does not answer"),
    "html": HTML,
    "list": replace(json_of([1, 2]), off_contract=True),
    "other shape": replace(json_of({"people": "none", "next": 5}), off_contract=True),
    "empty": StubResponse(200, b"", {"Content-Type": "application/json"}, off_contract=True),
    "redirect": StubResponse(302, b"", {"Location": "/elsewhere"}),
    "cut": StubResponse(200, b'{"people": [', {"Content-Type": "application/json"}, cut=True, off_contract=True),
}
"""Name → a response of a failure, or of something that is not the API."""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients of some tests close the connection early."""


class StubApi:
    """Serves ``responses``: (method, path) → a response, or a function of the request; else ``default_response``.

    At the end of its block it raises ``ContractDrift`` if a response was not what the contract declares.
    """

    def __init__(self, default_response: StubResponse | None = None, *, contract: Contract | None = None) -> None:
        """Make a stub.

        Args:
            default_response: The response to requests that ``responses`` does not have; 404 if None.
            contract: What responses are checked against; None checks none, for tests of the transport.
        """
        self.responses: dict[tuple[str, str], StubResponse | Callable[[RecordedRequest], StubResponse]] = {}
        self.default_response = default_response or problem(404, "not-found", "Not found")
        self.requests: list[RecordedRequest] = []
        """Every request but those for ``/healthz``, in order."""
        self.health = json_of({"status": "ok"})
        self.drifts: list[ContractDrift] = []
        self._contract = contract
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    def last(self, method: str) -> RecordedRequest:
        """The last request with this method."""
        return next(request for request in reversed(self.requests) if request.method == method)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if kind is None and self.drifts:
            raise self.drifts[0]

    def _response_to(self, request: RecordedRequest) -> StubResponse:
        if request.path == "/healthz":
            return self.health
        self.requests.append(request)
        response = self.responses.get((request.method, request.path), self.default_response)
        response = response if isinstance(response, StubResponse) else response(request)
        if self._contract is not None and not response.off_contract:
            content_type = response.headers.get("Content-Type", "").partition(";")[0]
            try:
                self._contract.check(request.method, request.path, response.status, content_type, response.content)
            except ContractDrift as drift:
                self.drifts.append(drift)
        return response

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                address = urlsplit(self.path)
                request = RecordedRequest(
                    self.command,
                    address.path,
                    parse_qs(address.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                )
                response = stub._response_to(request)
                time.sleep(response.slow_seconds)
                if response.until is not None:
                    response.until.wait(60)
                if response.hang_up:
                    self.close_connection = True
                    return
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(response.content) + (10 if response.cut else 0)))
                self.end_headers()
                try:
                    if response.drip:
                        for byte in response.content:
                            self.wfile.write(bytes([byte]))
                            self.wfile.flush()
                            time.sleep(response.drip)
                    else:
                        self.wfile.write(response.content)
                except OSError:
                    self.close_connection = True  # the client closed the connection
                if response.cut:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Print nothing."""

        return Handler
