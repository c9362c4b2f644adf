"""People over the API: found, seen whole, known in advance, blocked, let in again, erased; and the rules that bind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.core.records import Person, TokenRights
from tests.remote_api.world import ApiWorld, Caller, administrator, caller


def card(who: Caller, person: int) -> Any:
    answer = who.get(f"/people/{person}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"] == f'"{answer.json["version"]}"'
    return answer.json


def number_of(who: Caller, subject: str) -> int:
    (found,) = [row for row in who.get("/people", q=subject).json["people"] if row["subject"]["subject"] == subject]
    return int(found["id"])


def version(who: Caller, person: int) -> str:
    return str(who.get(f"/people/{person}").headers["ETag"])


# Seeing


def test_a_list_tells_who_they_are_and_what_they_hold(world: ApiWorld, admin: Caller) -> None:
    world.person("auth0|bob", roles=("viewer", "developer"))
    world.block(world.person("auth0|eve"))
    world.grant(world.subject("auth0|later"), role="viewer")
    rows = {row["subject"]["subject"]: row for row in admin.get("/people").json["people"]}
    assert rows["auth0|bob"]["roles"] == ["developer", "viewer"]
    assert {name: row["state"] for name, row in rows.items()} == {
        "auth0|root": "active",
        "auth0|bob": "active",
        "auth0|eve": "blocked",
        "auth0|later": "pending",
    }
    assert rows["auth0|later"]["first_seen_at"] is None

    def found(**query: str) -> set[str]:
        return {row["subject"]["subject"] for row in admin.get("/people", **query).json["people"]}

    assert found(state="blocked") == {"auth0|eve"}
    assert found(role="viewer") == {"auth0|bob", "auth0|later"}
    assert found(without_roles="true") == {"auth0|eve"}
    assert found(q="auth0|bo") == {"auth0|bob"}
    assert found(role="no such role") == set()


def test_a_card_says_where_everything_comes_from(world: ApiWorld, admin: Caller) -> None:
    bob = world.person("auth0|bob", roles=("viewer",))
    until = world.clock() + timedelta(hours=1)
    world.grant(bob, permission="read:audit", until=until, reason="An audit.")
    with world.database.unit_of_work() as unit:
        rights = TokenRights(world.clock(), roles=frozenset({"ops"}))
        unit.sync_token_rights(bob, rights, map_own_names=False, now=world.clock())
        unit.commit()
    found = card(admin, number_of(admin, "auth0|bob"))
    by_what = {grant["role"] or grant["permission"]: grant for grant in found["grants"]}
    assert by_what.keys() == {"viewer", "read:audit"}
    assert (by_what["read:audit"]["reason"], by_what["read:audit"]["until"]) == ("An audit.", until.isoformat())
    assert {held["name"]: held["grants"] for held in found["permissions"]} == {
        "read:reports": [by_what["viewer"]["id"]],
        "read:audit": [by_what["read:audit"]["id"]],
    }
    assert all(held["sentence"] for held in found["permissions"])
    assert found["token_roles"] == [{"name": "ops", "roles": []}]
    assert found["counts_as_administrator"] is False
    assert card(admin, number_of(admin, "auth0|root"))["counts_as_administrator"] is True


@pytest.mark.parametrize("path", ["/people/999", "/people/999/sessions", "/roles/999", "/audit/999"])
def test_what_is_not_there(admin: Caller, path: str) -> None:
    answer = admin.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


@pytest.mark.parametrize("number", ["0", "9223372036854775808", "9" * 1000])
def test_numbers_out_of_bounds(admin: Caller, number: str) -> None:
    answer = admin.get(f"/people/{number}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")


@pytest.mark.parametrize("number", ["abc", "-1", "1.5", "1%00", "1;", "0x1", "%31'", "..%2f1", "1%2f..%2f2"])
def test_what_is_no_number_is_no_address(admin: Caller, number: str) -> None:
    answer = admin.get(f"/people/{number}")
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


# Knowing in advance


def test_somebody_is_known_before_a_first_sign_in(world: ApiWorld, admin: Caller) -> None:
    body = {"subject": "auth0|soon", "reason": "Starts on Monday."}
    answer = admin.send("POST", "/people", body)
    assert (answer.status_code, answer.json["state"]) == (201, "pending")
    assert answer.headers["Location"] == f"/api/v1/people/{answer.json['id']}"
    assert answer.json["subject"] == {"issuer": world.issuer.url, "subject": "auth0|soon"}
    again = admin.send("POST", "/people", body)
    assert (again.status_code, again.json["id"]) == (200, answer.json["id"])
    assert len(world.events("policy:person:add")) == 1
    given = admin.send(
        "POST",
        f"/people/{answer.json['id']}/grants",
        {"role": "viewer", "reason": "Starts on Monday."},
        version=answer.headers["ETag"],
    )
    assert (given.status_code, given.json["roles"]) == (201, ["viewer"])


@pytest.mark.parametrize("subject", ["", " ", "a" * 256, "a\x00b", "a\nb", "\u202eb", "\ud800"])
def test_a_subject_that_cannot_be(admin: Caller, subject: str) -> None:
    answer = admin.send("POST", "/people", {"subject": subject, "reason": "x"})
    assert answer.status_code in {201, 422}
    assert (answer.status_code == 201) == (subject == " ")


# Blocking


def test_blocking_ends_sessions_and_counts_at_the_next_call(world: ApiWorld, admin: Caller) -> None:
    bob = caller(world, "auth0|bob", "viewer")
    number = number_of(admin, "auth0|bob")
    answer = admin.send(
        "PUT", f"/people/{number}/block", {"blocked": True, "reason": "Left."}, version=version(admin, number)
    )
    assert (answer.status_code, answer.json) == (200, {"blocked": True, "sessions_ended": 1})
    assert answer.headers["ETag"] == version(admin, number)
    assert bob.get("/me").status_code in {401, 403}
    (event,) = world.events("policy:person:block")
    assert (event["reason"], event["actor"]) == ("Left.", str(admin.signed_in.subject))
    assert event["correlation_id"] == answer.headers["X-Correlation-ID"]
    back = admin.send(
        "PUT", f"/people/{number}/block", {"blocked": False, "reason": "Back."}, version=answer.headers["ETag"]
    )
    assert (back.status_code, back.json["blocked"]) == (200, False)
    assert card(admin, number)["state"] == "active"


@pytest.mark.parametrize("blocked", ["true", 1, None, "yes"])
def test_a_flag_is_a_flag(admin: Caller, blocked: Any) -> None:
    answer = admin.send("PUT", "/people/1/block", {"blocked": blocked, "reason": "x"}, version='"1"')
    assert (answer.status_code, list(answer.json["problems"])) == (422, ["blocked"])


@pytest.mark.parametrize("reason", ["", "   ", "\u200b", "a" * 501, "a\nb", "a\x00", None, 7, "\ud800"])
def test_every_change_needs_a_reason(admin: Caller, reason: Any) -> None:
    answer = admin.send("PUT", "/people/1/block", {"blocked": False, "reason": reason}, version=version(admin, 1))
    assert (answer.status_code, list(answer.json["problems"])) == (422, ["reason"])


# Erasing


def test_erasing_removes_name_e_mail_and_picture_and_keeps_the_audit_whole(world: ApiWorld, admin: Caller) -> None:
    bob = world.person("auth0|bob", roles=("viewer",))
    with world.database.unit_of_work() as unit:
        shown = Person(bob, name="Bob Builder", email="bob@example.com", picture="https://pictures.test/bob.png")
        unit.save_person(shown, world.clock())
        unit.commit()
    number = number_of(admin, "auth0|bob")
    answer = admin.send(
        "POST", f"/people/{number}/erasure", {"reason": "Asked for it."}, version=version(admin, number)
    )
    assert (answer.status_code, answer.data) == (204, b"")
    found = card(admin, number)
    assert (found["state"], found["name"], found["email"], found["picture"], found["grants"]) == (
        "erased", "", "", "", [],
    )  # fmt: skip
    everything = admin.get("/audit/export", format="jsonl").text + admin.get("/people").text
    assert "Bob Builder" not in everything
    assert "bob@example.com" not in everything
    assert admin.get("/audit/chain", full="true").json["good"] is True
    given = admin.send(
        "POST", f"/people/{number}/grants", {"role": "viewer", "reason": "x"}, version=version(admin, number)
    )
    assert (given.status_code, given.json["code"]) == (409, "conflict")


def test_erasing_asks_for_a_second_factor(world: ApiWorld) -> None:
    plain = Caller(world, world.sign_in("auth0|plain", roles=("administrator",)))
    answer = plain.send("POST", "/people/1/erasure", {"reason": "x"}, version='"1"')
    assert (answer.status_code, answer.json["code"]) == (401, "step-up-required")
    assert "acr_values" in answer.headers["WWW-Authenticate"]


# Versions: two administrators at once


CHANGES = {
    "block": ("PUT", "/people/{}/block", {"blocked": True, "reason": "x"}, None),
    "erasure": ("POST", "/people/{}/erasure", {"reason": "x"}, None),
    "grant": ("POST", "/people/{}/grants", {"role": "viewer", "reason": "x"}, None),
    "revoke": ("DELETE", "/people/{}/grants/1", None, {"reason": "x"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_second_of_two_administrators_is_told_that_it_was_changed_meanwhile(world: ApiWorld, change: str) -> None:
    first, second = administrator(world, "auth0|first"), administrator(world, "auth0|second")
    world.person("auth0|bob", roles=("analyst",))
    number = number_of(first, "auth0|bob")
    seen = version(second, number)
    done = first.send("POST", f"/people/{number}/grants", {"permission": "read:audit", "reason": "x"}, version=seen)
    assert done.status_code == 201
    before = card(first, number)
    method, path, body, query = CHANGES[change]
    answer = second.send(method, path.format(number), body, version=seen, query=query)
    assert (answer.status_code, answer.json["code"]) == (412, "stale-version")
    assert card(first, number) == before, "nothing was changed"
    missing = second.send(method, path.format(number), body, query=query)
    assert (missing.status_code, missing.json["code"]) == (428, "precondition-required")
    anything = second.send(method, path.format(number), body, query=query, version="*")
    assert anything.status_code == 428, "an asterisk would overwrite what nobody has seen"
    weak = second.send(method, path.format(number), body, query=query, version=f"W/{version(second, number)}")
    assert weak.status_code == 412


# The last administrator


def test_the_last_administrator_can_be_neither_blocked_nor_erased_nor_demoted(world: ApiWorld) -> None:
    admin = administrator(world)
    number = number_of(admin, "auth0|root")
    (grant,) = card(admin, number)["grants"]
    reason = {"reason": "x"}
    for method, path, body, query in (
        ("PUT", f"/people/{number}/block", {"blocked": True, **reason}, None),
        ("POST", f"/people/{number}/erasure", reason, None),
        ("DELETE", f"/people/{number}/grants/{grant['id']}", None, reason),
    ):
        answer = admin.send(method, path, body, version=version(admin, number), query=query)
        assert (answer.status_code, answer.json["code"]) == (409, "last-administrator")
    assert card(admin, number)["counts_as_administrator"] is True
    refused = world.events("policy:rule:refuse")
    assert [(event["reason"], event["outcome"]) for event in refused] == [("last-administrator", "refused")] * 3


def test_of_many_administrators_who_block_each_other_at_once_one_stays(world: ApiWorld) -> None:
    administrators = [administrator(world, f"auth0|{number}") for number in range(6)]
    numbers = [number_of(administrators[0], f"auth0|{number}") for number in range(6)]
    versions = [version(administrators[0], number) for number in numbers]

    def block(index: int) -> int:
        other = (index + 1) % 6
        body = {"blocked": True, "reason": "x"}
        path = f"/people/{numbers[other]}/block"
        return int(administrators[index].send("PUT", path, body, version=versions[other]).status_code)

    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(block, range(6)))
    assert set(statuses) <= {200, 401, 403, 409}
    with world.database.unit_of_work() as unit:
        left = unit.administrators(world.clock())
    assert len(left) >= 1
    assert len(left) == 6 - statuses.count(200)
