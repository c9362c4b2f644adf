"""The loopback server of ``tests.issuer``: discovery and the key set, with faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from app.core.tokens.discovery import WELL_KNOWN

if TYPE_CHECKING:
    from tests.issuer import Issuer


class Fault(StrEnum):
    """How an address misbehaves."""

    DOWN = "down"  # hangs up without an answer
    ERROR = "error"  # 500
    SLOW = "slow"  # answers after ``slow_seconds``
    DRIP = "drip"  # a byte now and then, without an end
    GARBAGE = "garbage"  # not JSON
    LIST = "list"  # JSON, but no object
    HUGE = "huge"  # far more than a client should read
    REDIRECT = "redirect"  # to an address that answers correctly
    WRONG_ISSUER = "wrong-issuer"  # discovery names another issuer


class IssuerServer(ThreadingHTTPServer):
    """Serves each request in a thread that does not keep the process alive."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients of some tests close the connection early."""


def issuer_handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    """The handler that serves the documents of ``issuer`` with its faults."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == WELL_KNOWN:
                with issuer._lock:
                    issuer.discovery_fetches += 1
                self._serve(issuer.discovery_fault, issuer.metadata)
            elif path == "/.well-known/jwks.json":
                if issuer.jwks_fault is not None:
                    with issuer._lock:
                        issuer.jwks_fetches += 1
                self._serve(issuer.jwks_fault, issuer.jwks)
            else:
                issuer.other_requests.append(self.path)
                well = issuer.metadata() if path == "/elsewhere" + WELL_KNOWN else {"keys": [issuer.keys[0].jwk()]}
                self._answer(json.dumps(well).encode())

        def _serve(self, fault: Fault | None, content: Callable[[], Any]) -> None:
            if fault is Fault.DOWN:
                self.close_connection = True
            elif fault is Fault.ERROR:
                self._answer(b'{"keys": []}', 500)
            elif fault is Fault.GARBAGE:
                self._answer(b"<html>It works!</html>")
            elif fault is Fault.LIST:
                self._answer(b"[1, 2, 3]")
            elif fault is Fault.HUGE:
                self._answer(b'{"filler": "' + b"x" * 400_000 + b'"}')
            elif fault is Fault.REDIRECT:
                self._answer(b"", 302, {"Location": f"{issuer.url}elsewhere{self.path}"})
            elif fault is Fault.DRIP:
                self._drip()
            else:
                if fault is Fault.SLOW:
                    issuer._closing.wait(issuer.slow_seconds)
                self._answer(json.dumps(content()).encode())

        def _drip(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not issuer._closing.wait(0.05):
                self.wfile.write(b" ")

        def _answer(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
            """Print nothing."""

    return Handler
