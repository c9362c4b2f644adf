"""The typed calls of administration: the exact request of each call, and the permission it requires."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from app.admin.api import audit as audit_api
from app.admin.api import grants as grants_api
from app.admin.api import installation as installation_api
from app.admin.api import mappings as mappings_api
from app.admin.api import people as people_api
from app.admin.api import roles as roles_api
from app.admin.api import sessions as sessions_api
from app.core.contract.people import PersonBody
from app.core.errors import ApiUnavailable, ChangeUnconfirmed, PermissionDenied, ServiceUnavailable
from tests.app.admin.api.calls import CALLS, CARD, LIST_FIELDS, NO_CONTENT, ROLE, VIEWER_ROLE, Run
from tests.stub_api import FAULTS, RecordedRequest, StubApi, StubResponse, json_of

MODULES = ("audit", "grants", "installation", "mappings", "people", "roles", "sessions")


def guarded_calls() -> dict[str, str]:
    """Each guarded function of the modules → the permission it requires."""
    calls = {}
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"app.admin.api.{module}")).items():
            if hasattr(value, "required_permission") and value.__module__ == f"app.admin.api.{module}":
                calls[f"{module}.{name}"] = str(value.required_permission)
    return calls


def test_every_call_is_in_the_table_with_its_permission() -> None:
    assert guarded_calls() == {name: permission for name, (_, permission, _, _) in CALLS.items()}


def test_the_modules_have_no_other_public_functions() -> None:
    for module in MODULES:
        functions = [
            name
            for name, value in vars(importlib.import_module(f"app.admin.api.{module}")).items()
            if callable(value)
            and not isinstance(value, type)
            and getattr(value, "__module__", "") == f"app.admin.api.{module}"
            and not hasattr(value, "required_permission")
        ]
        assert set(functions) <= {"_expiry", "_filters"}, module


@pytest.mark.parametrize("name", CALLS)
def test_a_call_sends_its_request_and_reads_its_response(stub: StubApi, run_as: Callable[..., Run], name: str) -> None:
    call, permission, response, (method, path, query, body, version) = CALLS[name]
    stub.default_response = response
    assert run_as(permissions=(permission,))(call) is not None or response is NO_CONTENT
    (request,) = stub.requests
    assert (request.method, request.path, request.query) == (method, f"/api/v1{path}", query)
    assert (request.json() if request.content else None) == body
    assert request.headers.get("if-match") == (f'"{version}"' if version else None)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_without_its_permission_sends_no_request(stub: StubApi, run_as: Callable[..., Run], name: str) -> None:
    call, permission, _, _ = CALLS[name]
    others = tuple(sorted({other for _, other, _, _ in CALLS.values()} - {permission}))
    with pytest.raises(PermissionDenied) as raised:
        run_as(permissions=others)(call)
    assert raised.value.permission == permission
    assert stub.requests == []


@pytest.mark.parametrize("fault", ["html", "list", "empty", "other shape", "cut", "redirect"])
@pytest.mark.parametrize("name", CALLS)
def test_a_response_outside_the_contract_is_an_error(
    stub: StubApi, run_as: Callable[..., Run], name: str, fault: str
) -> None:
    call, _, response, (method, *_) = CALLS[name]
    if response is NO_CONTENT and fault == "empty":
        return
    changes = method != "GET" and name != "roles.review_role"
    stub.default_response = FAULTS[fault]
    with pytest.raises(ServiceUnavailable) as raised:
        run_as(roles=("administrator",))(call)
    # A proxy that redirects has not forwarded the change.
    assert raised.type is (ChangeUnconfirmed if changes and fault != "redirect" else ApiUnavailable)


def test_unknown_members_of_a_response_are_ignored(stub: StubApi, run_as: Callable[..., Run]) -> None:
    stub.default_response = json_of({**CARD, "shoe_size": 43})
    card = run_as(roles=("administrator",))(lambda: people_api.person(7))
    assert isinstance(card, PersonBody)
    assert card.grants[0].since == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert (card.shown_name, card.audit_name) == ("Bo", "auth0|7 at https://i/")


def test_adding_a_grant_returns_whether_it_is_new(stub: StubApi, run_as: Callable[..., Run]) -> None:
    run = run_as(roles=("administrator",))
    for status, new in ((201, True), (200, False)):
        stub.default_response = json_of(CARD, status)
        result = run(lambda: grants_api.add_grant(7, VIEWER_ROLE, reason="r", version="v1"))
        assert isinstance(result, tuple)
        assert result[1] is new


def test_no_response_is_shared_between_users(stub: StubApi, run_as: Callable[..., Run]) -> None:
    """Responses are not cached: each call sends a request with the token of its caller."""
    authorizations: list[str] = []

    def answer(request: RecordedRequest) -> StubResponse:
        authorizations.append(request.headers["authorization"])
        return json_of({"roles": [ROLE], **LIST_FIELDS})

    stub.responses["GET", "/api/v1/roles"] = answer
    for _ in range(2):
        run_as(roles=("administrator",))(roles_api.roles)
    assert len(set(authorizations)) == 2


def test_every_module_of_calls_is_checked() -> None:
    assert {module.__name__.rpartition(".")[2] for module in (
        audit_api, grants_api, installation_api, mappings_api, people_api, roles_api, sessions_api,
    )} == set(MODULES)  # fmt: skip
