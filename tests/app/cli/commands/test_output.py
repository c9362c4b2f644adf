"""The output of the commands: names before subjects, and what the operator is asked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app import __main__ as command_line
from app.cli import audit, context, doctor
from app.cli import database as database_commands
from app.cli.command import InstallationCommand
from app.core.clock import utc_now
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, Person
from db import Database
from tests.app.cli.command_line import invoke
from tests.app.cli.commands.operator_commands import ADA, ISSUER, person, printed
from tests.stack import ROOT


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
        result = invoke(*shlex.split(command.partition(" > ")[0])[1:])
        assert result.exit_code == 0, result.output


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


@pytest.mark.parametrize(
    ("arguments", "actions"),
    [
        (["migrate"], ["migrating the database", "adding permissions and roles"]),
        (["audit", "verify"], ["verifying the audit"]),
        (["audit", "checkpoint"], ["signing the head of the audit"]),
        (["audit", "heal", "--reason", "r", "--yes"], ["verifying the audit"]),
        (
            ["audit", "prune", "--before", "2020-01-01", "--yes"],
            ["verifying the audit", "deleting old audit events"],
        ),
        (["purge"], ["purging expired rows"]),
        (["people", "list"], ["reading the database"]),
        (["people", "add", "auth0|new", "--reason", "r"], ["changing the database"]),
        (
            ["doctor"],
            [
                *(f"waiting for the {name}" for name in ("database", "secret", "provider", "remote API")),
                "reading the app's source for identity in shared caches",
            ],
        ),
    ],
    ids=lambda value: " ".join(value[:2]),
)
def test_a_command_that_may_take_seconds_shows_what_it_waits_for(
    database: Database, monkeypatch: pytest.MonkeyPatch, arguments: list[str], actions: list[str]
) -> None:
    waits = list[str]()

    @contextmanager
    def record(action: str) -> Iterator[None]:
        waits.append(action)
        yield

    for name in ("AUTH0_AUDIENCE", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"):
        monkeypatch.setenv(name, "https://tests.example/api")
    for module in (audit, context, database_commands, doctor):
        monkeypatch.setattr(module, "progress", record)
    invoke(*arguments)
    assert waits == actions
