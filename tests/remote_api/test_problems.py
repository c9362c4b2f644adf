"""Every error has one form: problem+json with its code, an id, and nothing that was sent; and the right challenge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import ImATeapot, RequestEntityTooLarge
from werkzeug.exceptions import UnsupportedMediaType as HttpUnsupportedMediaType

from app.core.errors import (
    BadRequest,
    ChangeUnconfirmed,
    ConfigurationError,
    ExceedsOwnPermissions,
    GatehouseError,
    InvalidInput,
    PermissionDenied,
    RuleViolated,
    StepUpRequired,
    TooManyRequests,
    Unauthenticated,
    all_errors,
)
from remote_api.problems import problem
from tests.remote_api.world import ApiWorld

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "correlation_id"}
ARGUMENTS: dict[type[GatehouseError], Any] = {
    ConfigurationError: lambda: ConfigurationError(["GATEHOUSE_DATABASE_URL is secret-thing"]),
    PermissionDenied: lambda: PermissionDenied("read:reports", "not-granted"),
    StepUpRequired: lambda: StepUpRequired("export:reports", max_age_seconds=60, acr="urn:two"),
    InvalidInput: lambda: InvalidInput({"days": "Too many."}),
    ExceedsOwnPermissions: lambda: ExceedsOwnPermissions(["manage:roles"]),
    TooManyRequests: lambda: TooManyRequests(7),
}


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_is_a_problem_document(kind: type[GatehouseError]) -> None:
    error = ARGUMENTS.get(kind, kind)()
    response = problem(error)
    body = json.loads(response.body)
    headers = dict(response.headers)
    assert headers["Content-Type"] == "application/problem+json"
    assert body.keys() >= MEMBERS
    assert (body["code"], body["status"], response.status) == (kind.code, kind.status, kind.status)
    assert body["type"].endswith(f"/{kind.code}")
    assert body["correlation_id"] in body["instance"]
    assert body["detail"]
    # No other token would help against a rule of administration, so there is nothing to challenge for.
    assert ("WWW-Authenticate" in headers) == (kind.status in {401, 403} and not issubclass(kind, RuleViolated))
    # A change that may have been kept is not to be sent again unseen.
    assert ("Retry-After" in headers) == (kind.status in {429, 503} and kind is not ChangeUnconfirmed)
    if kind.status != 500:
        assert body["title"] == kind.title
        assert {name: body[name] for name in error.fields()} == error.fields()


def test_settings_are_never_shown() -> None:
    assert b"secret-thing" not in problem(ConfigurationError(["secret-thing"])).body


def test_retry_after_equals_the_seconds_of_the_error() -> None:
    assert dict(problem(TooManyRequests(7)).headers)["Retry-After"] == "7"


def test_challenges() -> None:
    def challenge(error: Exception, *, protected: bool = False) -> str | None:
        return dict(problem(error, protected=protected).headers).get("WWW-Authenticate")

    assert challenge(Unauthenticated()) == 'Bearer realm="gatehouse"'
    assert challenge(BadRequest()) is None
    assert challenge(BadRequest(), protected=True) == 'Bearer realm="gatehouse", error="invalid_request"'


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RequestEntityTooLarge(), 413, "too-large"),
        (HttpUnsupportedMediaType(), 415, "unsupported-media-type"),
        (ImATeapot(), 400, "bad-request"),
    ],
)
def test_the_frameworks_errors_become_ours(error: Exception, status: int, code: str) -> None:
    response = problem(error)
    assert (response.status, json.loads(response.body)["code"]) == (status, code)


def test_an_unknown_address(world: ApiWorld) -> None:
    answer = world.call("/api/none")
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_an_unexpected_error_is_an_id_and_a_line_in_the_log(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the secret inside")

    token = world.issuer.access_token()
    monkeypatch.setattr(type(world.database.read), "role_descriptions", broken)
    world.person(roles=("viewer",))
    answer = world.call("/api/v1/me", token)
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "secret inside" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    logged = "".join(capsys.readouterr())
    assert answer.json["correlation_id"] in logged
    assert "ZeroDivisionError" in logged
    assert token not in logged


def test_the_log_of_production_shows_no_variables_of_the_trace(tmp_path: Path) -> None:
    """In a process of its own: how a process logs is set once."""
    script = """
from app.core import logs
logs.configure(process="api", json_lines=True)
from tests.remote_api.world import api_world
from tests.issuer import Issuer
with Issuer() as issuer:
    world = api_world(issuer)
    token = issuer.access_token()
    world.app.extensions["gatehouse.services"].storage.read._bearer = None
    assert world.call("/api/pong", token).status_code == 500
    world.close()
print(token)
"""
    root = str(Path(__file__).parents[2])
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": root},
    )  # fmt: skip
    payload = process.stdout.strip().split(".")[1]
    assert "AttributeError" in process.stderr
    assert payload[:30] not in process.stderr
    assert "auth0|ann" not in process.stderr
