"""Roles, the catalogue and mappings over the API: listed, reviewed, made, changed, deleted; and the rules that bind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.core.permissions import CATALOGUE, ROLES
from app.core.records import TokenRights
from tests.remote_api.administration import card as person_card
from tests.remote_api.administration import number_of
from tests.remote_api.world import ApiWorld, Caller, administrator, caller


def role_id(actor: Caller, name: str) -> int:
    (row_id,) = [row["id"] for row in actor.get("/roles", q=name).json["roles"] if row["name"] == name]
    return int(row_id)


def version(actor: Caller, role: int) -> str:
    return str(actor.get(f"/roles/{role}").headers["ETag"])


def create_role(actor: Caller, name: str = "clerk", *permissions: str, **more: Any) -> Any:
    body = {"name": name, "description": "Does things.", "permissions": permissions, "reason": "x"}
    return actor.send("POST", "/roles", body | more)


def update_role(actor: Caller, role: int, *, etag: str | None = None, **body: Any) -> Any:
    role_body = actor.get(f"/roles/{role}").json
    request_body = {name: role_body[name] for name in ("name", "description", "permissions")} | {"reason": "x"} | body
    return actor.send("PUT", f"/roles/{role}", request_body, version=etag or version(actor, role))


def test_made_changed_and_deleted(world: ApiWorld, admin: Caller) -> None:
    made = create_role(admin, "clerk", "read:reports", "read:reports")
    assert (made.status_code, made.json["permissions"]) == (201, ["read:reports"])
    role = made.json["id"]
    assert made.headers["Location"] == f"/api/v1/roles/{role}"
    assert made.headers["ETag"] == version(admin, role) == f'"{made.json["version"]}"'
    bob = caller(world, "auth0|bob", "clerk")
    assert bob.get("/reports/usage").status_code == 200
    changed = update_role(admin, role, permissions=["explore:api"], description="", name="Clerk of works")
    assert (changed.status_code, changed.json["permissions"], changed.json["people"]) == (200, ["explore:api"], 1)
    assert changed.headers["ETag"] == version(admin, role) != made.headers["ETag"]
    assert bob.get("/reports/usage").status_code == 403, "it holds at the next call"
    in_use = admin.send("DELETE", f"/roles/{role}", version=version(admin, role), query={"reason": "x"})
    assert (in_use.status_code, in_use.json["code"]) == (409, "role-in-use")
    query = {"reason": "x", "move_to": role_id(admin, "viewer")}
    gone = admin.send("DELETE", f"/roles/{role}", version=version(admin, role), query=query)
    assert (gone.status_code, gone.json) == (200, {"moved": 1})
    assert bob.get("/reports/usage").status_code == 200
    assert admin.get(f"/roles/{role}").status_code == 404
    kinds = [event["kind"] for event in world.events("policy:role:")]
    assert kinds == ["policy:role:create", "policy:role:update", "policy:role:delete"]


def test_a_review_describes_a_change_without_making_it(world: ApiWorld, admin: Caller) -> None:
    role = create_role(admin, "clerk", "read:reports", "explore:api").json["id"]
    caller(world, "auth0|bob", "clerk", "viewer")
    caller(world, "auth0|eve", "clerk")
    etag = version(admin, role)
    answer = admin.send("POST", f"/roles/{role}/review", {"permissions": ["explore:api", "explore:files"]})
    assert answer.status_code == 200
    assert answer.json == {
        "added": ["explore:files"],
        "removed": ["read:reports"],
        "people": 2,
        "people_capped": False,
        "gain": {"explore:files": 2},
        "lose": {"read:reports": 1},
        "other_roles": {"read:reports": ["viewer"]},
        "sessions": 2,
    }
    assert version(admin, role) == etag
    assert admin.send("POST", "/roles/999/review", {"permissions": []}).status_code == 404


def test_two_administrators_at_once_lose_nothing(world: ApiWorld) -> None:
    first, second = administrator(world, "auth0|first"), administrator(world, "auth0|second")
    role = create_role(first).json["id"]
    etag = version(first, role)
    assert update_role(first, role, etag=etag, description="The first one's.").status_code == 200
    stale = update_role(second, role, etag=etag, description="The second one's.")
    assert (stale.status_code, stale.json["code"]) == (412, "stale-version")
    assert first.get(f"/roles/{role}").json["description"] == "The first one's."
    query = {"reason": "x"}
    assert second.send("DELETE", f"/roles/{role}", version=etag, query=query).status_code == 412
    assert second.send("DELETE", f"/roles/{role}", query=query).status_code == 428


def test_ten_changes_at_once_are_one(admin: Caller) -> None:
    role = create_role(admin).json["id"]
    etag = version(admin, role)
    with ThreadPoolExecutor(5) as threads:
        statuses = list(
            threads.map(lambda n: update_role(admin, role, etag=etag, description=f"The {n}th.").status_code, range(10))
        )
    assert sorted(statuses) == [200] + [412] * 9


@pytest.mark.parametrize("name", ["viewer", "VIEWER", "V1ewer", "v\u0456ewer", "view er", "viewer\u0301"])
def test_a_name_that_is_taken_or_looks_like_one(admin: Caller, name: str) -> None:
    answer = create_role(admin, name)
    assert (answer.status_code, answer.json["code"]) == (409, "name-taken")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\u202eabc"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": None}, "name"),
        ({"description": "a" * 501}, "description"),
        ({"description": None}, "description"),
        ({"permissions": ["no:such"]}, "permissions"),
        ({"permissions": "read:reports"}, "permissions"),
        ({"permissions": [["read:reports"]]}, "permissions.0"),
        ({"permissions": ["read:reports", "READ:REPORTS"]}, "permissions.1"),
        ({"permissions": ["read:reports"] * 20_001}, "permissions"),
        ({"built_in": True}, "unknown"),
        ({"version": "1"}, "unknown"),
        ({"reason": " "}, "reason"),
    ],
)
def test_invalid_roles_are_refused(admin: Caller, body: dict[str, Any], field: str) -> None:
    answer = create_role(admin, **({"name": "clerk"} | body))
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")
    assert field in answer.json["problems"]


def test_hostile_names_are_texts(admin: Caller) -> None:
    for name in (
        "<script>alert(1)</script>",
        "'; DROP TABLE roles; --",
        "{actor}",
        "=1+1 x",
        "../../etc",
        "日本語の役割",
    ):
        made = create_role(admin, name)
        assert (made.status_code, made.json["name"]) == (201, name)
        assert admin.get("/roles", q=name[:20]).json["total"] == 1
        (event,) = admin.get("/audit", target=name).json["events"]
        assert event["sentence"] == f"Ann Example created the role {name} with no permissions."


def test_built_in_roles_are_extended_only(admin: Caller) -> None:
    administrator_role, viewer = role_id(admin, "administrator"), role_id(admin, "viewer")
    for role, body in ((administrator_role, {"permissions": ["read:reports"]}), (viewer, {"permissions": []}),
                       (viewer, {"name": "reader"})):  # fmt: skip
        answer = update_role(admin, role, **body)
        assert (answer.status_code, answer.json["code"]) == (409, "built-in-role")
    assert update_role(admin, viewer, permissions=[*ROLES["viewer"][1], "explore:files"]).status_code == 200
    answer = admin.send("DELETE", f"/roles/{viewer}", version=version(admin, viewer), query={"reason": "x"})
    assert (answer.status_code, answer.json["code"]) == (409, "built-in-role")


def test_editing_a_role_is_giving(world: ApiWorld, admin: Caller) -> None:
    role = create_role(admin, "clerk", "read:reports").json["id"]
    actor = caller(world, "auth0|editor")
    for permission in ("manage:roles", "read:roles", "read:reports"):
        world.grant(actor.signed_in.subject, permission=permission)
    answer = update_role(actor, role, permissions=["read:reports", "read:audit"])
    assert (answer.status_code, answer.json["code"], answer.json["permissions"]) == (403, "not-held", ["read:audit"])
    assert update_role(actor, role, permissions=[]).status_code == 200
    assert create_role(actor, "other", "read:audit").json["code"] == "not-held"


def test_permissions_of_several_roles_are_listed(admin: Caller) -> None:
    viewer = role_id(admin, "viewer")
    answer = admin.get("/roles/permissions", role=[str(viewer), str(viewer), "999"])
    assert answer.json == {"roles": {str(viewer): sorted(ROLES["viewer"][1])}}
    assert admin.get("/roles/permissions").status_code == 422
    assert admin.get("/roles/permissions", role=[str(n + 1) for n in range(51)]).status_code == 422
    whole = admin.get("/roles/permissions", role=str(role_id(admin, "administrator"))).json
    assert len(next(iter(whole["roles"].values()))) == len(CATALOGUE)


def test_the_catalogue(admin: Caller) -> None:
    permissions = {row["name"]: row for row in admin.get("/permissions", limit=200).json["permissions"]}
    assert permissions.keys() == {permission.value for permission in CATALOGUE.values()}
    assert permissions["export:audit"]["step_up"] == {"max_age": 3600, "acr_values": None}
    assert permissions["read:messages"]["by_scope"] is True
    assert (permissions["read:reports"]["resource"], permissions["read:reports"]["step_up"]) == ("reports", None)
    listing = sum("read:reports" in included for name, (_, included) in ROLES.items() if name != "administrator")
    assert permissions["read:reports"]["roles"] == listing
    assert [row["name"] for row in admin.get("/permissions", q="usage report as").json["permissions"]] == [
        "export:reports"
    ]


# Mappings


def put_mapping(actor: Caller, token_role: str, roles: list[Any], etag: str) -> Any:
    return actor.send(
        "PUT", "/mappings", {"token_role": token_role, "roles": roles, "reason": "x"}, version=f'"{etag}"'
    )


def test_a_mapping_gives_and_takes_at_once(world: ApiWorld, admin: Caller) -> None:
    bob = caller(world, "auth0|bob")
    with world.database.unit_of_work() as unit:
        rights = TokenRights(world.clock(), roles=frozenset({"ops <b>"}))
        unit.sync_token_rights(bob.signed_in.subject, rights, implicit_role_mapping=False, now=world.clock())
        unit.commit()
    (row,) = admin.get("/mappings", unmapped="true").json["mappings"]
    assert (row["token_role"], row["roles"], row["people"]) == ("ops <b>", [], 1)
    viewer = role_id(admin, "viewer")
    answer = put_mapping(admin, "ops <b>", [viewer], row["version"])
    assert (answer.status_code, answer.json["people_changed"]) == (200, 1)
    assert answer.json["mapping"]["roles"] == [{"id": viewer, "name": "viewer"}]
    assert answer.headers["ETag"] == f'"{answer.json["mapping"]["version"]}"'
    assert bob.get("/reports/usage").status_code == 200
    assert admin.get("/mappings", unmapped="true").json["mappings"] == []
    (grant,) = person_card(admin, number_of(admin, "auth0|bob"))["grants"]
    assert grant["source"] == "token"
    stale = put_mapping(admin, "ops <b>", [], row["version"])
    assert (stale.status_code, stale.json["code"]) == (412, "stale-version")
    gone = put_mapping(admin, "ops <b>", [], answer.json["mapping"]["version"])
    assert (gone.status_code, gone.json["people_changed"]) == (200, 1)
    assert bob.get("/reports/usage").status_code == 403


def test_mapping_is_giving(world: ApiWorld, admin: Caller) -> None:
    actor = caller(world, "auth0|mapper")
    for permission in ("manage:mappings", "read:mappings", "read:roles"):
        world.grant(actor.signed_in.subject, permission=permission)
    answer = put_mapping(actor, "ops", [role_id(actor, "administrator")], "0")
    assert answer.status_code in {403, 412}
    made = put_mapping(admin, "ops", [], "x").json
    assert made["code"] == "stale-version"


@pytest.mark.parametrize(
    ("token_role", "roles"),
    [("", []), ("a\x00", []), ("a" * 501, []), ("ops", [999]), ("ops", ["1"]), ("ops", [1.0]), ("ops", None), (7, [])],
)
def test_invalid_mappings_over_the_api_are_refused(admin: Caller, token_role: Any, roles: Any) -> None:
    assert put_mapping(admin, token_role, roles, "0").status_code in {412, 422}
    assert admin.get("/mappings").json["mappings"] == []
