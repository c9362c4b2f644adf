"""The literal matrix: every endpoint for everybody → status. A change of anybody's rights shows in this file's diff."""

from __future__ import annotations

import pytest

from app.core.permissions import ROLES
from tests.api.world import World

WHO = ("anonymous", "nobody", "administrator", "analyst", "viewer", "auditor", "developer", "blocked administrator")
MATRIX = {
    # operation: anonymous, no role, administrator, analyst, viewer, auditor, developer, blocked
    "GET /api/ping": (200, 200, 200, 200, 200, 200, 200, 200),
    "GET /api/pong": (401, 200, 200, 200, 200, 200, 200, 403),
    "GET /api/pong-scoped": (401, 403, 200, 403, 403, 403, 200, 403),
    "POST /api/echo": (401, 415, 415, 415, 415, 415, 415, 403),
    "GET /api/v1/me": (401, 200, 200, 200, 200, 200, 200, 403),
    "GET /api/v1/me/sessions": (401, 200, 200, 200, 200, 200, 200, 403),
    "DELETE /api/v1/me/sessions": (401, 200, 200, 200, 200, 200, 200, 403),
    "DELETE /api/v1/me/sessions/<ref>": (401, 404, 404, 404, 404, 404, 404, 403),
    "GET /api/v1/reports/usage": (401, 403, 200, 200, 200, 200, 403, 403),
    "GET /api/v1/reports/usage.csv": (401, 403, 200, 200, 403, 403, 403, 403),
    "GET /healthz": (200, 200, 200, 200, 200, 200, 200, 200),
    "GET /readyz": (200, 200, 200, 200, 200, 200, 200, 200),
    "GET /openapi.json": (200, 200, 200, 200, 200, 200, 200, 200),
}
ELSEWHERE = {"GET /docs", "GET /docs/<name>"}
"""Public too, and there only where their package is installed: see test_docs."""


@pytest.mark.parametrize("who", WHO)
def test_everybody_gets_exactly_what_they_may(world: World, who: str) -> None:
    role = who.removeprefix("blocked ")
    token = None
    if who != "anonymous":
        signed_in = world.sign_in(roles=(role,) if role in ROLES else ())
        token = signed_in.token
        if who.startswith("blocked"):
            world.block(signed_in.subject)
    found = {}
    for operation in MATRIX:
        method, _, path = operation.partition(" ")
        found[operation] = world.call(path.replace("<ref>", "unknown"), token, method=method).status_code
    assert found == {operation: statuses[WHO.index(who)] for operation, statuses in MATRIX.items()}


def test_the_matrix_has_every_operation(world: World) -> None:
    operations = {
        f"{method} {rule.rule}"
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert operations == MATRIX.keys() | ELSEWHERE


def test_the_matrix_has_every_built_in_role() -> None:
    assert set(WHO) - {"anonymous", "nobody", "blocked administrator"} == ROLES.keys()


@pytest.mark.parametrize("operation", MATRIX)
def test_other_methods_are_refused(world: World, operation: str) -> None:
    path = operation.partition(" ")[2].replace("<ref>", "unknown")
    known = {other.partition(" ")[0] for other in MATRIX if other.partition(" ")[2].replace("<ref>", "unknown") == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - known:
        answer = world.call(path, method=method)
        assert answer.status_code == 405, method
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == known
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
