"""Other people's sessions, statistics and guards over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.core.guard_scanner import publish_guards
from app.core.permissions import Permission
from app.guard_inventory import own_guards
from remote_api.guard_inventory import guards
from tests.remote_api.administration import number_of
from tests.remote_api.world import ApiWorld, Caller, caller
from tests.stack import ROOT


def test_sessions_are_listed_and_one_is_ended(world: ApiWorld, admin: Caller) -> None:
    bob = caller(world, "auth0|bob", "viewer")
    rows = {row["person"]["subject"]["subject"]: row for row in admin.get("/sessions").json["sessions"]}
    assert rows.keys() == {"auth0|root", "auth0|bob"}
    assert (rows["auth0|root"]["current"], rows["auth0|bob"]["current"]) == (True, False)
    row = rows["auth0|bob"]
    assert (row["browser"], row["address"], row["ref"]) == ("Browser/1.0", "203.0.113.7", bob.signed_in.ref)
    number = row["person"]["id"]
    assert [row["ref"] for row in admin.get("/sessions", person=number).json["sessions"]] == [bob.signed_in.ref]
    path = f"/sessions/{bob.signed_in.ref}"
    assert admin.send("DELETE", path).status_code == 422, "it says why"
    answer = admin.send("DELETE", path, query={"reason": "A lost laptop."})
    assert (answer.status_code, answer.data) == (204, b"")
    assert bob.get("/me").status_code == 401
    assert admin.send("DELETE", path, query={"reason": "Again."}).status_code == 204, "ending twice is ending once"
    (event,) = world.events("app:session:end")
    assert (event["reason"], event["details"]["session"]) == ("A lost laptop.", bob.signed_in.ref)
    assert admin.get(f"/people/{number}/sessions").json == {"sessions": []}


def test_all_of_a_person_are_ended(world: ApiWorld, admin: Caller) -> None:
    bob = world.person("auth0|bob")
    for _ in range(3):
        world.new_session(bob)
    number = number_of(admin, "auth0|bob")
    assert len(admin.get(f"/people/{number}/sessions").json["sessions"]) == 3
    answer = admin.send("DELETE", f"/people/{number}/sessions", query={"reason": "x"})
    assert (answer.status_code, answer.json) == (200, {"ended": 3})
    assert admin.send("DELETE", "/people/999/sessions", query={"reason": "x"}).status_code == 404


def test_an_idle_session_is_over(world: ApiWorld, admin: Caller) -> None:
    caller(world, "auth0|bob")
    world.clock.ahead = timedelta(minutes=61)
    late = Caller(world, world.sign_in("auth0|late", roles=("administrator",)))
    assert [row["person"]["subject"]["subject"] for row in late.get("/sessions").json["sessions"]] == ["auth0|late"]
    assert late.get("/statistics").json["sessions"] == 1


@pytest.mark.parametrize("ref", ["unknown", "a" * 128])
def test_a_session_that_is_not_there(admin: Caller, ref: str) -> None:
    assert admin.send("DELETE", f"/sessions/{ref}", query={"reason": "x"}).status_code == 404


@pytest.mark.parametrize("ref", ["a" * 129, "a b", "%00", "a'", "é"])
def test_invalid_session_references_are_refused(admin: Caller, ref: str) -> None:
    assert admin.send("DELETE", f"/sessions/{ref}", query={"reason": "x"}).status_code == 422


def test_the_installation_in_numbers(world: ApiWorld, admin: Caller) -> None:
    caller(world, "auth0|bob")
    world.block(world.person("auth0|eve", roles=("viewer",)))
    statistics = admin.get("/statistics", days=3).json
    assert (statistics["people"], statistics["sessions"], len(statistics["days"])) == (3, 2, 3)
    attention = statistics["attention"]
    assert (attention["people_without_roles"], attention["blocked_people"], attention["administrators"]) == (1, 1, 1)
    assert "analyst" in attention["unused_roles"]


def test_guards_are_the_union_of_what_processes_published(world: ApiWorld, admin: Caller) -> None:
    assert admin.get("/guards").json == {"guards": []}
    assert publish_guards(world.database, "api", guards(world.app))
    assert publish_guards(world.database, "app", own_guards())
    rows = admin.get("/guards").json["guards"]
    by_name = {(row["process"], row["name"]): row for row in rows}
    page = by_name["app", "/reports"]
    assert (page["kind"], page["permission"], page["file"]) == ("page", "read:reports", "pages/usage_report.py")
    endpoint = by_name["api", "POST /api/v1/people/<int:person>/erasure"]
    assert (endpoint["kind"], endpoint["permission"], endpoint["file"]) == (
        "endpoint",
        "erase:people",
        "remote_api/views/people.py",
    )
    line = (ROOT / endpoint["file"]).read_text().splitlines()[endpoint["line"] - 1]
    assert line.startswith("@api.post(")
    assert by_name["app", "pages.usage_report:export_report"]["kind"] == "function"
    assert by_name["api", "GET /api/v1/me"]["permission"] == "", "signed in is enough"
    assert ("api", "GET /healthz") not in by_name, "it asks for nothing"
    assert all(row["version"] and row["published_at"] and row["line"] >= 1 for row in rows)
    assert publish_guards(world.database, "app", [])
    assert {row["process"] for row in admin.get("/guards").json["guards"]} == {"api"}, "what a process asks for now"


def test_permissions_that_nothing_asks_for_are_named(world: ApiWorld, admin: Caller) -> None:
    publish_guards(world.database, "api", guards(world.app))
    publish_guards(world.database, "app", own_guards())
    assert admin.get("/statistics").json["attention"]["permissions_asked_nowhere"] == []
    kept = [row for row in own_guards() if row.permission != Permission.EXPLORE_FILES]
    publish_guards(world.database, "app", kept)
    assert admin.get("/statistics").json["attention"]["permissions_asked_nowhere"] == ["explore:files"]
