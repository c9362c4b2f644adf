"""A permission that asks for a fresh or stronger sign-in, at the API: RFC 9470's challenge, and who can meet it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.permissions import REQUIREMENTS
from app.core.records import EndReason, SteppedUp
from app.core.tokens.hashes import token_hash
from tests.remote_api.world import ApiWorld
from tests.world import SignedIn

EXPORT = "/api/v1/reports/usage.csv"
HOUR_CHALLENGE = (
    'Bearer realm="gatehouse", error="insufficient_user_authentication", '
    'error_description="This requires a more recent sign-in.", max_age="3600"'
)
FACTOR_CHALLENGE = (
    'Bearer realm="gatehouse", error="insufficient_user_authentication", '
    f'error_description="This requires a second factor.", acr_values="{MULTI_FACTOR}"'
)


@pytest.fixture
def asks_for_a_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REQUIREMENTS, "export:reports", SignInRequirement(acr=MULTI_FACTOR))


def step_up(world: ApiWorld, signed_in: SignedIn, **how: Any) -> str:
    """The person signs in again. Returns the session's new token."""
    token = world.issuer.access_token(azp="gatehouse-app", jti="fresh", permissions=[])
    now = world.clock()
    with world.database.unit_of_work() as unit:
        fresh = SteppedUp(signed_in.ref, b"s" * 32, now, b"sealed", token_hash(token), now + timedelta(hours=1), **how)
        assert unit.step_up_session(fresh, now)
        unit.commit()
    return token


def test_a_stale_sign_in_gets_the_challenge_and_a_fresh_one_the_file(world: ApiWorld) -> None:
    signed_in = world.sign_in(roles=("analyst",))
    assert world.call(EXPORT, signed_in.token).status_code == 200
    world.clock.ahead = timedelta(seconds=3590)
    assert world.call(EXPORT, signed_in.token).status_code == 200
    world.clock.ahead = timedelta(seconds=3602)
    with world.database.unit_of_work() as unit:
        assert unit.touch_session(signed_in.ref, world.clock, idle=timedelta(hours=2))
        unit.commit()
    answer = world.call(EXPORT, signed_in.token)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, HOUR_CHALLENGE)
    assert answer.headers["Content-Type"] == "application/problem+json"
    members = ("code", "permission", "reason", "max_age")
    assert [answer.json[name] for name in members] == ["step-up-required", "export:reports", "stale-login", 3600]
    assert "acr_values" not in answer.json
    (event,) = world.events("api:endpoint:deny")
    assert (event["reason"], event["outcome"]) == ("stale-login", "refused")
    assert event["correlation_id"] == answer.headers["X-Correlation-ID"]
    # Requests without a requirement still pass.
    assert world.call("/api/v1/reports/usage", signed_in.token).status_code == 200
    assert world.call(EXPORT, step_up(world, signed_in)).status_code == 200
    assert world.call(EXPORT, signed_in.token).status_code == 200, "the session counts, whichever of its tokens is used"


@pytest.mark.usefixtures("asks_for_a_factor")
@pytest.mark.parametrize("how", [{"acr": MULTI_FACTOR}, {"amr": frozenset({"pwd", "mfa"})}])
def test_a_second_factor(world: ApiWorld, how: dict[str, Any]) -> None:
    signed_in = world.sign_in(roles=("analyst",))
    answer = world.call(EXPORT, signed_in.token)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, FACTOR_CHALLENGE)
    assert (answer.json["acr_values"], "max_age" in answer.json) == (MULTI_FACTOR, False)
    assert world.call(EXPORT, step_up(world, signed_in, **how)).status_code == 200


def test_a_missing_permission_is_refused_without_a_step_up(world: ApiWorld) -> None:
    signed_in = world.sign_in(roles=("viewer",))
    world.clock.ahead = timedelta(seconds=3500)
    answer = world.call(EXPORT, signed_in.token)
    assert (answer.status_code, answer.json["reason"]) == (403, "not-granted")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 401),
        ({"auth_time": 0}, 401),
        ({"auth_time": -3700}, 401),
        ({"auth_time": -60}, 200),
    ],
)
def test_another_clients_token_must_say_itself_when_its_person_signed_in(
    world: ApiWorld, claims: dict[str, int], status: int
) -> None:
    now = int(world.clock().timestamp())
    times: dict[str, Any] = {name: now + value if value else 0 for name, value in claims.items()}
    token = world.issuer.access_token(permissions=["export:reports"], **times)
    answer = world.call(EXPORT, token)
    assert answer.status_code == status
    assert answer.headers.get("WWW-Authenticate") == (HOUR_CHALLENGE if status == 401 else None)


