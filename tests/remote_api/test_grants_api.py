"""Grants over the API: given and taken one by one and many at once, by the rules of administration."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.core.records import TokenRights
from tests.remote_api.test_people_api import card, number_of, version
from tests.remote_api.world import ApiWorld, Caller, administrator, caller


@pytest.fixture
def bob(world: ApiWorld, admin: Caller) -> int:
    world.person("auth0|bob")
    return number_of(admin, "auth0|bob")


def give(who: Caller, person: int, /, **body: Any) -> Any:
    return who.send("POST", f"/people/{person}/grants", {"reason": "x", **body}, version=version(who, person))


def take(who: Caller, person: int, grant: int) -> Any:
    path = f"/people/{person}/grants/{grant}"
    return who.send("DELETE", path, version=version(who, person), query={"reason": "x"})


def granter(world: ApiWorld, *permissions: str) -> Caller:
    """Somebody who may give what they hold: these."""
    who = caller(world, "auth0|granter")
    for permission in ("manage:grants", "read:people", *permissions):
        world.grant(who.signed_in.subject, permission=permission)
    return who


def test_given_and_taken_it_counts_at_the_next_call(world: ApiWorld, admin: Caller, bob: int) -> None:
    signed_in = caller(world, "auth0|bob")
    assert signed_in.get("/reports/usage").status_code == 403
    answer = give(admin, bob, role="viewer")
    assert (answer.status_code, answer.json["roles"]) == (201, ["viewer"])
    assert answer.headers["ETag"] == version(admin, bob)
    assert signed_in.get("/reports/usage").status_code == 200
    (grant,) = answer.json["grants"]
    assert (grant["by"], grant["source"], grant["reason"]) == (str(admin.signed_in.subject), "admin", "x")
    again = give(admin, bob, role="viewer")
    assert (again.status_code, again.json["grants"]) == (200, [grant])
    assert len(world.events("policy:grant:add")) == 1, "what changes nothing is no event"
    taken = take(admin, bob, grant["id"])
    assert (taken.status_code, taken.json["grants"]) == (200, [])
    assert signed_in.get("/reports/usage").status_code == 403
    gone = take(admin, bob, grant["id"])
    assert gone.status_code == 404
    (event,) = world.events("policy:grant:revoke")
    assert (event["target"], event["details"]["role"]) == (f"auth0|bob at {world.issuer.url}", "viewer")


def test_a_grant_may_end(world: ApiWorld, admin: Caller, bob: int) -> None:
    until = (world.clock() + timedelta(hours=1)).isoformat()
    answer = give(admin, bob, permission="read:reports", until=until)
    assert (answer.status_code, answer.json["grants"][0]["until"]) == (201, until)
    other = give(admin, bob, permission="read:reports")
    assert (other.status_code, other.json["code"]) == (409, "conflict")
    past = give(admin, bob, role="viewer", until=(world.clock() - timedelta(seconds=1)).isoformat())
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
        ({"role": "viewer", "by": "somebody else"}, "unknown"),
        ({"role": "viewer", "person": 1}, "unknown"),
        ({"role": "viewer", "version": "1"}, "unknown"),
    ],
)
def test_what_cannot_be_given(world: ApiWorld, admin: Caller, bob: int, body: dict[str, Any], field: str) -> None:
    answer = give(admin, bob, **body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")
    assert field in answer.json["problems"]
    assert card(admin, bob)["grants"] == []
    assert not world.events("policy:")


def test_nobody_gives_what_they_do_not_hold(world: ApiWorld, admin: Caller, bob: int) -> None:
    who = granter(world, "read:reports")
    assert give(who, bob, permission="read:reports").status_code == 201
    assert give(who, bob, role="viewer").status_code == 201, "all that is in it is held"
    answer = give(who, bob, role="auditor")
    assert (answer.status_code, answer.json["code"]) == (403, "not-held")
    assert "read:audit" in answer.json["permissions"]
    assert "WWW-Authenticate" not in answer.headers
    assert give(who, bob, role="administrator").json["code"] == "not-held"
    (first, _) = world.events("policy:rule:refuse")
    assert (first["actor"], first["target"]) == (
        "auth0|granter at " + world.issuer.url,
        "auth0|bob at " + world.issuer.url,
    )
    assert (first["reason"], first["outcome"]) == ("not-held", "refused")
    assert first["correlation_id"] == answer.headers["X-Correlation-ID"]


def test_nobody_gives_themselves_anything(world: ApiWorld, admin: Caller) -> None:
    me = number_of(admin, "auth0|root")
    answer = give(admin, me, role="viewer")
    assert (answer.status_code, answer.json["code"]) == (403, "self-grant")


def token_says(world: ApiWorld, *names: str, permissions: tuple[str, ...] = (), seconds: int = 0) -> None:
    rights = TokenRights(world.clock() + timedelta(seconds=seconds), frozenset(names), frozenset(permissions))
    with world.database.unit_of_work() as unit:
        unit.sync_token_rights(world.subject("auth0|bob"), rights, map_own_names=True, now=world.clock())
        unit.commit()


def test_what_the_provider_gives_is_withheld_when_it_is_revoked(world: ApiWorld, admin: Caller, bob: int) -> None:
    token_says(world, "viewer")
    signed_in = caller(world, "auth0|bob")
    assert signed_in.get("/reports/usage").status_code == 200
    (grant,) = card(admin, bob)["grants"]
    assert (grant["source"], grant["automatic"]) == ("token", True)
    answer = take(admin, bob, grant["id"])
    assert (answer.status_code, answer.json["grants"]) == (200, [])
    (withheld,) = answer.json["withheld"]
    assert withheld == {
        "id": withheld["id"], "role": "viewer", "permission": None, "by": str(admin.signed_in.subject),
        "since": withheld["since"], "reason": "x", "from_token": True, "from_default_role": False,
    }  # fmt: skip
    assert answer.headers["ETag"] == version(admin, bob)
    token_says(world, "viewer", seconds=1)
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
def test_a_release_gives_the_default_role_only_while_it_is_set(
    make_world: Callable[..., ApiWorld], default_role: str | None, roles: list[str]
) -> None:
    world = make_world(**({"default_role": default_role} if default_role else {}))
    world.person("auth0|bob")
    with world.database.unit_of_work() as unit:
        unit.grant_default_role(world.subject("auth0|bob"), "viewer", world.clock())
        unit.commit()
    admin = administrator(world)
    bob = number_of(admin, "auth0|bob")
    take(admin, bob, card(admin, bob)["grants"][0]["id"])
    (withheld,) = card(admin, bob)["withheld"]
    assert withheld["from_default_role"] is (default_role == "viewer")
    path = f"/people/{bob}/withheld/{withheld['id']}"
    released = admin.send("DELETE", path, version=version(admin, bob), query={"reason": "back"})
    assert (released.status_code, released.json["roles"], released.json["withheld"]) == (200, roles, [])


def test_nobody_releases_what_they_do_not_hold_or_what_is_withheld_from_themselves(
    world: ApiWorld, admin: Caller, bob: int
) -> None:
    token_says(world, permissions=("read:reports", "manage:grants", "read:people", "explore:api"))
    who = granter(world, "read:messages")
    signed_in = caller(world, "auth0|bob")
    for grant in card(admin, bob)["grants"]:
        if grant["permission"] in {"read:reports", "explore:api"}:
            take(admin, bob, grant["id"])
    for caller_, code in ((who, "not-held"), (signed_in, "self-grant")):
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


def test_no_claim_of_another_clients_token_gives_what_is_withheld(world: ApiWorld, admin: Caller, bob: int) -> None:
    token_says(world, permissions=("read:reports", "read:messages"))
    asserts = world.issuer.access_token(sub="auth0|bob", scope="", permissions=["read:reports", "explore:api"])
    scoped = world.issuer.access_token(sub="auth0|bob", scope="read:reports read:messages", permissions=[])
    assert [permissions_of(world, token) for token in (asserts, scoped)] == [
        ["read:reports", "explore:api"],
        ["read:reports", "read:messages"],
    ]
    for grant in card(admin, bob)["grants"]:
        take(admin, bob, grant["id"])
    for token in (asserts, scoped):
        answer = world.call("/api/v1/reports/usage", token)
        assert (answer.status_code, answer.json["reason"]) == (403, "not-granted")
    assert [permissions_of(world, token) for token in (asserts, scoped)] == [["explore:api"], []]


def permissions_of(world: ApiWorld, token: str) -> list[str]:
    return [one["name"] for one in world.call("/api/v1/me", token).json["permissions"]]


def test_revoking_from_many_withholds_what_is_automatic_unless_told_otherwise(
    world: ApiWorld, admin: Caller, bob: int
) -> None:
    token_says(world, "viewer")
    world.grant(world.subject("auth0|bob"), role="viewer")
    assert outcomes(bulk(admin, [bob], action="revoke", role="viewer", automatic=False)) == [(bob, "done", None)]
    assert card(admin, bob)["roles"] == ["viewer"]
    assert outcomes(bulk(admin, [bob], action="revoke", role="viewer", automatic=False)) == [(bob, "unchanged", None)]
    assert outcomes(bulk(admin, [bob], action="revoke", role="viewer")) == [(bob, "done", None)]
    assert (card(admin, bob)["roles"], len(card(admin, bob)["withheld"])) == ([], 1)


def test_somebody_elses_grant_is_not_there(world: ApiWorld, admin: Caller, bob: int) -> None:
    world.person("auth0|eve", roles=("viewer",))
    (grant,) = card(admin, number_of(admin, "auth0|eve"))["grants"]
    assert take(admin, bob, grant["id"]).status_code == 404


def test_a_right_taken_away_meanwhile_is_missed_inside_the_unit(
    world: ApiWorld, admin: Caller, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first check has passed; what counts is what the transaction sees."""
    who = granter(world, "read:reports")
    seen = version(who, bob)
    opened = world.database.unit_of_work

    def meanwhile() -> Any:
        monkeypatch.undo()
        world.revoke(who.signed_in.subject, permission="manage:grants")
        return opened()

    monkeypatch.setattr(world.database, "unit_of_work", meanwhile)
    answer = who.send("POST", f"/people/{bob}/grants", {"permission": "read:reports", "reason": "x"}, version=seen)
    assert (answer.status_code, answer.json["code"]) == (403, "permission-denied")
    assert card(admin, bob)["grants"] == []
    (event,) = world.events("api:endpoint:deny")
    assert (event["actor"], event["reason"]) == (str(who.signed_in.subject), "not-granted")


