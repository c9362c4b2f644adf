"""People over the API: listed, read, added in advance, blocked and erased; versions and the last administrator."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.core.permissions import ROLES
from app.core.records import Person, TokenRights
from tests.remote_api.administration import (
    card,
    number_of,
    version,
)
from tests.remote_api.world import ApiWorld, Caller, administrator, caller

# Seeing


def test_the_list_has_states_and_roles_and_can_be_filtered(world: ApiWorld, admin: Caller) -> None:
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

    def subjects_of(**query: str) -> set[str]:
        return {row["subject"]["subject"] for row in admin.get("/people", **query).json["people"]}

    assert subjects_of(state="blocked") == {"auth0|eve"}
    assert subjects_of(role="viewer") == {"auth0|bob", "auth0|later"}
    assert subjects_of(without_roles="true") == {"auth0|eve"}
    assert subjects_of(q="auth0|bo") == {"auth0|bob"}
    assert subjects_of(role="no such role") == set()


def test_the_details_of_a_person_name_the_grant_of_each_permission(world: ApiWorld, admin: Caller) -> None:
    bob = world.person("auth0|bob", roles=("viewer",))
    until = world.clock() + timedelta(hours=1)
    world.grant(bob, permission="read:audit", expires_at=until, reason="An audit.")
    with world.database.unit_of_work() as unit:
        rights = TokenRights(world.clock(), roles=frozenset({"ops"}))
        unit.sync_token_rights(bob, rights, implicit_role_mapping=False, now=world.clock())
        unit.commit()
    details = card(admin, number_of(admin, "auth0|bob"))
    by_name = {grant["role"] or grant["permission"]: grant for grant in details["grants"]}
    assert by_name.keys() == {"viewer", "read:audit"}
    assert (by_name["read:audit"]["reason"], by_name["read:audit"]["until"]) == ("An audit.", until.isoformat())
    assert {permission["name"]: permission["grants"] for permission in details["permissions"]} == {
        **{name.value: [by_name["viewer"]["id"]] for name in ROLES["viewer"][1]},
        "read:audit": [by_name["read:audit"]["id"]],
    }
    assert all(permission["sentence"] for permission in details["permissions"])
    assert details["token_roles"] == [{"name": "ops", "roles": []}]
    assert details["counts_as_administrator"] is False
    assert card(admin, number_of(admin, "auth0|root"))["counts_as_administrator"] is True


@pytest.mark.parametrize("path", ["/people/999", "/people/999/sessions", "/roles/999", "/audit/999"])
def test_unknown_ids_are_not_found(admin: Caller, path: str) -> None:
    answer = admin.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


@pytest.mark.parametrize("number", ["0", "9223372036854775808", "9" * 1000])
def test_ids_out_of_bounds_are_invalid(admin: Caller, number: str) -> None:
    answer = admin.get(f"/people/{number}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")


@pytest.mark.parametrize("number", ["abc", "-1", "1.5", "1%00", "1;", "0x1", "%31'", "..%2f1", "1%2f..%2f2"])
def test_ids_that_are_no_numbers_are_not_found(admin: Caller, number: str) -> None:
    answer = admin.get(f"/people/{number}")
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


# Knowing in advance


def test_a_person_can_be_added_before_the_first_sign_in(world: ApiWorld, admin: Caller) -> None:
    body = {"subject": "auth0|soon", "reason": "Starts on Monday."}
    answer = admin.send("POST", "/people", body)
    assert (answer.status_code, answer.json["state"]) == (201, "pending")
    assert answer.headers["Location"] == f"/api/v1/people/{answer.json['id']}"
    assert answer.json["subject"] == {"issuer": world.issuer.url, "subject": "auth0|soon"}
    again = admin.send("POST", "/people", body)
    assert (again.status_code, again.json["id"]) == (200, answer.json["id"])
    assert len(world.events("policy:person:add")) == 1
    granted = admin.send(
        "POST",
        f"/people/{answer.json['id']}/grants",
        {"role": "viewer", "reason": "Starts on Monday."},
        version=answer.headers["ETag"],
    )
    assert (granted.status_code, granted.json["roles"]) == (201, ["viewer"])


@pytest.mark.parametrize("subject", ["", " ", "a" * 256, "a\x00b", "a\nb", "\u202eb", "\ud800"])
def test_invalid_subjects_are_refused(admin: Caller, subject: str) -> None:
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
def test_a_flag_must_be_a_boolean(admin: Caller, blocked: Any) -> None:
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
        named = Person(bob, name="Bob Builder", email="bob@example.com", picture="https://pictures.test/bob.png")
        unit.save_person(named, world.clock())
        unit.commit()
    number = number_of(admin, "auth0|bob")
    answer = admin.send(
        "POST", f"/people/{number}/erasure", {"reason": "Asked for it."}, version=version(admin, number)
    )
    assert (answer.status_code, answer.data) == (204, b"")
    details = card(admin, number)
    assert (details["state"], details["name"], details["email"], details["picture"], details["grants"]) == (
        "erased", "", "", "", [],
    )  # fmt: skip
    output = admin.get("/audit/export", format="jsonl").text + admin.get("/people").text
    assert "Bob Builder" not in output
    assert "bob@example.com" not in output
    assert admin.get("/audit/chain", full="true").json["good"] is True
    granted = admin.send(
        "POST", f"/people/{number}/grants", {"role": "viewer", "reason": "x"}, version=version(admin, number)
    )
    assert (granted.status_code, granted.json["code"]) == (409, "conflict")


def test_erasing_requires_a_second_factor(world: ApiWorld) -> None:
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
def test_the_second_of_two_changes_of_one_version_is_refused(world: ApiWorld, change: str) -> None:
    first, second = administrator(world, "auth0|first"), administrator(world, "auth0|second")
    world.person("auth0|bob", roles=("analyst",))
    number = number_of(first, "auth0|bob")
    etag = version(second, number)
    done = first.send("POST", f"/people/{number}/grants", {"permission": "read:audit", "reason": "x"}, version=etag)
    assert done.status_code == 201
    before = card(first, number)
    method, path, body, query = CHANGES[change]
    answer = second.send(method, path.format(number), body, version=etag, query=query)
    assert (answer.status_code, answer.json["code"]) == (412, "stale-version")
    assert card(first, number) == before, "nothing was changed"
    missing = second.send(method, path.format(number), body, query=query)
    assert (missing.status_code, missing.json["code"]) == (428, "precondition-required")
    anything = second.send(method, path.format(number), body, query=query, version="*")
    assert anything.status_code == 428, "an asterisk would overwrite an unknown version"
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


def test_one_of_many_administrators_who_block_each_other_remains(world: ApiWorld) -> None:
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
