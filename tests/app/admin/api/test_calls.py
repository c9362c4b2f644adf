"""The typed calls of administration: each operation of the API literally, and the permission each one asks for."""

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
from tests.app.admin.api.calls import AROUND, CALLS, CARD, NOTHING, ROLE, WHAT, Run
from tests.stub_api import FAULTS, RecordedRequest, StubApi, StubResponse, json_of

MODULES = ("audit", "grants", "installation", "mappings", "people", "roles", "sessions")


def guarded_calls() -> dict[str, str]:
    """Every guarded function of the modules of calls, and what it asks for."""
    found = {}
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"app.admin.api.{module}")).items():
            if hasattr(value, "required_permission") and value.__module__ == f"app.admin.api.{module}":
                found[f"{module}.{name}"] = str(value.required_permission)
    return found


def test_every_call_stands_here_with_its_permission() -> None:
    assert guarded_calls() == {name: permission for name, (_, permission, _, _) in CALLS.items()}


def test_nothing_else_in_these_modules_reaches_the_api() -> None:
    for module in MODULES:
        functions = [
            name
            for name, value in vars(importlib.import_module(f"app.admin.api.{module}")).items()
            if callable(value)
            and not isinstance(value, type)
            and getattr(value, "__module__", "") == f"app.admin.api.{module}"
            and not hasattr(value, "required_permission")
        ]
        assert set(functions) <= {"_until", "_filters"}, module


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_sends_and_understands(stub: StubApi, run_as: Callable[..., Run], name: str) -> None:
    do, permission, given, (method, path, query, body, version) = CALLS[name]
    stub.default_response = given
    assert run_as(permissions=(permission,))(do) is not None or given is NOTHING
    (wanted,) = stub.requests
    assert (wanted.method, wanted.path, wanted.query) == (method, f"/api/v1{path}", query)
    assert (wanted.json() if wanted.content else None) == body
    assert wanted.headers.get("if-match") == (f'"{version}"' if version else None)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_goes_nowhere_without_its_permission(stub: StubApi, run_as: Callable[..., Run], name: str) -> None:
    do, permission, _, _ = CALLS[name]
    others = tuple(sorted({asked for _, asked, _, _ in CALLS.values()} - {permission}))
    with pytest.raises(PermissionDenied) as raised:
        run_as(permissions=others)(do)
    assert raised.value.permission == permission
    assert stub.requests == []


@pytest.mark.parametrize("fault", ["html", "list", "empty", "other shape", "cut", "redirect"])
@pytest.mark.parametrize("name", CALLS)
def test_what_is_not_as_agreed_is_no_answer(stub: StubApi, run_as: Callable[..., Run], name: str, fault: str) -> None:
    do, _, given, (method, *_) = CALLS[name]
    if given is NOTHING and fault == "empty":
        return
    changes = method != "GET" and name != "roles.review_role"
    stub.default_response = FAULTS[fault]
    with pytest.raises(ServiceUnavailable) as raised:
        run_as(roles=("administrator",))(do)
    # A proxy that redirects has not passed the change on.
    assert raised.type is (ChangeUnconfirmed if changes and fault != "redirect" else ApiUnavailable)


def test_members_that_are_new_are_passed_over(stub: StubApi, run_as: Callable[..., Run]) -> None:
    stub.default_response = json_of({**CARD, "shoe_size": 43})
    card = run_as(roles=("administrator",))(lambda: people_api.person(7))
    assert isinstance(card, PersonBody)
    assert card.grants[0].since == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert (card.shown_name, card.audit_name) == ("Bo", "auth0|7 at https://i/")


def test_whether_it_was_new_is_told(stub: StubApi, run_as: Callable[..., Run]) -> None:
    run = run_as(roles=("administrator",))
    for status, new in ((201, True), (200, False)):
        stub.default_response = json_of(CARD, status)
        given = run(lambda: grants_api.add_grant(7, WHAT, reason="r", version="v1"))
        assert isinstance(given, tuple)
        assert given[1] is new


def test_no_answer_is_shared_between_people(stub: StubApi, run_as: Callable[..., Run]) -> None:
    """Nothing is cached: each call asks, with the token of its caller."""
    seen: list[str] = []

    def answer(wanted: RecordedRequest) -> StubResponse:
        seen.append(wanted.headers["authorization"])
        return json_of({"roles": [ROLE], **AROUND})

    stub.responses["GET", "/api/v1/roles"] = answer
    for _ in range(2):
        run_as(roles=("administrator",))(roles_api.roles)
    assert len(set(seen)) == 2


def test_the_modules_are_all_of_them() -> None:
    assert {module.__name__.rpartition(".")[2] for module in (
        audit_api, grants_api, installation_api, mappings_api, people_api, roles_api, sessions_api,
    )} == set(MODULES)  # fmt: skip