def test_fifty_at_once_are_one_grant_and_one_event(world: ApiWorld, admin: Caller, bob: int) -> None:
    seen = version(admin, bob)

    def once(_: int) -> int:
        body = {"role": "viewer", "reason": "x"}
        return int(admin.send("POST", f"/people/{bob}/grants", body, version=seen).status_code)

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(once, range(50)))
    assert (statuses.count(201), set(statuses)) == (1, {201, 412})
    assert len(card(admin, bob)["grants"]) == 1
    assert len(world.events("policy:grant:add")) == 1


# Many at once


def bulk(who: Caller, people: list[Any], /, **body: Any) -> Any:
    return who.send("POST", "/grants/bulk", {"action": "grant", "reason": "x", "people": people, **body})


def outcomes(answer: Any) -> list[tuple[int, str, str | None]]:
    assert answer.status_code == 200, answer.text
    return [
        (result["person"], result["outcome"], result["problem"] and result["problem"]["code"])
        for result in answer.json["results"]
    ]


def test_each_of_many_has_a_result_of_its_own(world: ApiWorld, admin: Caller, bob: int) -> None:
    world.person("auth0|eve", roles=("viewer",))
    eve, me = number_of(admin, "auth0|eve"), number_of(admin, "auth0|root")
    given = bulk(admin, [bob, 999, eve, me, bob], role="viewer")
    assert outcomes(given) == [
        (bob, "done", None),
        (999, "refused", "not-found"),
        (eve, "unchanged", None),
        (me, "refused", "self-grant"),
    ]
    assert given.json["results"][1]["problem"]["detail"] == "There is no such person."
    taken = bulk(admin, [bob, eve, me, 999], action="revoke", role="viewer")
    assert outcomes(taken) == [
        (bob, "done", None),
        (eve, "done", None),
        (me, "unchanged", None),
        (999, "refused", "not-found"),
    ]
    assert len(world.events("policy:grant:add")) == 1
    assert len(world.events("policy:grant:revoke")) == 2


