"""Each endpoint of the description has a call of the app, or a reason why not; both keep to the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import api_client
from app.core.contract.base import RequestModel
from tests.app.admin.api.calls import CALLS, NOTHING, SINCE, Run
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
# call of app.api_client → operation, what is answered
OWN_CALLS: dict[str, tuple[Callable[[], object], str, StubResponse]] = {
    "usage": (
        lambda: api_client.usage(7), "GET /api/v1/reports/usage",
        json_of({"since": "2026-01-31", "until": "2026-01-31", "days": [DAY]}),
    ),
    "usage_csv": (
        lambda: api_client.usage_csv(7), "GET /api/v1/reports/usage.csv",
        StubResponse(200, b"day\n", {"Content-Type": "text/csv"}),
    ),
    "my_sessions": (api_client.my_sessions, "GET /api/v1/me/sessions", json_of({"sessions": [SESSION]})),
    "end_my_session": (
        lambda: api_client.end_my_session("r"), "DELETE /api/v1/me/sessions/{ref}", NOTHING,
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
    "GET /api/v1/me": "the API explorer calls it by its path; the app decides by its own session",
    "GET /healthz": "every change asks for it first, inside `call`",
    "GET /readyz": "for supervisors",
}
REQUESTS = {model.__name__: model for model in RequestModel.__subclasses__()}


def operation_of(method: str, path: str) -> str:
    """The operation that serves a request."""
    for name in OPERATIONS:
        verb, _, template = name.partition(" ")
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if verb == method and re.fullmatch(pattern, path) and ("{" not in template or path not in PATHS):
            return name
    raise AssertionError(f"the description has no {method} {path}")


def test_every_endpoint_has_a_call_or_a_reason() -> None:
    called = {operation_of(method, f"/api/v1{path}") for _, _, _, (method, path, *_) in CALLS.values()}
    own = {operation for _, operation, _ in OWN_CALLS.values()}
    assert not (called | own) & WITHOUT_A_CALL.keys()
    assert called | own | WITHOUT_A_CALL.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", OWN_CALLS)
def test_what_a_call_of_an_own_resource_sends_and_understands(
    stub: StubApi, run_as: Callable[..., Run], name: str
) -> None:
    do, operation, given = OWN_CALLS[name]
    stub.default_response = given
    assert run_as()(do) is not None or given is NOTHING
    (wanted,) = stub.requests
    assert operation_of(wanted.method, wanted.path) == operation


@pytest.mark.parametrize("name", CALLS)
def test_a_call_sends_what_the_description_takes(name: str) -> None:
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


@pytest.mark.parametrize("name", [*CALLS, *OWN_CALLS])
def test_what_the_tests_answer_a_call_with_is_what_the_api_answers(name: str) -> None:
    """A stub that drifts from the API would hide that its client does."""
    if name in CALLS:
        _, _, given, (method, path, *_) = CALLS[name]
        operation = OPERATIONS[operation_of(method, f"/api/v1{path}")]
    else:
        _, label, given = OWN_CALLS[name]
        operation = OPERATIONS[label]
    declared = operation["responses"][str(given.status)].get("content", {})
    if given is NOTHING:
        assert not declared
    elif "application/json" in declared:
        model = models()[declared["application/json"]["schema"]["$ref"].rpartition("/")[2]]
        model.model_validate_json(given.content, strict=True)
    else:
        assert given.headers["Content-Type"].partition(";")[0] in declared