@pytest.mark.usefixtures("asks_for_a_factor")
@pytest.mark.parametrize(
    ("claims", "status"), [({}, 401), ({"acr": MULTI_FACTOR}, 200), ({"amr": ["mfa"]}, 200), ({"amr": "mfa"}, 401)]
)
def test_another_clients_token_must_say_itself_that_there_was_a_second_factor(
    world: ApiWorld, claims: dict[str, Any], status: int
) -> None:
    token = world.issuer.access_token(permissions=["export:reports"], **claims)
    assert world.call(EXPORT, token).status_code == status


def test_an_own_token_does_not_make_its_session_younger(world: ApiWorld) -> None:
    """What counts is the session's sign-in, whatever a token of ours says itself."""
    now = int(world.clock().timestamp())
    signed_in = world.sign_in(roles=("analyst",), auth_time=now, acr=MULTI_FACTOR)
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET authenticated_at = 0")
    assert world.call(EXPORT, signed_in.token).status_code == 401
    assert world.call("/api/v1/me", signed_in.token).json["authenticated_at"] is None


def test_a_machine_is_refused_without_being_sent_to_sign_in(world: ApiWorld) -> None:
    now = int(world.clock().timestamp())
    token = world.issuer.machine_token(scope="export:reports", permissions=[], auth_time=now, acr=MULTI_FACTOR)
    answer = world.call(EXPORT, token)
    assert (answer.status_code, answer.json["code"], answer.json["reason"]) == (403, "permission-denied", "stale-login")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert world.call("/api/v1/me", token).json["permissions"] == []


def test_me_names_the_required_step_up(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    for permission in ("read:reports", "export:reports", "explore:files"):
        world.grant(signed_in.subject, permission=permission)

    def requirements() -> dict[str, Any]:
        permissions = world.call("/api/v1/me", signed_in.token).json["permissions"]
        return {permission["name"]: permission["step_up"] for permission in permissions}

    assert requirements() == {"read:reports": None, "export:reports": None, "explore:files": None}
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET authenticated_at = authenticated_at - 3700000000")
    assert requirements() == {
        "read:reports": None,
        "export:reports": {"max_age": 3600, "acr_values": None},
        "explore:files": None,
    }


# Tokens of people who are gone


def test_a_token_is_refused_after_a_backchannel_logout(world: ApiWorld) -> None:
    """The stored state after a logout token; ``tests/component/routes/test_backchannel_logout.py`` has the token."""
    signed_in = world.sign_in()
    other = world.new_session(signed_in.subject)
    with world.database.unit_of_work() as unit:
        (session, _) = unit.sessions_at_provider(world.issuer.url, subject=signed_in.subject.subject)
        assert unit.end_session(session.ref, EndReason.BACKCHANNEL_LOGOUT, world.clock())
        unit.commit()
    codes = {world.call("/api/pong", user.token).json.get("code") for user in (signed_in, other)}
    assert codes == {"session-ended", None}


def test_signed_out_everywhere(world: ApiWorld) -> None:
    """Own tokens die with their sessions, other clients' older ones by their ``iat``; newer ones are good."""
    signed_in = world.sign_in()
    bob = world.sign_in("auth0|bob")
    now = world.clock()
    old = world.issuer.access_token(iat=int(now.timestamp()) - 5)
    machine = world.issuer.machine_token(iat=int(now.timestamp()) - 5)
    for token in (signed_in.token, old, machine, bob.token):
        assert world.call("/api/pong", token).status_code == 200
    with world.database.unit_of_work() as unit:
        assert unit.end_sessions_of(signed_in.subject, EndReason.ENDED_BY_ADMIN, now) == (signed_in.ref,)
        unit.commit()
    for token, code in ((signed_in.token, "session-ended"), (old, "token-invalid")):
        answer = world.call("/api/pong", token)
        assert (answer.status_code, answer.json["code"]) == (401, code)
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    new = world.issuer.access_token(iat=int(now.timestamp()) + 1)
    for token in (new, machine, bob.token):
        assert world.call("/api/pong", token).status_code == 200


def test_ending_other_sessions_is_not_signing_out_everywhere(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    new = world.new_session(signed_in.subject)
    other = world.issuer.access_token(iat=int(world.clock().timestamp()) - 5)
    assert world.call("/api/v1/me/sessions", signed_in.token, method="DELETE").json == {"ended": 1}
    assert world.call("/api/pong", new.token).json["code"] == "session-ended"
    for token in (signed_in.token, other):
        assert world.call("/api/pong", token).status_code == 200
