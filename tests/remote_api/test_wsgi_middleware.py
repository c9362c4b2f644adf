"""The middleware by itself, around an application of a test: exact headers, hosts, bounds and correlation ids."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from app.core.settings import Settings
from remote_api.middleware import LIMIT_HEADERS, Middleware

HOST = "api.example.com"
ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
POLICY = "default-src 'none'; frame-ancestors 'none'"
STRICT = "max-age=31536000; includeSubDomains"


def middleware(base_url: str = f"http://{HOST}", *, env: str = "production", **answer: Any) -> Middleware:
    """The middleware of an API at ``base_url``, around an application that answers 200."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.update(answer.get("environ", {}))
        start_response("200 OK", list(answer.get("headers", [])), *answer.get("exc_info", ()))
        return [b"reached"]

    settings = Settings.model_validate({"remote_api_base_url": base_url, "gatehouse_env": env})
    return Middleware(application, settings)


def call(wrapped: Middleware, **environ: Any) -> SimpleNamespace:
    """The status line, headers and body of a call, and what else the server received."""
    received: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "HTTP_HOST": HOST,
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    } | environ
    body = wrapped(environ, lambda *arguments: received.extend(arguments))  # type: ignore[arg-type]
    status, headers, *more = received
    return SimpleNamespace(status=status, headers=dict(headers), pairs=headers, body=b"".join(body), more=more)


def test_every_answer_has_exactly_these_headers() -> None:
    answer = call(middleware(headers=[("Content-Type", "text/plain")]))
    assert (answer.status, answer.body, answer.more) == ("200 OK", b"reached", [])
    correlation_id = answer.headers.pop("X-Correlation-ID")
    assert re.fullmatch(r"[0-9a-f]{12}-00000001", correlation_id)
    assert answer.headers == {"Content-Type": "text/plain", "Content-Security-Policy": POLICY, **ALWAYS}
    assert len(answer.pairs) == 7


@pytest.mark.parametrize(
    ("base_url", "env", "strict"),
    [
        (f"https://{HOST}", "production", True),
        (f"http://{HOST}", "production", False),
        (f"https://{HOST}", "development", False),
    ],
)
def test_only_https_in_production_is_strict(base_url: str, env: str, strict: bool) -> None:
    headers = call(middleware(base_url, env=env)).headers
    assert headers.get("Strict-Transport-Security") == (STRICT if strict else None)


def test_a_policy_of_the_view_is_kept_and_limits_are_added() -> None:
    own = [("Content-Security-Policy", "sandbox"), ("A", "b")]
    answer = call(middleware(headers=own, environ={LIMIT_HEADERS: (("RateLimit", "1"),)}))
    assert [value for name, value in answer.pairs if name == "Content-Security-Policy"] == ["sandbox"]
    assert answer.headers["RateLimit"] == "1"


def test_an_error_after_the_start_reaches_the_server() -> None:
    error = (ValueError, ValueError("after the headers"), None)
    answer = call(middleware(exc_info=(error,)))
    assert (answer.status, answer.more) == ("200 OK", [error])


def test_correlation_ids_are_counted_in_a_process_and_differ_between_processes() -> None:
    first_process, other = middleware(), middleware()
    first, second = (call(first_process).headers["X-Correlation-ID"] for _ in range(2))
    assert (first.partition("-")[0], second.partition("-")[2]) == (second.partition("-")[0], "00000002")
    assert call(other).headers["X-Correlation-ID"].partition("-")[0] != first.partition("-")[0]
    assert call(first_process, HTTP_X_CORRELATION_ID="mine-12345678").headers["X-Correlation-ID"] == "mine-12345678"


