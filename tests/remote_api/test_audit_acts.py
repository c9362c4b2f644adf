"""Each act of administration through the API, and the sentence of its event in the audit, literally."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.records import Person
from tests.remote_api.administration import card, grant_to, number_of, revoke_grant, sync_token_rights, version
from tests.remote_api.world import ApiWorld, Caller, administrator

UNTIL = datetime(2037, 3, 3, 14, 0, tzinfo=UTC).isoformat()
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


@dataclass(frozen=True)
class Scene:
    """The administrator Ada, and Eva, who has no grants and a session in Firefox."""

    world: ApiWorld
    ada: Caller
    eva: Caller
    eva_id: int

    def role(self, name: str) -> int:
        """The id of a role."""
        return next(int(row["id"]) for row in self.ada.get("/roles").json["roles"] if row["name"] == name)

    def new_role(self, *permissions: str) -> int:
        """Create the role ops."""
        body = {"name": "ops", "description": "", "permissions": permissions, "reason": "x"}
        return int(self.ada.send("POST", "/roles", body).json["id"])

    def change_role(self, role: int, method: str = "PUT", *, query: Any = None, body: Any = None) -> None:
        """Change or delete a role."""
        etag = self.ada.get(f"/roles/{role}").headers["ETag"]
        answer = self.ada.send(method, f"/roles/{role}", body, version=etag, query=query)
        assert answer.status_code == 200, answer.text

    def map_role(self, *roles: str) -> None:
        """Map the token role Staff."""
        sync_token_rights(self.world, "Staff")
        rows = self.ada.get("/mappings").json["mappings"]
        (etag,) = (f'"{row["version"]}"' for row in rows if row["token_role"] == "Staff")
        body = {"token_role": "Staff", "roles": [self.role(name) for name in roles], "reason": "x"}
        answer = self.ada.send("PUT", "/mappings", body, version=etag)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def scene(world: ApiWorld) -> Scene:
    ada = administrator(world, "auth0|ada")
    eva = Caller(world, world.new_session(world.person("auth0|eva"), user_agent=FIREFOX))
    with world.database.unit_of_work() as unit:
        unit.save_person(Person(ada.signed_in.subject, name="Ada Okafor"), world.clock())
        unit.save_person(Person(eva.signed_in.subject, name="Eva Novak"), world.clock())
        unit.commit()
    return Scene(world, ada, eva, number_of(ada, "auth0|eva"))


def grant_role(scene: Scene) -> None:
    assert grant_to(scene.ada, scene.eva_id, role="analyst").status_code == 201


def grant_permission_with_expiry(scene: Scene) -> None:
    assert grant_to(scene.ada, scene.eva_id, permission="read:audit", until=UNTIL).status_code == 201


def grant_to_several(scene: Scene) -> None:
    body = {"action": "grant", "role": "viewer", "people": [scene.eva_id], "reason": "x", "until": UNTIL}
    assert scene.ada.send("POST", "/grants/bulk", body).status_code == 200


def revoke(scene: Scene) -> None:
    (grant,) = grant_to(scene.ada, scene.eva_id, role="analyst").json["grants"]
    assert revoke_grant(scene.ada, scene.eva_id, grant["id"]).status_code == 200


def withhold(scene: Scene) -> None:
    scene.world.person("auth0|bob")
    sync_token_rights(scene.world, "viewer")
    bob = number_of(scene.ada, "auth0|bob")
    assert revoke_grant(scene.ada, bob, card(scene.ada, bob)["grants"][0]["id"]).status_code == 200


def release(scene: Scene) -> None:
    withhold(scene)
    bob = number_of(scene.ada, "auth0|bob")
    withheld = card(scene.ada, bob)["withheld"][0]["id"]
    path = f"/people/{bob}/withheld/{withheld}"
    assert scene.ada.send("DELETE", path, version=version(scene.ada, bob), query={"reason": "x"}).status_code == 200


def grant_to_oneself(scene: Scene) -> None:
    ada = number_of(scene.ada, "auth0|ada")
    assert grant_to(scene.ada, ada, role="analyst").status_code == 403


def grant_more_than_one_has(scene: Scene) -> None:
    scene.world.grant(scene.eva.signed_in.subject, permission="manage:grants")
    scene.world.grant(scene.eva.signed_in.subject, permission="read:people")
    scene.world.person("auth0|bob")
    bob = number_of(scene.ada, "auth0|bob")
    assert grant_to(scene.eva, bob, permission="read:audit").status_code == 403


def block_the_last_administrator(scene: Scene) -> None:
    ada = number_of(scene.ada, "auth0|ada")
    body = {"blocked": True, "reason": "x"}
    assert scene.ada.send("PUT", f"/people/{ada}/block", body, version=version(scene.ada, ada)).status_code == 409


def block(scene: Scene, *, blocked: bool = True) -> None:
    body = {"blocked": blocked, "reason": "x"}
    path, etag = f"/people/{scene.eva_id}/block", version(scene.ada, scene.eva_id)
    assert scene.ada.send("PUT", path, body, version=etag).status_code == 200


def unblock(scene: Scene) -> None:
    block(scene)
    block(scene, blocked=False)


def erase(scene: Scene) -> None:
    path, etag = f"/people/{scene.eva_id}/erasure", version(scene.ada, scene.eva_id)
    assert scene.ada.send("POST", path, {"reason": "x"}, version=etag).status_code == 204


def add_person(scene: Scene) -> None:
    assert scene.ada.send("POST", "/people", {"subject": "auth0|new", "reason": "x"}).status_code == 201


def create_role(scene: Scene) -> None:
    scene.new_role("read:reports", "read:audit")


def create_empty_role(scene: Scene) -> None:
    scene.new_role()


def change_role(scene: Scene) -> None:
    body = {"name": "night", "description": "", "permissions": ["export:reports"], "reason": "x"}
    scene.change_role(scene.new_role("read:audit"), body=body)


def describe_role(scene: Scene) -> None:
    body = {"name": "ops", "description": "At night.", "permissions": ["read:audit"], "reason": "x"}
    scene.change_role(scene.new_role("read:audit"), body=body)


def delete_role(scene: Scene) -> None:
    role = scene.new_role("read:reports")
    assert grant_to(scene.ada, scene.eva_id, role="ops").status_code == 201
    scene.change_role(role, "DELETE", query={"reason": "x", "move_to": scene.role("viewer")})


def delete_unused_role(scene: Scene) -> None:
    scene.change_role(scene.new_role(), "DELETE", query={"reason": "x"})


def map_role(scene: Scene) -> None:
    scene.map_role("viewer", "analyst")


def map_role_to_another(scene: Scene) -> None:
    scene.map_role("viewer")
    scene.map_role("developer")


def map_role_to_none(scene: Scene) -> None:
    scene.map_role("viewer")
    scene.map_role()


def end_session(scene: Scene) -> None:
    assert scene.ada.send("DELETE", f"/sessions/{scene.eva.signed_in.ref}", query={"reason": "x"}).status_code == 204


def end_all_sessions(scene: Scene) -> None:
    path = f"/people/{scene.eva_id}/sessions"
    assert scene.ada.send("DELETE", path, query={"reason": "x"}).json == {"ended": 1}


def end_sessions_without_one(scene: Scene) -> None:
    end_all_sessions(scene)
    assert scene.ada.send("DELETE", f"/people/{scene.eva_id}/sessions", query={"reason": "x"}).json == {"ended": 0}


def end_own_session(scene: Scene) -> None:
    other = scene.world.new_session(scene.eva.signed_in.subject, user_agent=FIREFOX)
    assert scene.eva.send("DELETE", f"/me/sessions/{other.ref}").status_code == 204


def end_other_sessions(scene: Scene) -> None:
    scene.world.new_session(scene.eva.signed_in.subject, user_agent=FIREFOX)
    assert scene.eva.send("DELETE", "/me/sessions").json == {"ended": 1}


def refused(scene: Scene) -> None:
    assert scene.eva.get("/people").status_code == 403


def export(scene: Scene) -> None:
    assert scene.ada.get("/audit/export", format="csv").status_code == 200


def export_some(scene: Scene) -> None:
    assert scene.ada.get("/audit/export", format="jsonl", outcome="refused").status_code == 200


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (grant_role, "Ada Okafor granted Eva Novak the role analyst, no expiry."),
        (
            grant_permission_with_expiry,
            "Ada Okafor granted Eva Novak the permission read:audit, until 3 March 2037, 14:00 UTC.",
        ),
        (grant_to_several, "Ada Okafor granted Eva Novak the role viewer, until 3 March 2037, 14:00 UTC."),
        (revoke, "Ada Okafor revoked the role analyst from Eva Novak."),
        (
            withhold,
            (
                "Ada Okafor revoked the role viewer from Ann Example "
                "(granted by the sign-in provider; withheld from now on)."
            ),
        ),
        (release, "Ada Okafor released the role viewer, which was withheld from Ann Example."),
        (
            grant_to_oneself,
            "Ada Okafor was refused a change of Ada Okafor: administrators cannot extend their own rights.",
        ),
        (
            grant_more_than_one_has,
            (
                "Eva Novak was refused a change of Ann Example: "
                "administrators can grant only what they have themselves (missing: read:audit)."
            ),
        ),
        (
            block_the_last_administrator,
            "Ada Okafor was refused a change of Ada Okafor: no administrator would remain.",
        ),
        (block, "Ada Okafor blocked Eva Novak and ended 1 session."),
        (unblock, "Ada Okafor unblocked Eva Novak."),
        (erase, "Ada Okafor erased the personal data of auth0|eva and ended 1 session."),
        (add_person, "Ada Okafor added auth0|new before a first sign-in."),
        (create_role, "Ada Okafor created the role ops with the permissions read:audit and read:reports."),
        (create_empty_role, "Ada Okafor created the role ops with no permissions."),
        (
            change_role,
            "Ada Okafor changed the role ops: + export:reports and \N{MINUS SIGN} read:audit, renamed to night.",
        ),
        (describe_role, "Ada Okafor changed the role ops: a new description."),
        (delete_role, "Ada Okafor deleted the role ops and moved 1 person to the role viewer."),
        (delete_unused_role, "Ada Okafor deleted the role ops."),
        (map_role, "Ada Okafor mapped the token role Staff to analyst and viewer."),
        (map_role_to_another, "Ada Okafor mapped the token role Staff to developer (before: viewer)."),
        (map_role_to_none, "Ada Okafor mapped the token role Staff to no role (before: viewer)."),
        (end_session, "Ada Okafor ended a session of Eva Novak (Firefox on Windows)."),
        (end_all_sessions, "Ada Okafor ended a session of Eva Novak (Firefox on Windows)."),
        (end_sessions_without_one, "Ada Okafor ended all sessions of Eva Novak: none was active."),
        (
            end_own_session,
            "Eva Novak ended a session of their own (Firefox on Windows): they ended it from another session.",
        ),
        (
            end_other_sessions,
            "Eva Novak ended a session of their own (Firefox on Windows): they ended it from another session.",
        ),
        (
            refused,
            "Eva Novak was refused GET /api/v1/people of the remote API: the permission read:people is missing.",
        ),
        (export, "Ada Okafor downloaded a CSV file with all events of the audit."),
        (
            export_some,
            "Ada Okafor downloaded a JSON Lines file with the events of the audit that match outcome=refused.",
        ),
    ],
)
def test_the_newest_event_reads(scene: Scene, act: Callable[[Scene], None], expected: str) -> None:
    act(scene)
    (event,) = scene.ada.get("/audit", limit=1).json["events"]
    assert event["sentence"] == expected
