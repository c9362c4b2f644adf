"""The description is made from the code, kept in ``docs/openapi.json``, and true of what is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.core.contract import (
    audit,
    base,
    guards,
    health,
    mappings,
    me,
    people,
    permissions,
    roles,
    sessions,
    statistics,
    usage,
)
from app.core.contract.problem import ProblemBody
from remote_api.views.docs import DESCRIPTION
from tests.remote_api.world import ApiWorld

KEPT = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture
def description(world: ApiWorld) -> Any:
    return json.loads(world.app.extensions[DESCRIPTION].as_bytes())


def test_the_stored_description_is_current(world: ApiWorld) -> None:
    regenerate = "python -m remote_api --write-openapi docs/openapi.json"
    assert KEPT.is_file(), regenerate
    assert KEPT.read_bytes() == world.app.extensions[DESCRIPTION].as_bytes(), f"the API has changed; run: {regenerate}"


def test_the_served_description_equals_the_stored_one(world: ApiWorld) -> None:
    answer = world.call("/openapi.json")
    assert (answer.data, answer.headers["Content-Type"]) == (KEPT.read_bytes(), "application/json")


def test_every_operation_describes_its_requirements(world: ApiWorld, description: Any) -> None:
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert operations["GET /api/v1/reports/usage"]["x-required-permission"] == "read:reports"
    assert "`read:reports`" in operations["GET /api/v1/reports/usage"]["description"]
    for operation in operations.values():
        protected = "401" in operation["responses"]
        assert protected == ("403" in operation["responses"])
        named = [name] if (name := operation.get("x-required-permission")) else []
        assert operation["security"] == ([{"bearer": named}] if protected else [])
        assert "default" in operation["responses"]
        assert operation["summary"]
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    assert description["openapi"].startswith("3.1")


ANSWERS: dict[str, type[BaseModel]] = {
    "/api/ping": base.Message,
    "/api/pong": base.Message,
    "/api/pong-scoped": base.Message,
    "/api/v1/me": me.Me,
    "/api/v1/me/sessions": sessions.Sessions,
    "/api/v1/reports/usage": usage.Usage,
    "/healthz": health.Health,
    "/readyz": health.Health,
    "/api/v1/people": people.People,
    "/api/v1/people/1": people.PersonBody,
    "/api/v1/people/1/sessions": sessions.PersonSessions,
    "/api/v1/roles": roles.RoleList,
    "/api/v1/roles/1": roles.RoleBody,
    "/api/v1/roles/2": roles.RoleBody,
    "/api/v1/roles/permissions?role=1&role=2": roles.RolePermissions,
    "/api/v1/permissions": permissions.PermissionList,
    "/api/v1/mappings": mappings.MappingList,
    "/api/v1/sessions": sessions.SessionList,
    "/api/v1/audit": audit.Events,
    "/api/v1/audit/kinds": audit.Kinds,
    "/api/v1/audit/chain": audit.Chain,
    "/api/v1/audit/chain?full=true": audit.Chain,
    "/api/v1/statistics": statistics.StatisticsBody,
    "/api/v1/guards": guards.Guards,
}


@pytest.mark.parametrize("path", ANSWERS)
def test_answers_are_as_described(world: ApiWorld, path: str) -> None:
    token = world.sign_in(roles=("administrator", "viewer")).token
    answer = world.call(path, token)
    assert answer.status_code == 200
    ANSWERS[path].model_validate_json(answer.data)


def test_problems_are_as_described(world: ApiWorld) -> None:
    for answer in (world.call("/api/pong"), world.call("/none"), world.call("/api/v1/me", "garbage")):
        ProblemBody.model_validate_json(answer.data)
