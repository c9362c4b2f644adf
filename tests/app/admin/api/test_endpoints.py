"""Each endpoint of the OpenAPI description has a call in the app or a reason why not, and each call keeps to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import api_client
from app.core.contract.base import RequestModel
from tests.app.admin.api.calls import CALLS, NO_CONTENT, SINCE, Run
from tests.contract import models
from tests.stub_api import StubApi, StubResponse, json_of

PATHS: dict[str, Any] = json.loads((Path(__file__).parents[4] / "docs" / "openapi.json").read_text())["paths"]
OPERATIONS = {
    f"{method.upper()} {path}": operation for path, methods in PATHS.items() for method, operation in methods.items()
}

SESSION = {
    "ref": "r", "since": SINCE, "last_seen_at": SINCE, "expires_at": SINCE, "browser": "x", "address": "::1",
    "page": "/csv", "current": True,
}  # fmt: skip
DAY = {"day": "2026-01-31", "sign_ins": 1, "denials": 0, "page_views": {"/": 1}}
USAGE = {
    "since": "2026-01-31", "until": "2026-01-31", "days": [DAY],
    "before": {"sign_ins": 2, "denials": 0, "page_views": {"/": 4}},
    "refused_pages": [{"page": "/people", "refusals": 3}],
}  # fmt: skip
# call of app.api_client → operation, response
API_CLIENT_CALLS: dict[str, tuple[Callable[[], object], str, StubResponse]] = {
    "usage": (
        lambda: api_client.usage(7), "GET /api/v1/reports/usage",
        json_of(USAGE),
    ),
    "usage_report": (lambda: api_client.usage_report(7), "GET /api/v1/reports/usage", json_of(USAGE)),
    "usage_csv": (
        lambda: api_client.usage_csv(7), "GET /api/v1/reports/usage.csv",
        StubResponse(200, b"day\n", {"Content-Type": "text/csv"}),
    ),
    "my_sessions": (api_client.my_sessions, "GET /api/v1/me/sessions", json_of({"sessions": [SESSION]})),
    "end_my_session": (
        lambda: api_client.end_my_session("r"), "DELETE /api/v1/me/sessions/{ref}", NO_CONTENT,
    ),
    "end_my_other_sessions": (
        api_client.end_my_other_sessions, "DELETE /api/v1/me/sessions", json_of({"ended": 1}),
    ),
}  # fmt: skip
WITHOUT_A_CALL = {
    "GET /api/ping": "the API explorer and the component call it by its path",
    "GET /api/pong": "the API explorer and the component call it by its path",
    "GET /api/pong-scoped": "the API explorer and the component call it by its path",
    "POST /api/echo": "the API explorer and the component call it by its path",
    "GET /api/v1/me": "the API explorer calls it by its path; the app reads its own session",
    "GET /healthz": "`call` requests it before every change",
    "GET /readyz": "for supervisors",
}
REQUESTS = {model.__name__: model for model in RequestModel.__subclasses__()}


def operation_of(method: str, path: str) -> str:
    """The operation of a request."""
    for name in OPERATIONS:
        verb, _, template = name.partition(" ")
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if verb == method and re.fullmatch(pattern, path) and ("{" not in template or path not in PATHS):
            return name
    raise AssertionError(f"the description has no {method} {path}")


def test_every_endpoint_has_a_call_or_a_reason() -> None:
    called = {operation_of(method, f"/api/v1{path}") for _, _, _, (method, path, *_) in CALLS.values()}
    own = {operation for _, operation, _ in API_CLIENT_CALLS.values()}
    assert not (called | own) & WITHOUT_A_CALL.keys()
    assert called | own | WITHOUT_A_CALL.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", API_CLIENT_CALLS)
def test_a_call_of_the_api_client_sends_its_request_and_reads_its_response(
    stub: StubApi, run_as: Callable[..., Run], name: str
) -> None:
    call, operation, response = API_CLIENT_CALLS[name]
    stub.default_response = response
    assert run_as()(call) is not None or response is NO_CONTENT
    (request,) = stub.requests
    assert operation_of(request.method, request.path) == operation


@pytest.mark.parametrize("name", CALLS)
def test_the_request_of_a_call_keeps_to_the_description(name: str) -> None:
    _, _, _, (method, path, query, body, version) = CALLS[name]
    operation = OPERATIONS[operation_of(method, f"/api/v1{path}")]
    parameters = {parameter["name"]: parameter for parameter in operation.get("parameters", [])}
    assert query.keys() <= {name for name, parameter in parameters.items() if parameter["in"] == "query"}
    assert ("If-Match" in parameters) is (version is not None)
    content = operation.get("requestBody", {}).get("content", {})
    assert bool(content) is (body is not None)
    if content:
        model = REQUESTS[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]
        model.model_validate(body)


@pytest.mark.parametrize("name", [*CALLS, *API_CLIENT_CALLS])
def test_the_response_of_the_stub_keeps_to_the_description(name: str) -> None:
    """A stub that differs from the API would hide errors of the client."""
    if name in CALLS:
        _, _, response, (method, path, *_) = CALLS[name]
        operation = OPERATIONS[operation_of(method, f"/api/v1{path}")]
    else:
        _, label, response = API_CLIENT_CALLS[name]
        operation = OPERATIONS[label]
    declared = operation["responses"][str(response.status)].get("content", {})
    if response is NO_CONTENT:
        assert not declared
    elif "application/json" in declared:
        model = models()[declared["application/json"]["schema"]["$ref"].rpartition("/")[2]]
        model.model_validate_json(response.content, strict=True)
    else:
        assert response.headers["Content-Type"].partition(";")[0] in declared