def test_many_never_lose_the_last_administrator(world: ApiWorld, admin: Caller) -> None:
    me = number_of(admin, "auth0|root")
    assert outcomes(bulk(admin, [me], action="revoke", role="administrator")) == [(me, "refused", "last-administrator")]


def test_two_hundred_at_most_and_each_a_number(world: ApiWorld, admin: Caller) -> None:
    with world.database.unit_of_work() as unit:
        for number in range(200):
            unit.record_subject(world.subject(f"auth0|{number}"), world.clock(), machine=False)
        unit.commit()
    numbers = [row["id"] for row in admin.get("/people", limit=200, without_roles="true").json["people"]]
    assert len(numbers) == 200
    assert {outcome for _, outcome, _ in outcomes(bulk(admin, numbers, role="viewer"))} == {"done"}
    for people in ([*numbers, 1], [], ["1"], [1.5], [True], [None], [0], [-1], [2**63], "1", {"1": 1}):
        answer = bulk(admin, people, role="viewer")  # type: ignore[arg-type] # some are no lists at all
        assert (answer.status_code, answer.json["code"]) == (422, "invalid-input"), people


@pytest.mark.parametrize(
    "body",
    [
        {"role": "viewer", "permission": "read:reports"},
        {},
        {"role": "viewer", "action": "delete"},
        {"role": "viewer", "action": "revoke", "until": "2099-01-01T00:00:00Z"},
        {"role": "viewer", "everybody": True},
    ],
)
def test_what_cannot_be_asked_of_many(admin: Caller, body: dict[str, Any]) -> None:
    answer = bulk(admin, [1], **body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")


def test_a_right_lost_in_the_middle_stops_the_rest(
    world: ApiWorld, admin: Caller, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = granter(world, "read:reports")
    world.person("auth0|eve")
    eve = number_of(admin, "auth0|eve")
    opened, turns = world.database.unit_of_work, []

    def taken_away_after_the_first() -> Any:
        turns.append(1)
        if len(turns) == 2:
            monkeypatch.undo()
            world.revoke(who.signed_in.subject, permission="manage:grants")
        return opened()

    monkeypatch.setattr(world.database, "unit_of_work", taken_away_after_the_first)
    answer = bulk(who, [bob, eve], permission="read:reports")
    assert outcomes(answer) == [(bob, "done", None), (eve, "refused", "permission-denied")]