HOSTS: dict[tuple[str, str], dict[str, bool]] = {
    ("http://api.example.com", "production"): {
        "api.example.com": True,
        "api.example.com:80": True,
        "API.Example.com:80": True,
        "api.example.com:443": False,
        "localhost": False,
        "": False,
    },
    ("https://api.example.com", "production"): {"api.example.com:443": True, "api.example.com:80": False},
    ("https://api.example.com:8443", "production"): {"api.example.com:8443": True, "api.example.com": False},
    ("http://[2001:db8::1]:8888", "production"): {"[2001:db8::1]:8888": True, "2001:db8::1:8888": False},
    ("http://127.0.0.1:8888", "development"): {
        "127.0.0.1:8888": True,
        "localhost:8888": False,
        "localhost:80": True,
        "127.0.0.1:80": True,
        "[::1]:80": True,
        "localhost": True,
        "LOCALHOST": True,
        "[::1]": True,
        "localhost:443": False,
        "evil.test": False,
    },
    ("http://127.0.0.1:8888", "production"): {"127.0.0.1:8888": True, "localhost:80": False, "localhost": False},
}


@pytest.mark.parametrize(("base_url", "env"), HOSTS)
def test_the_hosts_of_an_address(base_url: str, env: str) -> None:
    wrapped = middleware(base_url, env=env)
    reached = {host: call(wrapped, HTTP_HOST=host).body == b"reached" for host in HOSTS[base_url, env]}
    assert reached == HOSTS[base_url, env]


@pytest.mark.parametrize(
    ("scheme", "port", "plain"), [("http", "80", True), ("https", "443", True), ("https", "80", False)]
)
def test_a_loopback_name_needs_its_port_unless_it_is_the_default(scheme: str, port: str, plain: bool) -> None:
    wrapped = middleware("http://127.0.0.1:8888", env="development")
    server: dict[str, Any] = {"SERVER_PORT": port, "wsgi.url_scheme": scheme}
    assert call(wrapped, HTTP_HOST=f"localhost:{port}", **server).body == b"reached"
    assert (call(wrapped, HTTP_HOST="localhost", **server).body == b"reached") is plain


def test_a_foreign_host_is_misdirected() -> None:
    answer = call(middleware(), HTTP_HOST="evil.test")
    assert answer.status == "421 Misdirected Request"
    assert b'"misdirected-request"' in answer.body
    assert ALWAYS.items() <= answer.headers.items()
    missing = call(middleware(), HTTP_HOST="")
    assert missing.status == answer.status
    for env in ("production", "development"):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
        received: list[Any] = []
        middleware(env=env)(environ, lambda *arguments, into=received: into.extend(arguments))
        assert received[0] == answer.status
    assert call(middleware(), HTTP_HOST="evil.test", REQUEST_METHOD="HEAD").body == b""


BOUNDS: dict[str, tuple[dict[str, str], str, str]] = {
    "a body of a MiB": ({"CONTENT_LENGTH": "1048576"}, "200 OK", "reached"),
    "a byte more": ({"CONTENT_LENGTH": "1048577"}, "413 ", '"A request may carry 1024 KiB at most."'),
    "far more": ({"CONTENT_LENGTH": "9" * 30}, "413 ", '"A request may carry 1024 KiB at most."'),
    "no length": ({"CONTENT_LENGTH": ""}, "200 OK", "reached"),
    "no number": ({"CONTENT_LENGTH": "x"}, "400 Bad Request", '"The Content-Length is not a number."'),
    "no ASCII": ({"CONTENT_LENGTH": "\u0661"}, "400 Bad Request", '"The Content-Length is not a number."'),
    "a query of 4096": ({"QUERY_STRING": "a" * 4096}, "200 OK", "reached"),
    "a query of 4097": ({"QUERY_STRING": "a" * 4097}, "400 Bad Request", '"The query is too long."'),
    "a path of 2048": ({"PATH_INFO": "/" * 2048}, "200 OK", "reached"),
    "a path of 2049": ({"PATH_INFO": "/" * 2049}, "400 Bad Request", '"The address is too long."'),
}


@pytest.mark.parametrize(("environ", "status", "body"), BOUNDS.values(), ids=BOUNDS)
def test_the_bounds_of_a_request(environ: dict[str, str], status: str, body: str) -> None:
    answer = call(middleware(), **environ)
    assert answer.status.startswith(status)
    assert body in answer.body.decode()
