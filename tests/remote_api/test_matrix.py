"""The literal matrix of every endpoint and caller → status. A change of permissions shows in this file's diff."""

from __future__ import annotations

import re

import pytest

from app.core.permissions import ROLES
from tests.remote_api.world import ApiWorld

CALLERS = (
    "anonymous",
    "no roles",
    "administrator",
    "analyst",
    "viewer",
    "auditor",
    "developer",
    "blocked administrator",
    "administrator machine",
)
MATRIX = {
    # operation: anonymous, no role, administrator, analyst, viewer, auditor, developer, blocked, machine
    "GET /api/ping": (200, 200, 200, 200, 200, 200, 200, 200, 200),
    "GET /api/pong": (401, 200, 200, 200, 200, 200, 200, 403, 200),
    "GET /api/pong-scoped": (401, 403, 200, 403, 403, 403, 200, 403, 200),
    "POST /api/echo": (401, 415, 415, 415, 415, 415, 415, 403, 415),
    "GET /api/v1/me": (401, 200, 200, 200, 200, 200, 200, 403, 200),
    "GET /api/v1/me/sessions": (401, 200, 200, 200, 200, 200, 200, 403, 403),
    "DELETE /api/v1/me/sessions": (401, 200, 200, 200, 200, 200, 200, 403, 403),
    "DELETE /api/v1/me/sessions/<ref>": (401, 404, 404, 404, 404, 404, 404, 403, 403),
    "GET /api/v1/reports/usage": (401, 403, 200, 200, 200, 200, 403, 403, 200),
    "GET /api/v1/reports/usage.csv": (401, 403, 200, 200, 403, 403, 403, 403, 403),
    # People. A permitted change lacks the version here (428), or the body (415), or the reason (422).
    "GET /api/v1/people": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "POST /api/v1/people": (401, 403, 415, 403, 403, 403, 403, 403, 415),
    "GET /api/v1/people/<int:person>": (401, 403, 404, 403, 403, 404, 403, 403, 404),
    "PUT /api/v1/people/<int:person>/block": (401, 403, 428, 403, 403, 403, 403, 403, 428),
    # Erasing asks for a second factor: 401 is the challenge for it, and a machine never has one.
    "POST /api/v1/people/<int:person>/erasure": (401, 403, 401, 403, 403, 403, 403, 403, 403),
    "POST /api/v1/people/<int:person>/grants": (401, 403, 428, 403, 403, 403, 403, 403, 428),
    "DELETE /api/v1/people/<int:person>/grants/<int:grant>": (401, 403, 428, 403, 403, 403, 403, 403, 428),
    "GET /api/v1/people/<int:person>/sessions": (401, 403, 404, 403, 403, 404, 403, 403, 404),
    "DELETE /api/v1/people/<int:person>/sessions": (401, 403, 422, 403, 403, 403, 403, 403, 422),
    "DELETE /api/v1/people/<int:person>/withheld/<int:withheld>": (401, 403, 428, 403, 403, 403, 403, 403, 428),
    "POST /api/v1/grants/bulk": (401, 403, 415, 403, 403, 403, 403, 403, 415),
    # Roles, permissions, mappings
    "GET /api/v1/roles": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "POST /api/v1/roles": (401, 403, 415, 403, 403, 403, 403, 403, 415),
    "GET /api/v1/roles/permissions": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "GET /api/v1/roles/<int:role>": (401, 403, 404, 403, 403, 404, 403, 403, 404),
    "PUT /api/v1/roles/<int:role>": (401, 403, 428, 403, 403, 403, 403, 403, 428),
    "DELETE /api/v1/roles/<int:role>": (401, 403, 428, 403, 403, 403, 403, 403, 428),
    "POST /api/v1/roles/<int:role>/review": (401, 403, 415, 403, 403, 415, 403, 403, 415),
    "GET /api/v1/permissions": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "GET /api/v1/mappings": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "PUT /api/v1/mappings": (401, 403, 428, 403, 403, 403, 403, 403, 428),
    # Sessions, statistics and the audit
    "GET /api/v1/sessions": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "DELETE /api/v1/sessions/<ref>": (401, 403, 422, 403, 403, 403, 403, 403, 422),
    "GET /api/v1/audit": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "GET /api/v1/audit/<int:seq>": (401, 403, 404, 403, 403, 404, 403, 403, 404),
    "GET /api/v1/audit/kinds": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "GET /api/v1/audit/chain": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    # Downloading it asks for a recent sign-in, which a machine never has.
    "GET /api/v1/audit/export": (401, 403, 200, 403, 403, 200, 403, 403, 403),
    "GET /api/v1/statistics": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "GET /api/v1/guards": (401, 403, 200, 403, 403, 200, 403, 403, 200),
    "GET /healthz": (200, 200, 200, 200, 200, 200, 200, 200, 200),
    "GET /readyz": (200, 200, 200, 200, 200, 200, 200, 200, 200),
    "GET /openapi.json": (200, 200, 200, 200, 200, 200, 200, 200, 200),
}
ELSEWHERE = {"GET /docs", "GET /docs/<name>"}
"""Public too, and there only where their package is installed: see test_docs."""
QUERIES = {"/api/v1/audit/export": "?format=jsonl", "/api/v1/roles/permissions": "?role=1"}


def called(operation: str) -> str:
    """An address of the operation, of something that is not there."""
    path = operation.partition(" ")[2].replace("<ref>", "unknown")
    return re.sub(r"<int:[a-z]+>", "999999", path) + QUERIES.get(path, "")


def token_of(world: ApiWorld, caller_name: str) -> str | None:
    """A token of such a caller."""
    if caller_name == "anonymous":
        return None
    if caller_name == "administrator machine":
        world.grant(world.subject("robot@clients"), role="administrator")
        return world.issuer.machine_token(scope="", permissions=[])
    role = caller_name.removeprefix("blocked ")
    signed_in = world.sign_in(roles=(role,) if role in ROLES else ())
    if caller_name.startswith("blocked"):
        world.block(signed_in.subject)
    return signed_in.token


@pytest.mark.parametrize("caller_name", CALLERS)
def test_each_caller_is_allowed_exactly_the_literal_matrix(world: ApiWorld, caller_name: str) -> None:
    token = token_of(world, caller_name)
    answered = {}
    for operation in MATRIX:
        method = operation.partition(" ")[0]
        answered[operation] = world.call(called(operation), token, method=method).status_code
    assert answered == {operation: statuses[CALLERS.index(caller_name)] for operation, statuses in MATRIX.items()}


def test_the_matrix_has_every_operation(world: ApiWorld) -> None:
    operations = {
        f"{method} {rule.rule}"
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert operations == MATRIX.keys() | ELSEWHERE


def test_the_matrix_has_every_built_in_role() -> None:
    others = {"anonymous", "no roles", "blocked administrator", "administrator machine"}
    assert set(CALLERS) - others == ROLES.keys()


@pytest.mark.parametrize("operation", MATRIX)
def test_other_methods_are_refused(world: ApiWorld, operation: str) -> None:
    path = called(operation).partition("?")[0]
    known = {other.partition(" ")[0] for other in MATRIX if called(other).partition("?")[0] == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - known:
        answer = world.call(path, method=method)
        assert answer.status_code == 405, method
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == known
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
