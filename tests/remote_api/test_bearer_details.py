"""The bearer token of a request, and the caller that it leads to: exact messages, reasons, grants and log lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from app.core.errors import BadRequest, StorageUnavailable
from app.core.permissions import Permission
from app.core.records import EndReason, Person
from app.core.tokens.hashes import token_hash
from remote_api import access
from remote_api.actor_names import actor_name, present_names
from remote_api.bearer import bearer_token
from tests.issuer import ROLES_CLAIM
from tests.remote_api.world import ApiWorld

IN_ADDRESS = "Send the access token in the Authorization header, never in the address."
MALFORMED = "Send exactly one Authorization header: Bearer, a space, and one access token."


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({}, None),
        ({"HTTP_AUTHORIZATION": ""}, None),
        ({"HTTP_AUTHORIZATION": "Basic abc"}, None),
        ({"HTTP_AUTHORIZATION": "Bearer abc"}, "abc"),
        ({"HTTP_AUTHORIZATION": "bEARER   XabcX"}, "XabcX"),
        ({"HTTP_AUTHORIZATION": "Bearer abc", "QUERY_STRING": "access_tokens=1&my_access_token=2"}, "abc"),
    ],
)
def test_the_token_of_a_request(environ: dict[str, Any], token: str | None) -> None:
    assert bearer_token(environ) == token


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"QUERY_STRING": "access_token=abc"}, IN_ADDRESS),
        ({"QUERY_STRING": "a=1&access_token", "HTTP_AUTHORIZATION": "Bearer abc"}, IN_ADDRESS),
        ({"HTTP_AUTHORIZATION": "Bearer "}, MALFORMED),
        ({"HTTP_AUTHORIZATION": "Bearer a,b"}, MALFORMED),
        ({"HTTP_AUTHORIZATION": "Bearer a b"}, MALFORMED),
        ({"HTTP_AUTHORIZATION": "Basic abc, bearer"}, MALFORMED),
    ],
)
def test_a_malformed_request_names_what_to_send(environ: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        bearer_token(environ)
    assert caught.value.detail == message


def as_caller(world: ApiWorld, token: str, **environ: Any) -> Any:
    """A request with this token."""
    return world.app.test_request_context("/", headers={"Authorization": f"Bearer {token}"}, environ_overrides=environ)


def test_the_caller_is_read_once_for_each_request(world: ApiWorld) -> None:
    token = world.sign_in(roles=("viewer",)).token
    with as_caller(world, token):
        assert access.caller() is access.caller()


def test_the_address_is_that_of_the_connection_or_of_a_trusted_proxy(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world(trusted_proxies="203.0.113.1")
    for environ, address in (
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "198.51.100.4"}, "203.0.113.9"),
        ({"REMOTE_ADDR": "203.0.113.1", "HTTP_X_FORWARDED_FOR": "198.51.100.4"}, "198.51.100.4"),
        ({"REMOTE_ADDR": "203.0.113.1"}, "203.0.113.1"),
        ({}, ""),
    ):
        with world.app.test_request_context("/") as context:
            for name in ("REMOTE_ADDR", "HTTP_X_FORWARDED_FOR"):
                context.request.environ.pop(name, None)
            context.request.environ.update(environ)
            assert access.bearer_authentication().address() == address


def test_permissions_of_a_token_count_for_other_clients_only(world: ApiWorld) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    subject = world.person(roles=("administrator",))
    world.grant(subject, role="viewer", expires_at=until)
    claims: dict[str, Any] = {"permissions": ["read:audit", "not:known"], "sub": subject.subject}
    own = world.new_session(subject, permissions=["read:audit"]).token
    with as_caller(world, own):
        usual = access.caller().grants
    assert (usual.token_permissions, usual.next_expiry_at) == (frozenset(), until)
    with as_caller(world, world.issuer.access_token(azp="another", **claims)):
        assert access.caller().grants == replace(usual, token_permissions=frozenset({"read:audit"}))
    with world.database.unit_of_work() as unit:
        person = unit.person_id(subject)
        unit.withhold(person, (None, "read:audit"), by="tests", reason="tests", from_default=False, now=world.clock())
        unit.commit()
    with as_caller(world, world.issuer.access_token(azp="another", jti="2", **claims)):
        assert access.caller().grants.withheld == {"read:audit"}


@pytest.mark.parametrize(
    ("roles", "own", "recorded"), [(["viewer"], False, 0), (["viewer", 7], False, 1), (["viewer", 7], True, 0)]
)
def test_unusable_claims_are_recorded_for_other_clients_only(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, roles: list[Any], own: bool, recorded: int
) -> None:
    records: list[Any] = []
    monkeypatch.setattr(world.background_writer, "claims_dropped", lambda *arguments: records.append(arguments))
    claims: dict[str, Any] = {ROLES_CLAIM: roles}
    token = world.new_session(world.person(), **claims).token if own else world.issuer.access_token(azp="x", **claims)
    with as_caller(world, token):
        access.caller()
    assert len(records) == recorded


def reasons(world: ApiWorld) -> list[str]:
    """The reasons of the refused tokens."""
    world.background_writer.flush()
    return [event["reason"] for event in world.events("api:token:refuse")]


def test_a_refused_token_is_recorded_with_its_reason(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = world.sign_in("auth0|ann"), world.sign_in("auth0|bob")
    unknown = world.issuer.access_token(azp=world.OWN_CLIENT, sub=ann.subject.subject, jti="unknown")
    assert world.call("/api/pong", unknown).status_code == 401
    assert reasons(world) == ["access-token:not-held"]
    facts = world.database.read.bearer_facts(token_hash(bob.token), bob.subject, world.OWN_CLIENT)
    assert facts.session is not None
    monkeypatch.setattr(type(world.database.read), "bearer_facts", lambda *_: facts)
    assert world.call("/api/pong", ann.token).status_code == 401
    assert reasons(world) == ["access-token:not-held", "access-token:another-session"]


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 200), (1, 401)])
def test_a_token_from_before_signing_out_everywhere_is_refused(world: ApiWorld, seconds: int, status: int) -> None:
    issued = int(world.clock().timestamp())
    subject = world.person()
    with world.database.unit_of_work() as unit:
        unit.end_sessions_of(subject, EndReason.ENDED_BY_ADMIN, datetime.fromtimestamp(issued + seconds, UTC))
        unit.commit()
    token = world.issuer.access_token(azp="another", sub=subject.subject, iat=issued)
    assert world.call("/api/pong", token).status_code == status
    assert reasons(world) == ([] if status == 200 else ["access-token:signed-out-everywhere"])


def test_the_caller_of_a_token_has_the_picture_of_the_person(world: ApiWorld) -> None:
    subject = world.person()
    with world.database.unit_of_work() as unit:
        unit.save_person(Person(subject, name="Ann", picture="https://pictures.example.com/ann.png"), world.clock())
        unit.commit()
    for token in (world.new_session(subject).token, world.issuer.access_token(azp="x", sub=subject.subject)):
        with as_caller(world, token):
            assert access.principal().picture == "https://pictures.example.com/ann.png"


def test_a_refusal_without_a_permission_records_none(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    world.block(signed_in.subject)
    assert world.call("/api/v1/me", signed_in.token).status_code == 403
    (event,) = world.events("api:endpoint:deny")
    assert event["details"] == {"client": world.OWN_CLIENT, "method": "own-token"} | (
        {"permission": None} if "permission" in event["details"] else {}
    )


def test_a_refusal_that_cannot_be_stored_is_logged_with_what_was_refused(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable() -> Any:
        raise StorageUnavailable

    token = world.sign_in().token
    world.call("/api/pong", token)
    with structlog.testing.capture_logs() as lines:
        monkeypatch.setattr(world.database, "unit_of_work", unavailable)
        assert world.call("/api/v1/reports/usage", token).status_code == 403
    (line,) = [line for line in lines if line["event"] == "a refusal could not be recorded"]
    line.pop("correlation_id", None)
    assert line == {
        "event": "a refusal could not be recorded",
        "error": "storage-unavailable",
        "target": "GET /api/v1/reports/usage",
        "reason": "not-granted",
        "log_level": "warning",
    }


def test_actors_have_their_present_names(world: ApiWorld) -> None:
    subject = world.person()
    with world.app.test_request_context("/"):
        name_of = present_names()
        assert actor_name(f"{subject.subject} at {subject.issuer}", name_of) == "Ann Example"
        assert actor_name(f"auth0|unknown at {subject.issuer}", name_of) == ""
        assert actor_name("operator deploy", name_of) == ""


def test_a_permission_can_be_asked_for_without_requiring_it(world: ApiWorld) -> None:
    with as_caller(world, world.sign_in(roles=("viewer",)).token):
        assert (access.allows(Permission.READ_REPORTS), access.allows(Permission.READ_AUDIT)) == (True, False)
