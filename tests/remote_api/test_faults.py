"""Things that break: the database, the provider, hostile requests. Never a stack trace, never a wrong yes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core import logs
from app.core.errors import SchemaMismatch, StorageUnavailable
from tests.issuer import Fault, Issuer
from tests.remote_api.world import ApiWorld


class Down:
    """A database that does not answer."""

    def __init__(self, error: type[StorageUnavailable] = StorageUnavailable) -> None:
        self._error = error

    @property
    def read(self) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        def raises(*_: Any, **__: Any) -> None:
            raise self._error

        return raises


def test_the_database_is_down(world: ApiWorld) -> None:
    token = world.issuer.access_token()
    world.app = world.make_app(Down())
    answer = world.call("/api/pong", token)
    assert (answer.status_code, answer.json["code"]) == (503, "storage-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert world.call("/api/ping").status_code == 200
    assert world.call("/healthz").status_code == 200


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Logging as the API's process sets it up; what is logged is kept."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    logs.configure(process="api", json_lines=True)
    root.addHandler(caplog.handler)
    yield caplog
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def service_failures(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the log says of answers of the class 5xx."""
    return [
        record.msg
        for record in caplog.records
        if record.name in {"gatehouse.failures", "gatehouse.api"} and isinstance(record.msg, dict)
    ]


def test_each_503_is_one_line_in_the_log_with_its_reason(world: ApiWorld, log: pytest.LogCaptureFixture) -> None:
    """The reader is given the correlation id as a reference: the log must have it."""
    token = world.sign_in().token
    world.app = world.make_app(Down())
    path = "/api/v1/people/1/grants/2"
    for number in range(3):
        headers = {"X-Correlation-ID": f"reference-{number}", "If-Match": '"x"'}
        answer = world.call(path, token, method="DELETE", headers=headers)
        assert (answer.status_code, answer.json["correlation_id"]) == (503, f"reference-{number}")
    lines = service_failures(log)
    assert [line["correlation_id"] for line in lines] == ["reference-0", "reference-1", "reference-2"]
    assert {(line["event"], line["level"], line["error"], line["reason"], line["where"]) for line in lines} == {
        (
            "the service failed", "error", "storage-unavailable", "The database does not answer",
            "DELETE /api/v1/people/<int:person>/grants/<int:grant>",
        )
    }  # fmt: skip
    assert token not in log.text


def test_not_being_ready_is_one_line_with_every_part(world: ApiWorld, log: pytest.LogCaptureFixture) -> None:
    world.app = world.make_app(Down())
    assert world.call("/readyz").status_code == 503
    (line,) = service_failures(log)
    assert (line["reason"], line["cause"]) == ("The database does not answer.", "StorageUnavailable")


def test_refusals_are_no_failures_of_the_service(world: ApiWorld, log: pytest.LogCaptureFixture) -> None:
    assert world.call("/api/v1/people").status_code == 401
    assert world.call("/nothing").status_code == 404
    assert service_failures(log) == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StorageUnavailable, "The database does not answer."),
        (SchemaMismatch, "The database is of another version of Gatehouse."),
    ],
)
def test_not_ready_names_the_failing_part(world: ApiWorld, error: type[StorageUnavailable], sentence: str) -> None:
    assert world.call("/readyz").status_code == 200
    world.app = world.make_app(Down(error))
    answer = world.call("/readyz")
    assert (answer.status_code, answer.json["detail"]) == (503, sentence)


def test_not_ready_without_keys(make_world: Callable[..., ApiWorld]) -> None:
    with Issuer() as issuer:
        issuer.jwks_fault = Fault.DOWN
        world = make_world(issuer)
        answer = world.call("/readyz")
        assert answer.status_code == 503
        assert answer.json["detail"].startswith("The keys of the sign-in provider are not known")
        answer = world.call("/api/pong", issuer.access_token())
        assert (answer.status_code, answer.json["code"]) == (503, "provider-unavailable")


def test_cached_keys_are_used_while_the_provider_is_down(make_world: Callable[..., ApiWorld]) -> None:
    with Issuer() as issuer:
        world = make_world(issuer)
        assert world.call("/api/pong", issuer.access_token()).status_code == 200
        issuer.jwks_fault = issuer.discovery_fault = Fault.ERROR
        assert world.call("/api/pong", issuer.access_token(jti="another")).status_code == 200
        assert world.call("/readyz").status_code == 200


HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.one_of(
        st.sampled_from(["/api/pong", "/api/v1/me", "/api/v1/reports/usage", "/api/v1/me/sessions/x", "/docs/x"]),
        st.text(max_size=60).map(lambda text: f"/{text}"),
    ),
    query=st.one_of(st.just(""), st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"]),
    authorization=st.one_of(st.none(), HEADER_TEXT, HEADER_TEXT.map(lambda text: f"Bearer {text}")),
    body=st.binary(max_size=200),
    content_type=st.one_of(st.just("application/json"), HEADER_TEXT),
)
def test_no_input_breaks_it(
    world: ApiWorld,
    path: str,
    query: str,
    method: str,
    authorization: str | None,
    body: bytes,
    content_type: str,
) -> None:
    environ = {
        "PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
    }
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    answer = world.call("/", method=method, environ_overrides=environ, data=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == answer.status_code


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.one_of(st.integers().map(str), st.text(max_size=20)), extra=st.text(max_size=10))
def test_no_query_breaks_the_report(world: ApiWorld, days: str, extra: str) -> None:
    subject = world.subject("auth0|reader")
    if world.database.read.person(subject) is None:
        world.person("auth0|reader", roles=("viewer",))
    token = world.issuer.access_token(sub="auth0|reader", scope="read:reports")
    for query in ({"days": days}, {"days": days, extra: "x"}):
        assert world.call("/api/v1/reports/usage", token, query_string=query).status_code in {200, 400, 422}
