"""The commands of the operator: grants, people, roles, mappings and sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.core.clock import utc_now
from app.core.permissions import ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, TokenRights
from db import Database, verify_chain
from tests.app.cli.command_line import invoke
from tests.app.cli.commands.operator_commands import ADA, ISSUER, Run, events, printed, roles_of


def test_the_operator_grants_and_revokes_a_role(run: Run, database: Database) -> None:
    assert run("grants", "add", "auth0|ada", "--role", "viewer", "--reason", "starts today") == (0, {"added": True})
    assert roles_of(database) == {"viewer"}
    assert run("grants", "add", "auth0|ada", "--role", "viewer", "--reason", "again") == (0, {"added": False})
    ((actor, target, reason),) = events(database, "policy:grant:add")
    assert actor.startswith("operator:")
    assert (target, reason) == (str(ADA), "starts today")

    assert run("grants", "revoke", "auth0|ada", "--role", "viewer", "--reason", "left") == (
        0, {"revoked": 1, "withheld": False},
    )  # fmt: skip
    assert roles_of(database) == set()
    status, answer = run("grants", "revoke", "auth0|ada", "--role", "viewer", "--reason", "left")
    assert (status, answer["problem"]["code"]) == (2, "not-found")
    assert verify_chain(database).good


def test_a_single_permission_with_an_end(run: Run, database: Database) -> None:
    assert run("grants", "add", "1", "--permission", "read:reports", "--until", "30d", "--reason", "stands in")[0] == 0
    grant = database.read.grants(ADA, utc_now()).permissions["read:reports"][0]
    assert grant.expires_at is not None
    assert timedelta(days=29) < grant.expires_at - utc_now() <= timedelta(days=30)
    status, answer = run("people", "show", "auth0|ada")
    assert status == 0
    assert (answer["id"], answer["permissions"]) == (1, ["read:reports"])
    assert answer["grants"][0]["reason"] == "stands in"


@pytest.mark.parametrize("until", ["tomorrow", "30", "d", "2026-13-01"])
def test_an_end_that_is_not_a_time_is_refused(database: Database, until: str) -> None:
    result = invoke("grants", "add", "1", "--role", "viewer", "--reason", "x", "--until", until)
    assert result.exit_code == 2
    assert "use a day" in result.stderr


def test_a_person_can_get_grants_before_a_first_sign_in(run: Run, database: Database) -> None:
    status, answer = run("people", "add", "auth0|new", "--reason", "starts on Monday")
    assert status == 0
    assert run("grants", "add", str(answer["id"]), "--role", "viewer", "--reason", "starts on Monday")[0] == 0
    assert roles_of(database, Subject(ISSUER, "auth0|new")) == {"viewer"}
    status, page = run("people", "list", "--state", "pending")
    assert [row["subject"] for row in page["people"]] == ["auth0|new"]


def test_people_are_listed_by_what_they_can_use_and_when_they_were_seen(run: Run, database: Database) -> None:
    assert run("grants", "add", "auth0|ada", "--role", "viewer", "--reason", "reads")[0] == 0
    assert run("people", "add", "auth0|new", "--reason", "starts on Monday")[0] == 0

    def subjects(*options: str) -> list[str]:
        status, page = run("people", "list", *options)
        assert status == 0
        return [row["subject"] for row in page["people"]]

    assert subjects("--permission", "read:reports") == ["auth0|ada"]
    assert subjects("--permission", "read:reports", "--direct") == []
    assert subjects("--permission", "no:such") == []
    assert (subjects("--source", "policy"), subjects("--source", "token")) == (["auth0|ada"], [])
    assert subjects("--seen-after", "7d", "--sort", "-last_seen_at") == ["auth0|ada"]
    assert subjects("--seen-before", "7d") == subjects("--seen-after", "2999-01-01") == []
    assert subjects("--seen-before", "2999-01-01") == ["auth0|ada"]
    for option in ("7", "999999999w", "soon"):
        result = invoke("people", "list", "--seen-after", option)
        assert (result.exit_code, "use a day" in result.stderr) == (2, True)


def test_blocking_signing_out_and_erasing(run: Run, database: Database) -> None:
    assert run("people", "block", "auth0|ada", "--reason", "laptop stolen") == (
        0,
        {"blocked": True, "sessions_ended": 0},
    )
    person = database.read.person(ADA)
    assert person is not None
    assert person.blocked
    assert run("people", "unblock", "auth0|ada", "--reason", "found again")[0] == 0
    assert run("people", "sign-out", "auth0|ada", "--reason", "to be sure") == (0, {"sessions_ended": 0})
    assert run("people", "erase", "auth0|ada", "--yes", "--reason", "asked for it") == (0, {"erased": True})
    person = database.read.person(ADA)
    assert person is not None
    assert (person.name, person.email) == ("", "")
    assert verify_chain(database).good


def test_erasing_asks_first(database: Database) -> None:
    result = invoke("people", "erase", "auth0|ada", "--reason", "asked for it")
    assert result.exit_code == 1
    assert "add --yes" in result.stderr
    person = database.read.person(ADA)
    assert person is not None
    assert person.name == "Ada Okafor"


def test_a_role_from_its_making_to_its_end(run: Run, database: Database) -> None:
    assert (
        run("roles", "create", "planner", "--like", "viewer", "--permission", "explore:files", "--reason", "new")[0]
        == 0
    )
    assert run("roles", "show", "planner")[1]["permissions"] == sorted(ROLES["viewer"][1] | {"explore:files"})
    assert run("grants", "add", "auth0|ada", "--role", "planner", "--reason", "plans")[0] == 0

    change = (
        "roles",
        "update",
        "planner",
        "--add",
        "export:reports",
        "--remove",
        "explore:files",
        "--reason",
        "new work",
    )
    status, answer = run(*change, "--dry-run")
    assert (status, answer["changed"]) == (0, False)
    assert (answer["gain"], answer["lose"]) == ({"export:reports": 1}, {"explore:files": 1})
    assert run("roles", "show", "planner")[1]["permissions"] == sorted(ROLES["viewer"][1] | {"explore:files"})
    assert run(*change)[1]["changed"] is True
    assert run("roles", "show", "planner")[1]["permissions"] == sorted(ROLES["viewer"][1] | {"export:reports"})

    status, answer = run("roles", "delete", "planner", "--yes", "--reason", "not needed")
    assert (status, answer["problem"]["code"]) == (2, "role-in-use")
    assert run("roles", "delete", "planner", "--yes", "--move-to", "viewer", "--reason", "merged") == (0, {"moved": 1})
    assert roles_of(database) == {"viewer"}


def test_what_a_token_role_becomes(run: Run, database: Database) -> None:
    with database.unit_of_work() as unit:
        rights = TokenRights(issued_at=utc_now(), roles=frozenset({"sales"}))
        unit.sync_token_rights(ADA, rights, implicit_role_mapping=False, now=utc_now())
        unit.commit()
    assert [row["token_role"] for row in run("mappings", "list", "--unmapped")[1]["mappings"]] == ["sales"]
    assert run("mappings", "set", "sales", "viewer", "--reason", "they read") == (0, {"people_changed": 1})
    assert roles_of(database) == {"viewer"}
    assert run("mappings", "set", "sales", "--reason", "no more") == (0, {"people_changed": 1})
    assert roles_of(database) == set()


def test_the_operator_is_bound_by_the_last_administrator_rule(run: Run, database: Database) -> None:
    with database.unit_of_work() as unit:
        unit.add_grant(
            NewGrant(subject=ADA, source=Source.INSTALLATION, author="test", role="administrator"), utc_now()
        )
        unit.commit()
    for change in (
        ("grants", "revoke", "auth0|ada", "--role", "administrator", "--reason", "x"),
        ("people", "block", "auth0|ada", "--reason", "x"),
        ("people", "erase", "auth0|ada", "--yes", "--reason", "x"),
    ):
        status, answer = run(*change)
        assert (status, answer["problem"]["code"]) == (2, "last-administrator"), change
    assert roles_of(database) == {"administrator"}
    assert len(events(database, "policy:rule:refuse")) == 3


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("grants", "add", "auth0|ada", "--role", "no-such", "--reason", "x"), "invalid-input"),
        (("grants", "add", "unknown", "--role", "viewer", "--reason", "x"), "not-found"),
        (("grants", "add", "auth0|ada", "--role", "viewer", "--reason", "  "), "invalid-input"),
        (("roles", "show", "Viewer"), "not-found"),
        (("roles", "create", "v1ewer", "--reason", "x"), "name-taken"),
        (("roles", "delete", "viewer", "--yes", "--reason", "x"), "built-in-role"),
        (("people", "list", "--cursor", "nonsense"), "invalid-input"),
    ],
)
def test_what_cannot_be_done_is_reported_and_changes_nothing(
    run: Run, database: Database, command: tuple[str, ...], code: str
) -> None:
    before = database.read.policy_version()
    status, answer = run(*command)
    assert (status, answer["problem"]["code"]) == (2, code)
    assert database.read.policy_version() == before


def test_a_withheld_grant_is_listed_and_released(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_DEFAULT_ROLE", "viewer")
    with database.unit_of_work() as unit:
        unit.grant_default_role(ADA, "viewer", utc_now())
        unit.commit()
    revoked = run("grants", "revoke", "auth0|ada", "--role", "viewer", "--reason", "left")
    assert revoked == (0, {"revoked": 1, "withheld": True})
    card = printed("people", "show", "auth0|ada")
    assert "WITHHELD" in card
    assert "GATEHOUSE_DEFAULT_ROLE" in card
    assert run("grants", "release", "auth0|ada", "--role", "viewer", "--reason", "back") == (0, {"released": True})
    assert roles_of(database) == {"viewer"}
    status, answer = run("grants", "release", "auth0|ada", "--role", "viewer", "--reason", "back")
    assert (status, answer["problem"]["code"]) == (2, "not-found")


def test_a_default_role_that_is_set_no_longer_is_not_released(run: Run, database: Database) -> None:
    with database.unit_of_work() as unit:
        unit.grant_default_role(ADA, "viewer", utc_now())
        unit.commit()
    run("grants", "revoke", "auth0|ada", "--role", "viewer", "--reason", "left")
    assert "GATEHOUSE_DEFAULT_ROLE" not in printed("people", "show", "auth0|ada")
    assert run("grants", "release", "auth0|ada", "--role", "viewer", "--reason", "back") == (0, {"released": True})
    assert roles_of(database) == set()
