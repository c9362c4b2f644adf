"""The rights of tokens: own tokens, other clients' tokens and machines; revoked rights are gone at the next call."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.errors import Unauthenticated
from app.core.permissions import CATALOGUE, ROLES, Permission
from app.core.records import BearerFacts, EndReason
from remote_api.access import EXTENSION
from tests.remote_api.world import ApiWorld

USAGE = "/api/v1/reports/usage"


def _permissions(world: ApiWorld, token: str) -> list[str]:
    answer = world.call("/api/v1/me", token)
    assert answer.status_code == 200, answer.text
    return [permission["name"] for permission in answer.json["permissions"]]


def in_order(permissions: frozenset[str] | frozenset[Permission]) -> list[str]:
    """These permissions in the order of the catalogue."""
    return [name for name in CATALOGUE if name in permissions]


# Our own client's tokens


def test_an_own_token_uses_local_grants_fully_and_nothing_it_asserts_itself(world: ApiWorld) -> None:
    signed_in = world.sign_in(roles=("viewer",), permissions=["explore:api", "export:reports"])
    assert _permissions(world, signed_in.token) == in_order(ROLES["viewer"][1])
    me = world.call("/api/v1/me", signed_in.token).json
    assert (me["method"], me["session"], me["client_id"]) == ("own-token", signed_in.ref, world.OWN_CLIENT)
    assert me["authenticated_at"] is not None


def test_an_own_clients_token_that_the_app_does_not_hold_is_refused(world: ApiWorld) -> None:
    world.sign_in()
    token = world.issuer.access_token(azp=world.OWN_CLIENT, jti="another")
    answer = world.call("/api/pong", token)
    assert (answer.status_code, answer.json["code"]) == (401, "token-invalid")


def test_an_own_clients_machine_token_is_refused_too(world: ApiWorld) -> None:
    world.sign_in()
    assert world.call("/api/pong", world.issuer.machine_token(azp=world.OWN_CLIENT)).status_code == 401


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (EndReason.SIGNED_OUT, "session-ended"),
        (EndReason.ENDED_BY_ADMIN, "session-ended"),
        (EndReason.BACKCHANNEL_LOGOUT, "session-ended"),
        (EndReason.EXPIRED, "session-expired"),
    ],
)
def test_a_token_dies_with_its_session(world: ApiWorld, reason: EndReason, code: str) -> None:
    signed_in = world.sign_in()
    assert world.call("/api/pong", signed_in.token).status_code == 200
    world.end_session(signed_in.ref, reason)
    answer = world.call("/api/pong", signed_in.token)
    # The hashes of the tokens of an ended session may be deleted: the token is refused either way.
    assert answer.status_code == 401
    assert answer.json["code"] in {code, "token-invalid"}
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("limit", ["idle", "absolute"])
def test_a_session_past_its_limits_counts_no_more(make_world: Callable[..., ApiWorld], limit: str) -> None:
    world = make_world(session_idle_seconds=60 if limit == "idle" else 3600)
    signed_in = world.sign_in(lasts=timedelta(seconds=100))
    for seconds in range(50, 100, 10):  # calls do not keep a session alive
        world.clock.ahead = timedelta(seconds=seconds)
        alive = limit == "absolute" or seconds < 60
        assert world.call("/api/pong", signed_in.token).status_code == (200 if alive else 401)
    world.clock.ahead = timedelta(seconds=101)
    assert world.call("/api/pong", signed_in.token).json["code"] == "session-expired"


# Other clients' tokens


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"scope": "openid", "permissions": []}, []),
        ({"scope": "read:reports", "permissions": []}, ["read:reports"]),
        ({"scope": "read:reports export:reports", "permissions": []}, ["read:reports"]),
        ({"scope": "read:messages", "permissions": []}, ["read:messages"]),
        ({"scope": "", "permissions": ["explore:api", "no:such"]}, ["explore:api"]),
        ({"scope": "explore:files", "permissions": []}, []),
        ({"scope": ["read:reports"], "permissions": []}, ["read:reports"]),
        ({"scope": "", "permissions": "explore:api"}, ["explore:api"]),
        ({"scope": {"read:reports": True}, "permissions": []}, []),
        ({"scope": "", "permissions": {"explore:api": True}}, []),
        ({"scope": "READ:REPORTS read:reports:all xread:reports", "permissions": []}, []),
    ],
)
def test_another_clients_token(world: ApiWorld, claims: dict[str, Any], expected: list[str]) -> None:
    world.person(roles=("viewer",))
    answer = world.call("/api/v1/me", world.issuer.access_token(**claims))
    if answer.status_code == 401:  # a claim of an impossible type is refused altogether
        assert not expected
    else:
        assert [permission["name"] for permission in answer.json["permissions"]] == expected


def test_held_but_not_through_this_client(world: ApiWorld) -> None:
    world.person(roles=("viewer",))
    answer = world.call(USAGE, world.issuer.access_token(scope="openid", permissions=[]))
    assert (answer.status_code, answer.json["reason"]) == (403, "scope")


class SignedOut:
    """The database, in which Ann has signed out everywhere just now."""

    def __init__(self, world: ApiWorld) -> None:
        self._world = world
        self.read: Any = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.database.read, name)

    def unit_of_work(self) -> Any:
        return self._world.database.unit_of_work()

    def bearer_facts(self, *arguments: Any) -> BearerFacts:
        facts = self._world.database.read.bearer_facts(*arguments)
        assert facts.person is not None
        return replace(facts, person=replace(facts.person, signed_out_at=self._world.clock() + timedelta(minutes=1)))


def test_signed_out_everywhere_refuses_older_tokens(world: ApiWorld) -> None:
    world.person()
    old = world.issuer.access_token()
    assert world.call("/api/pong", old).status_code == 200
    world.app = world.make_app(SignedOut(world))
    answer = world.call("/api/pong", old)
    assert (answer.status_code, answer.json["code"]) == (401, "token-invalid")


# Machines


def test_a_machine_uses_its_scope_and_its_local_grants(world: ApiWorld) -> None:
    token = world.issuer.machine_token(scope="explore:api", permissions=[])
    assert _permissions(world, token) == ["explore:api"]
    world.grant(world.subject("robot@clients"), role="viewer")
    assert _permissions(world, token) == in_order(ROLES["viewer"][1] | {"explore:api"})
    assert world.call("/api/v1/me", token).json["method"] == "machine"


def test_a_blocked_machine_is_refused(world: ApiWorld) -> None:
    token = world.issuer.machine_token()
    world.person("robot@clients")
    world.block(world.subject("robot@clients"))
    assert world.call("/api/pong", token).status_code == 403


# Revoked rights


def test_a_revoked_role_counts_no_more_at_the_next_call(world: ApiWorld) -> None:
    signed_in = world.sign_in(roles=("viewer",))
    assert world.call(USAGE, signed_in.token).status_code == 200
    world.revoke(signed_in.subject, role="viewer")
    assert world.call(USAGE, signed_in.token).status_code == 403
    world.grant(signed_in.subject, permission="read:reports")
    assert world.call(USAGE, signed_in.token).status_code == 200


def test_a_blocked_persons_valid_tokens_are_refused_at_the_next_call(world: ApiWorld) -> None:
    signed_in, other = world.sign_in(roles=("administrator",)), world.issuer.access_token()
    assert world.call(USAGE, signed_in.token).status_code == 200
    assert world.call("/api/pong", other).status_code == 200
    world.block(signed_in.subject)
    for path, token in ((USAGE, signed_in.token), ("/api/pong", signed_in.token), ("/api/pong", other)):
        answer = world.call(path, token)
        assert (answer.status_code, answer.json["reason"]) == (403, "blocked")


def test_a_grant_counts_until_it_expires(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    world.grant(signed_in.subject, role="viewer", expires_at=world.clock() + timedelta(seconds=30))
    assert world.call(USAGE, signed_in.token).status_code == 200
    world.clock.ahead = timedelta(seconds=31)
    assert world.call(USAGE, signed_in.token).status_code == 403


# What /me tells


def test_me_names_the_grants_of_each_permission(world: ApiWorld) -> None:
    signed_in = world.sign_in(roles=("viewer",))
    until = world.clock() + timedelta(hours=1)
    world.grant(signed_in.subject, permission="read:reports", expires_at=until)
    me = world.call("/api/v1/me", signed_in.token).json
    assert me["subject"] == {"issuer": world.issuer.url, "subject": "auth0|ann"}
    assert me["name"] == "Ann Example"
    (role,) = me["roles"]
    assert (role["name"], role["ways"][0]["source"], role["ways"][0]["by"]) == ("viewer", "admin", "tests")
    (permission,) = (row for row in me["permissions"] if row["name"] == "read:reports")
    assert len(me["permissions"]) == len(ROLES["viewer"][1])
    grant_paths = {(path["role"], path["source"], path["until"] is None) for path in permission["ways"]}
    assert grant_paths == {("viewer", "admin", True), (None, "admin", False)}


def test_an_unknown_subject_is_recorded_once_and_off_the_call(world: ApiWorld) -> None:
    token = world.issuer.access_token(sub="auth0|new")
    assert world.call("/api/pong", token).status_code == 200
    world.background_writer.flush()
    person = world.database.read.person(world.subject("auth0|new"))
    assert person is not None
    assert (person.name, person.email, person.machine) == ("", "", False)
    world.call("/api/pong", world.issuer.machine_token())
    world.background_writer.flush()
    machine = world.database.read.person(world.subject("robot@clients"))
    assert machine is not None
    assert machine.machine


def test_concurrent_requests_keep_their_callers(world: ApiWorld) -> None:
    people = [world.sign_in(f"auth0|{number}", roles=("viewer",) if number % 2 else ()) for number in range(6)]
    tokens = {person.token: (person.subject.subject, number % 2 == 1) for number, person in enumerate(people)}
    tokens[world.issuer.machine_token(scope="")] = ("robot@clients", False)
    requests = [*tokens, "garbage"] * 25

    def ask(token: str) -> tuple[str, str | None, int]:
        me = world.call("/api/v1/me", token)
        return (
            token,
            me.json["subject"]["subject"] if me.status_code == 200 else None,
            world.call(USAGE, token).status_code,
        )

    with ThreadPoolExecutor(8) as threads:
        for token, subject, status in threads.map(ask, requests):
            if token == "garbage":
                assert (subject, status) == (None, 401)
            else:
                assert (subject, status == 200) == tokens[token]


def test_a_refusal_is_recorded_with_everything_that_explains_it(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world(trusted_proxies=("10.0.0.0/8",))
    signed_in = world.sign_in()
    answer = world.call(
        USAGE,
        signed_in.token,
        headers={"X-Forwarded-For": "203.0.113.9", "X-Correlation-ID": "reference-1"},
        environ_overrides={"REMOTE_ADDR": "10.0.0.5"},
    )
    assert answer.status_code == 403
    (event,) = world.events("api:endpoint:deny")
    assert {name: event[name] for name in ("outcome", "actor", "target", "reason", "correlation_id", "address")} == {
        "outcome": "refused",
        "actor": f"auth0|ann at {world.issuer.url}",
        "target": f"GET {USAGE}",
        "reason": "not-granted",
        "correlation_id": "reference-1",
        "address": "203.0.113.9",
    }
    assert event["details"] == {"permission": "read:reports", "method": "own-token", "client": "gatehouse-app"}


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        (EndReason.ENDED_BY_ADMIN, "The session of this token was ended. Sign in again."),
        (EndReason.EXPIRED, "The session of this token has expired. Sign in again."),
    ],
)
def test_the_end_of_a_session_is_explained(world: ApiWorld, reason: EndReason, detail: str) -> None:
    signed_in = world.sign_in()
    person_facts = world.database.read.bearer_facts
    token = world.issuer.verifier().access_token(signed_in.token)
    session = person_facts(token.digest, token.subject, token.client_id).session
    assert session is not None
    ended = replace(session, ended_at=world.clock(), end_reason=reason)
    with pytest.raises(Unauthenticated) as caught:
        world.app.extensions[EXTENSION]._check_live(ended)
    assert caught.value.detail == detail
