"""``gatehouse people|roles|grants|mappings …``: changes, output and refusals; through the real command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import __main__ as command_line
from app.cli.command import InstallationCommand
from app.core import settings_loading
from app.core.audit_rows import AuditQuery
from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, Person, TokenRights
from app.core.settings import Process
from db import Database, open_database, verify_chain
from tests.app.cli.command_line import invoke
from tests.stack import ROOT

ISSUER = "https://tests.example/"
ADA = Subject(ISSUER, "auth0|ada")
Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GATEHOUSE_OIDC_ISSUER": ISSUER,
        "GATEHOUSE_DATABASE_URL": f"sqlite:///{tmp_path}/gatehouse.sqlite3",
        "GATEHOUSE_SECRET": "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO",
        "GATEHOUSE_APP_BASE_URL": "http://localhost:8599",
    }.items():
        monkeypatch.setenv(name, value)
    assert command_line.main(["migrate"]) == 0
    settings = settings_loading.load(Process.CLI)
    opened = open_database(settings, Keyring(settings.secrets))
    with opened.unit_of_work() as unit:
        unit.save_person(Person(subject=ADA, name="Ada Okafor", email="ada@tests.example"), utc_now())
        unit.commit()
    yield opened
    opened.close()


@pytest.fixture
def run(database: Database) -> Run:
    """Run one command with ``--json``; returns its exit status and the JSON object."""

    def run(*arguments: str) -> tuple[int, Any]:
        result = invoke(*arguments, "--json")
        return result.exit_code, json.loads(result.stdout)

    return run


def printed(*arguments: str) -> str:
    """The standard output of a command that ends well."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def events(database: Database, kind: str) -> list[tuple[str, str, str]]:
    """(actor, target, reason) of the events of a kind, oldest first."""
    return [
        (event.actor, event.target, event.reason)
        for event in database.directory.audit_events(AuditQuery(kinds=(kind,)))
    ]


def roles_of(database: Database, subject: Subject = ADA) -> set[str]:
    return set(database.read.grants(subject, utc_now()).roles)


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
    assert grant.until is not None
    assert timedelta(days=29) < grant.until - utc_now() <= timedelta(days=30)
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
    assert run("roles", "show", "planner")[1]["permissions"] == ["explore:files", "read:reports"]
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
    assert run("roles", "show", "planner")[1]["permissions"] == ["explore:files", "read:reports"]
    assert run(*change)[1]["changed"] is True
    assert run("roles", "show", "planner")[1]["permissions"] == ["export:reports", "read:reports"]

    status, answer = run("roles", "delete", "planner", "--yes", "--reason", "not needed")
    assert (status, answer["problem"]["code"]) == (2, "role-in-use")
    assert run("roles", "delete", "planner", "--yes", "--move-to", "viewer", "--reason", "merged") == (0, {"moved": 1})
    assert roles_of(database) == {"viewer"}


def test_what_a_token_role_becomes(run: Run, database: Database) -> None:
    with database.unit_of_work() as unit:
        rights = TokenRights(issued_at=utc_now(), roles=frozenset({"sales"}))
        unit.sync_token_rights(ADA, rights, map_own_names=False, now=utc_now())
        unit.commit()
    assert [row["token_role"] for row in run("mappings", "list", "--unmapped")[1]["mappings"]] == ["sales"]
    assert run("mappings", "set", "sales", "viewer", "--reason", "they read") == (0, {"people_changed": 1})
    assert roles_of(database) == {"viewer"}
    assert run("mappings", "set", "sales", "--reason", "no more") == (0, {"people_changed": 1})
    assert roles_of(database) == set()


def test_the_operator_is_bound_by_the_last_administrator_rule(run: Run, database: Database) -> None:
    with database.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject=ADA, source=Source.POLICY, by="test", role="administrator"), utc_now())
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


