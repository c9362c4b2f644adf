"""Grants over the API: granted and revoked one at a time, by the rules of administration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.core.permissions import ROLES
from tests.remote_api.administration import (
    card,
    grant_to,
    granter,
    number_of,
    revoke_grant,
    version,
)
from tests.remote_api.world import ApiWorld, Caller, caller


def test_a_grant_and_its_revocation_count_at_the_next_call(world: ApiWorld, admin: Caller, bob: int) -> None:
    signed_in = caller(world, "auth0|bob")
    assert signed_in.get("/reports/usage").status_code == 403
    answer = grant_to(admin, bob, role="viewer")
    assert (answer.status_code, answer.json["roles"]) == (201, ["viewer"])
    assert answer.headers["ETag"] == version(admin, bob)
    assert signed_in.get("/reports/usage").status_code == 200
    (grant,) = answer.json["grants"]
    assert (grant["by"], grant["source"], grant["reason"]) == (str(admin.signed_in.subject), "admin", "x")
    assert grant["by_name"] == "Ann Example"
    again = grant_to(admin, bob, role="viewer")
    assert (again.status_code, again.json["grants"]) == (200, [grant])
    assert len(world.events("policy:grant:add")) == 1, "a request that changes nothing is no event"
    revoked = revoke_grant(admin, bob, grant["id"])
    assert (revoked.status_code, revoked.json["grants"]) == (200, [])
    assert signed_in.get("/reports/usage").status_code == 403
    gone = revoke_grant(admin, bob, grant["id"])
    assert gone.status_code == 404
    (event,) = world.events("policy:grant:revoke")
    assert (event["target"], event["details"]["role"]) == (f"auth0|bob at {world.issuer.url}", "viewer")


def test_a_grant_may_end(world: ApiWorld, admin: Caller, bob: int) -> None:
    until = (world.clock() + timedelta(hours=1)).isoformat()
    answer = grant_to(admin, bob, permission="read:reports", until=until)
    assert (answer.status_code, answer.json["grants"][0]["until"]) == (201, until)
    other = grant_to(admin, bob, permission="read:reports")
    assert (other.status_code, other.json["code"]) == (409, "conflict")
    past = grant_to(admin, bob, role="viewer", until=(world.clock() - timedelta(seconds=1)).isoformat())
    assert (past.status_code, list(past.json["problems"])) == (422, ["until"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "role"),
        ({"role": "viewer", "permission": "read:reports"}, "role"),
        ({"role": None, "permission": None}, "role"),
        ({"role": "no such role"}, "role"),
        ({"role": "VIEWER"}, "role"),
        ({"role": ""}, "role"),
        ({"role": "view\x00er"}, "role"),
        ({"role": ["viewer"]}, "role"),
        ({"permission": "no:such"}, "permission"),
        ({"permission": "READ:REPORTS"}, "permission"),
        ({"permission": "read:reports\n"}, "permission"),
        ({"role": "viewer", "until": "soon"}, "until"),
        ({"role": "viewer", "until": 1800000000}, "until"),
        ({"role": "viewer", "until": "2099-01-01T00:00:00"}, "until"),
        ({"role": "viewer", "source": "policy"}, "unknown"),
        ({"role": "viewer", "by": "another user"}, "unknown"),
        ({"role": "viewer", "person": 1}, "unknown"),
        ({"role": "viewer", "version": "1"}, "unknown"),
    ],
)
def test_invalid_grants_are_refused(world: ApiWorld, admin: Caller, bob: int, body: dict[str, Any], field: str) -> None:
    answer = grant_to(admin, bob, **body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")
    assert field in answer.json["problems"]
    assert card(admin, bob)["grants"] == []
    assert not world.events("policy:")


def test_granting_over_the_api_needs_the_granted_permissions(world: ApiWorld, admin: Caller, bob: int) -> None:
    actor = granter(world, *ROLES["viewer"][1])
    assert grant_to(actor, bob, permission="read:reports").status_code == 201
    assert grant_to(actor, bob, role="viewer").status_code == 201, "the caller has every permission of it"
    answer = grant_to(actor, bob, role="auditor")
    assert (answer.status_code, answer.json["code"]) == (403, "not-held")
    assert "read:audit" in answer.json["permissions"]
    assert "WWW-Authenticate" not in answer.headers
    assert grant_to(actor, bob, role="administrator").json["code"] == "not-held"
    (first, _) = world.events("policy:rule:refuse")
    assert (first["actor"], first["target"]) == (
        "auth0|granter at " + world.issuer.url,
        "auth0|bob at " + world.issuer.url,
    )
    assert (first["reason"], first["outcome"]) == ("not-held", "refused")
    assert first["correlation_id"] == answer.headers["X-Correlation-ID"]


def test_a_self_grant_over_the_api_is_refused(world: ApiWorld, admin: Caller) -> None:
    me = number_of(admin, "auth0|root")
    answer = grant_to(admin, me, role="viewer")
    assert (answer.status_code, answer.json["code"]) == (403, "self-grant")


def test_a_grant_of_another_person_is_not_found(world: ApiWorld, admin: Caller, bob: int) -> None:
    world.person("auth0|eve", roles=("viewer",))
    (grant,) = card(admin, number_of(admin, "auth0|eve"))["grants"]
    assert revoke_grant(admin, bob, grant["id"]).status_code == 404


def test_a_permission_revoked_meanwhile_is_missing_in_the_transaction(
    world: ApiWorld, admin: Caller, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first check has passed; what counts is what the transaction sees."""
    actor = granter(world, "read:reports")
    etag = version(actor, bob)
    opened = world.database.unit_of_work

    def meanwhile() -> Any:
        monkeypatch.undo()
        world.revoke(actor.signed_in.subject, permission="manage:grants")
        return opened()

    monkeypatch.setattr(world.database, "unit_of_work", meanwhile)
    answer = actor.send("POST", f"/people/{bob}/grants", {"permission": "read:reports", "reason": "x"}, version=etag)
    assert (answer.status_code, answer.json["code"]) == (403, "permission-denied")
    assert card(admin, bob)["grants"] == []
    (event,) = world.events("api:endpoint:deny")
    assert (event["actor"], event["reason"]) == (str(actor.signed_in.subject), "not-granted")


def test_fifty_at_once_are_one_grant_and_one_event(world: ApiWorld, admin: Caller, bob: int) -> None:
    etag = version(admin, bob)

    def once(_: int) -> int:
        body = {"role": "viewer", "reason": "x"}
        return int(admin.send("POST", f"/people/{bob}/grants", body, version=etag).status_code)

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(once, range(50)))
    assert (statuses.count(201), set(statuses)) == (1, {201, 412})
    assert len(card(admin, bob)["grants"]) == 1
    assert len(world.events("policy:grant:add")) == 1
