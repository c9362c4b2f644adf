"""The host calls the remote API for its component: only the endpoints of its list; the token stays on the server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from streamlit.testing.v1 import AppTest

from app import api_client, api_transport, component_events
from app.core.audit import AuditKind
from app.core.refusal_counts import RefusalCounts
from app.core.rights import Rights
from component.events import WebRequest, WebResponse
from remote_api import create_app
from remote_api.services import ApiServices
from tests.apptest.conftest import AppInstallation
from tests.ports import free_port


def _script() -> None:
    import streamlit as st

    from app import component_events
    from app.core.errors import GatehouseError

    for request in st.session_state["requests"]:
        try:
            st.session_state["responses"].append(component_events.call_api(request))
        except GatehouseError as error:
            st.session_state["responses"].append(error.code)


def call(
    installation: AppInstallation, *requests: WebRequest, roles: tuple[str, ...] = ("developer",)
) -> list[WebResponse | str]:
    """Send requests to the host in a run of a user with these roles; returns responses, or codes of errors."""
    at = AppTest.from_function(_script, default_timeout=60)
    installation.sign_in(at, roles=list(roles))
    at.session_state["requests"], at.session_state["responses"] = requests, []
    at.run()
    assert not at.exception
    responses: list[WebResponse | str] = at.session_state["responses"]
    return responses


def test_the_host_calls_with_and_without_the_token_and_returns_only_the_response(installation: AppInstallation) -> None:
    results = call(
        installation,
        WebRequest("GET", "/api/pong", with_token=True),
        WebRequest("GET", "/api/pong", with_token=False),
        WebRequest("GET", "/api/pong-scoped", with_token=True),
        WebRequest("POST", "/api/echo", with_token=True, body='{"text": "Hello"}'),
        WebRequest("GET", "/api/ping", with_token=False, body="ignored"),
        WebRequest("POST", "/api/echo", with_token=True, body="[" * 8_000),
        WebRequest("POST", "/api/echo", with_token=True, body='"text"'),
    )
    assert results[5:] == ["not-offered"] * 2
    responses = [response for response in results if isinstance(response, WebResponse)]
    assert [response.status for response in responses] == [200, 401, 200, 200, 200]
    assert json.loads(responses[3].body) == {"message": "Hello"}
    assert all(response.complete and "json" in response.content_type for response in responses)
    assert not any("Bearer" in response.body or "eyJ" in response.body for response in responses)


@pytest.mark.parametrize("roles", [(), ("viewer",), ("analyst",)])
def test_the_host_checks_the_permission_first(installation: AppInstallation, roles: tuple[str, ...]) -> None:
    results = call(
        installation,
        WebRequest("GET", "/api/ping", with_token=False),
        WebRequest("GET", "//x", with_token=False),
        roles=roles,
    )
    assert results == ["permission-denied", "permission-denied"]


ELSEWHERE = [
    ("GET", "https://example.com/api/ping"),
    ("GET", "http://localhost/api/ping"),
    ("GET", "//example.com/api/ping"),
    ("GET", "\\\\example.com/api/ping"),
    ("GET", "/\\example.com/api/ping"),
    ("GET", "@example.com/api/ping"),
    ("GET", ".example.com/api/ping"),
    ("GET", ":80@example.com/api/ping"),
    ("GET", "file:///etc/passwd"),
    ("GET", "/api/../openapi.json"),
    ("GET", "/api/ping/../../openapi.json"),
    ("GET", "/api/%2e%2e/openapi.json"),
    ("GET", "/api/ping%00"),
    ("GET", "/api/ping#x"),
    ("GET", "/api/ping\r\nX-Evil: 1"),
    ("GET", "/api/ping?x=\r\nX-Evil: 1"),
    ("GET", "/api/ping?x=" + "y" * 300),
    ("GET", "/api/ping?"),
    ("GET", "/api/ping/"),
    ("GET", "/API/ping"),
    ("GET", "api/ping"),
    ("GET", ""),
    ("GET", "/openapi.json"),
    ("GET", "/api/echo"),
    ("POST", "/api/ping"),
    ("DELETE", "/api/v1/me/sessions"),
    ("get", "/api/ping"),
    ("GET /api/ping HTTP/1.1\r\nX: ", "/"),
]


def test_any_other_host_scheme_path_or_method_is_refused_and_audited(
    installation: AppInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_if_called(*_: object, **__: object) -> object:
        raise AssertionError("The API was called.")

    monkeypatch.setattr(api_client, "explore", fail_if_called)
    results = call(installation, *(WebRequest(method, path, with_token=True) for method, path in ELSEWHERE))
    assert results == ["not-offered"] * len(ELSEWHERE)
    refusals: RefusalCounts = installation.services.refusals
    assert refusals.waiting() == 1
    [(key, counted)] = refusals._counts.items()
    assert (key.kind, key.reason_code, counted.count) == (AuditKind.CALL_REFUSE, "not-offered", len(ELSEWHERE))
    assert key.actor.endswith(installation.services.settings.issuer)


def test_every_offered_call_exists_in_the_api(installation: AppInstallation) -> None:
    storage = installation.services.storage
    api = create_app(
        installation.services.settings, ApiServices(storage, installation.issuer.verifier(), Rights(storage.read))
    )
    rules = {(method, rule.rule) for rule in api.url_map.iter_rules() for method in rule.methods or ()}
    offered = {(method, path) for method, paths in component_events.CALLS.items() for path in paths}
    assert offered <= rules
    assert component_events.CALLS.keys() == {"GET", "POST"}


Reply = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def api(installation: AppInstallation) -> Iterator[Callable[[Reply], None]]:
    """Replace the remote API with a server that replies as a test requires."""
    servers: list[tuple[HTTPServer, threading.Thread]] = []

    def replace(reply: Reply) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                reply(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        port = free_port()
        server = HTTPServer(("127.0.0.1", port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append((server, thread))
        changed = installation.services.settings.model_copy(update={"remote_api_base_url": f"http://localhost:{port}"})
        object.__setattr__(installation.services, "settings", changed)

    yield replace
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def responding(body: bytes, status: int = 200, **headers: str) -> Reply:
    def reply(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return reply


PING = WebRequest("GET", "/api/ping", with_token=True)


def test_a_token_in_a_response_never_reaches_the_browser(
    installation: AppInstallation, api: Callable[[Reply], None]
) -> None:
    def echo(request: BaseHTTPRequestHandler) -> None:
        responding(json.dumps({"seen": request.headers["Authorization"]}).encode())(request)

    api(echo)
    assert call(installation, PING) == ["api-unavailable"]


def test_a_large_response_is_cut_and_a_huge_one_refused(
    installation: AppInstallation, api: Callable[[Reply], None]
) -> None:
    sizes = iter((api_client.MAX_SHOWN_CHARACTERS + 1, 1_000_000))

    def large(request: BaseHTTPRequestHandler) -> None:
        responding(b"x" * next(sizes))(request)

    api(large)
    cut, refused = call(installation, PING, PING)
    assert isinstance(cut, WebResponse)
    assert (len(cut.body), cut.complete) == (api_client.MAX_SHOWN_CHARACTERS, False)
    assert refused == "api-unavailable"


def test_a_slow_response_is_aborted(
    installation: AppInstallation, api: Callable[[Reply], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_client, "_EXPLORING", api_transport.ReadLimits(262_144, 0.5))
    ended = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        for _ in range(100):
            try:
                request.wfile.write(b"x")
                request.wfile.flush()
            except OSError:
                break
            if ended.wait(0.05):
                break

    api(drip)
    assert call(installation, PING) == ["api-unavailable"]
    ended.set()


def test_a_redirect_is_shown_and_not_followed(installation: AppInstallation, api: Callable[[Reply], None]) -> None:
    api(responding(b"", 302, Location="http://localhost:9/secrets"))
    [response] = call(installation, PING)
    assert isinstance(response, WebResponse)
    assert (response.status, response.body) == (302, "")
