"""Things that break: the database, the provider, hostile requests. Never a stack trace, never a wrong yes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import SchemaMismatch, StorageUnavailable
from tests.api.world import World
from tests.issuer import Fault, Issuer


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


def test_the_database_is_down(world: World) -> None:
    token = world.issuer.access_token()
    world.app = world.make_app(Down())
    answer = world.call("/api/pong", token)
    assert (answer.status_code, answer.json["code"]) == (503, "storage-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert world.call("/api/ping").status_code == 200
    assert world.call("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StorageUnavailable, "The database does not answer."),
        (SchemaMismatch, "The database is of another version of Gatehouse."),
    ],
)
def test_not_ready_says_which_part(world: World, error: type[StorageUnavailable], sentence: str) -> None:
    assert world.call("/readyz").status_code == 200
    world.app = world.make_app(Down(error))
    answer = world.call("/readyz")
    assert (answer.status_code, answer.json["detail"]) == (503, sentence)


def test_not_ready_without_keys(make_world: Callable[..., World]) -> None:
    with Issuer() as issuer:
        issuer.jwks_fault = Fault.DOWN
        world = make_world(issuer)
        answer = world.call("/readyz")
        assert answer.status_code == 503
        assert answer.json["detail"].startswith("The keys of the sign-in provider are not known")
        answer = world.call("/api/pong", issuer.access_token())
        assert (answer.status_code, answer.json["code"]) == (503, "provider-unavailable")


def test_cached_keys_go_on_when_the_provider_is_down(make_world: Callable[..., World]) -> None:
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
    world: World,
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
def test_no_query_breaks_the_report(world: World, days: str, extra: str) -> None:
    subject = world.subject("auth0|reader")
    if world.database.read.person(subject) is None:
        world.person("auth0|reader", roles=("viewer",))
    token = world.issuer.access_token(sub="auth0|reader", scope="read:reports")
    for query in ({"days": days}, {"days": days, extra: "x"}):
        assert world.call("/api/v1/reports/usage", token, query_string=query).status_code in {200, 400, 422}
