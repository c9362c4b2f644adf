"""Withheld roles and permissions over the API: withheld by a revocation, released again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.remote_api.administration import (
    card,
    granter,
    number_of,
    permissions_of,
    revoke_grant,
    sync_token_rights,
    version,
)
from tests.remote_api.world import ApiWorld, Caller, administrator, caller


def test_revoking_a_role_of_the_provider_withholds_it(world: ApiWorld, admin: Caller, bob: int) -> None:
    sync_token_rights(world, "viewer")
    signed_in = caller(world, "auth0|bob")
    assert signed_in.get("/reports/usage").status_code == 200
    (grant,) = card(admin, bob)["grants"]
    assert (grant["source"], grant["automatic"]) == ("token", True)
    answer = revoke_grant(admin, bob, grant["id"])
    assert (answer.status_code, answer.json["grants"]) == (200, [])
    (withheld,) = answer.json["withheld"]
    assert withheld == {
        "id": withheld["id"], "role": "viewer", "permission": None, "by": str(admin.signed_in.subject),
        "by_name": "Ann Example", "since": withheld["since"], "reason": "x", "from_token": True,
        "from_default_role": False,
    }  # fmt: skip
    assert answer.headers["ETag"] == version(admin, bob)
    sync_token_rights(world, "viewer", seconds=1)
    assert signed_in.get("/reports/usage").status_code == 403
    assert world.events("policy:grant:revoke")[0]["details"]["withheld"] is True

    path = f"/people/{bob}/withheld/{withheld['id']}"
    assert admin.send("DELETE", path, query={"reason": "x"}).status_code == 428
    released = admin.send("DELETE", path, version=version(admin, bob), query={"reason": "back"})
    assert (released.status_code, released.json["withheld"]) == (200, [])
    assert signed_in.get("/reports/usage").status_code == 200
    again = admin.send("DELETE", path, version=version(admin, bob), query={"reason": "back"})
    assert (again.status_code, again.json["code"]) == (404, "not-found")
    (event,) = world.events("policy:grant:release")
    assert (event["reason"], event["details"]) == ("back", {"role": "viewer"})


@pytest.mark.parametrize(("default_role", "roles"), [("viewer", ["viewer"]), ("developer", []), (None, [])])
def test_a_release_restores_the_default_role_only_while_it_is_set(
    make_world: Callable[..., ApiWorld], default_role: str | None, roles: list[str]
) -> None:
    world = make_world(**({"default_role": default_role} if default_role else {}))
    world.person("auth0|bob")
    with world.database.unit_of_work() as unit:
        unit.grant_default_role(world.subject("auth0|bob"), "viewer", world.clock())
        unit.commit()
    admin = administrator(world)
    bob = number_of(admin, "auth0|bob")
    revoke_grant(admin, bob, card(admin, bob)["grants"][0]["id"])
    (withheld,) = card(admin, bob)["withheld"]
    assert withheld["from_default_role"] is (default_role == "viewer")
    path = f"/people/{bob}/withheld/{withheld['id']}"
    released = admin.send("DELETE", path, version=version(admin, bob), query={"reason": "back"})
    assert (released.status_code, released.json["roles"], released.json["withheld"]) == (200, roles, [])


def test_a_release_needs_the_permission_and_is_never_for_oneself(world: ApiWorld, admin: Caller, bob: int) -> None:
    sync_token_rights(world, permissions=("read:reports", "manage:grants", "read:people", "explore:api"))
    actor = granter(world, "read:messages")
    signed_in = caller(world, "auth0|bob")
    for grant in card(admin, bob)["grants"]:
        if grant["permission"] in {"read:reports", "explore:api"}:
            revoke_grant(admin, bob, grant["id"])
    for caller_, code in ((actor, "not-held"), (signed_in, "self-grant")):
        if caller_ is signed_in:
            world.grant(signed_in.signed_in.subject, role="viewer")
        withheld = next(row["id"] for row in card(admin, bob)["withheld"] if row["permission"] == "read:reports")
        path = f"/people/{bob}/withheld/{withheld}"
        answer = caller_.send("DELETE", path, version=version(admin, bob), query={"reason": "x"})
        assert (answer.status_code, answer.json["code"]) == (403, code)
    world.person("auth0|eve")
    elsewhere = f"/people/{number_of(admin, 'auth0|eve')}/withheld/{withheld}"
    answer = admin.send(
        "DELETE", elsewhere, version=version(admin, number_of(admin, "auth0|eve")), query={"reason": "x"}
    )
    assert answer.status_code == 404


def test_claims_of_another_client_do_not_restore_withheld_permissions(world: ApiWorld, admin: Caller, bob: int) -> None:
    sync_token_rights(world, permissions=("read:reports", "read:messages"))
    asserts = world.issuer.access_token(sub="auth0|bob", scope="", permissions=["read:reports", "explore:api"])
    scoped = world.issuer.access_token(sub="auth0|bob", scope="read:reports read:messages", permissions=[])
    assert [permissions_of(world, token) for token in (asserts, scoped)] == [
        ["read:reports", "explore:api"],
        ["read:reports", "read:messages"],
    ]
    for grant in card(admin, bob)["grants"]:
        revoke_grant(admin, bob, grant["id"])
    for token in (asserts, scoped):
        answer = world.call("/api/v1/reports/usage", token)
        assert (answer.status_code, answer.json["reason"]) == (403, "not-granted")
    assert [permissions_of(world, token) for token in (asserts, scoped)] == [["explore:api"], []]