def test_people_read_sentences(database: Database) -> None:
    text = printed("grants", "add", "auth0|ada", "--role", "viewer", "--reason", "reads")
    for arguments in (
        ("people", "list", "--search", "oka"),
        ("people", "show", "1"),
        ("roles", "list"),
        ("roles", "show", "viewer"),
        ("mappings", "list"),
    ):
        text += printed(*arguments)
    assert "Granted. It applies at once." in text
    assert "Ada Okafor" in text
    assert "role viewer" in text
    assert "1 in all" in text


def test_the_commands_of_the_how_to_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InstallationCommand, "invoke", lambda *_: None)  # they are parsed, and not run
    text = (ROOT / "docs/how-to/administer-by-command-line.md").read_text(encoding="utf-8")
    commands = [line for line in text.splitlines() if line.startswith("gatehouse ")]
    assert len(commands) >= 12
    for command in commands:
        result = invoke(*shlex.split(command)[1:])
        assert result.exit_code == 0, result.output


def person(database: Database, subject: str, name: str, email: str, issuer: str = ISSUER) -> None:
    with database.unit_of_work() as unit:
        unit.save_person(Person(Subject(issuer, subject), name=name, email=email, email_verified=True), utc_now())
        unit.commit()


def test_an_email_of_two_people_names_both_and_what_to_do(database: Database) -> None:
    person(database, "auth0|one", "Una Berg", "una@tests.example")
    person(database, "google|two", "Una Berg", "UNA@tests.example")
    result = invoke("bootstrap-admin", "--email", "una@tests.example", "--yes")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0] == "Some of the input is not right."
    assert lines[1].startswith("  email: Several people have this e-mail: Una Berg (")
    assert f"auth0|one at {ISSUER}" in lines[1]
    assert f"google|two at {ISSUER}" in lines[1]
    assert lines[1].endswith("Name one by --subject.")


def test_lists_and_cards_show_names_before_subjects(database: Database) -> None:
    person(database, "auth0|bo", "Bo Lind", "bo@tests.example")
    person(database, "auth0|far", "Far Away", "far@tests.example", "https://elsewhere.example/")
    with database.unit_of_work() as unit:
        by = str(Subject(ISSUER, "auth0|bo"))
        unit.add_grant(NewGrant(ADA, Source.ADMIN, by, role="viewer", reason="joins"), utc_now())
        unit.add_grant(NewGrant(ADA, Source.ADMIN, "operator:root", role="analyst", reason="joins"), utc_now())
        unit.commit()
    head, ada, bo, far, *_ = printed("people", "list").splitlines()
    assert head.split() == ["NAME", "E-MAIL", "STATE", "ROLES", "LAST", "SEEN", "SUBJECT", "ID"]
    assert (ada[:12], ada.split()[-2:]) == ("Ada Okafor  ", ["auth0|ada", "1"])
    assert (bo[:9], bo.split()[-2]) == ("Bo Lind  ", "auth0|bo")
    assert "auth0|far at https://elsewhere.example/" in far
    card = printed("people", "show", "auth0|ada")
    assert f"Bo Lind (auth0|bo at {ISSUER})" in card
    assert "operator:root" in card


def test_bootstrapping_by_subject_prints_the_name_that_is_known(database: Database) -> None:
    text = printed("bootstrap-admin", "--subject", "auth0|ada", "--yes")
    assert f"Subject: Ada Okafor, auth0|ada at {ISSUER}" in text


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


def test_no_transaction_is_open_while_the_operator_is_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit of work that stayed open over the question would hold up every sign-in."""
    with database.unit_of_work() as unit:
        unit.save_person(Person(subject=ADA, name="Ada", email="ada@tests.example", email_verified=True), utc_now())
        unit.commit()

    def answer(_: str) -> str:
        with database.unit_of_work() as unit:
            unit.save_person(Person(subject=Subject(ISSUER, "auth0|bob"), name="Bob"), utc_now())
            unit.commit()
        return "yes"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    assert command_line.main(["bootstrap-admin", "--email", "ada@tests.example"]) == 0
    assert capsys.readouterr().out.endswith("an administrator from now on, without signing in again.\n")
