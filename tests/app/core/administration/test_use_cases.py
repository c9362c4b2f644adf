"""The first administrator, and the way back in: over a real database, through the real command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app import __main__ as command_line
from app import testing
from app.core.administration import bootstrap_administrator, person_by_email
from app.core.clock import utc_now
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import Person
from db import Database, open_database, seed

ISSUER = "https://tests.example/"
ADA, BOB = Subject(ISSUER, "auth0|ada"), Subject(ISSUER, "auth0|bob")


@pytest.fixture
def database() -> Iterator[Database]:
    settings = testing.settings()
    opened = open_database(settings, Keyring(settings.secrets))
    seed(opened)
    yield opened
    opened.close()


def bootstrap(database: Database, subject: Subject, *, recover: bool = False) -> None:
    with database.unit_of_work() as unit:
        bootstrap_administrator(unit, subject, actor="operator:test", reason="start", recover=recover, now=utc_now())
        unit.commit()


def kinds(database: Database) -> list[tuple[str, str]]:
    with database.engine.connect() as connection:
        return [(row.kind, row.actor) for row in connection.execute(text("SELECT kind, actor FROM audit_events"))]


def test_the_first_administrator_needs_not_have_signed_in(database: Database) -> None:
    bootstrap(database, ADA)
    grants = database.read.grants(ADA, utc_now())
    assert [path.source for path in grants.administrator_paths] == [Source.INSTALLATION]
    assert kinds(database) == [("policy:admin:bootstrap", "operator:test")]


def test_it_is_refused_once_there_is_one_except_to_recover(database: Database) -> None:
    bootstrap(database, ADA)
    with pytest.raises(Conflict, match="--recover"):
        bootstrap(database, BOB)
    with pytest.raises(Conflict, match="already"):
        bootstrap(database, ADA, recover=True)
    bootstrap(database, BOB, recover=True)
    assert [kind for kind, _ in kinds(database)] == ["policy:admin:bootstrap", "policy:admin:recover"]


def test_a_blocked_administrator_does_not_count(database: Database) -> None:
    bootstrap(database, ADA)
    with database.unit_of_work() as unit:
        unit.set_blocked(ADA, blocked=True)
        unit.commit()
    bootstrap(database, BOB)
    assert database.read.grants(BOB, utc_now()).is_administrator


def test_by_email_only_when_exactly_one_verified_person_has_it(database: Database) -> None:
    def save(subject: str, email: str, *, verified: bool) -> None:
        with database.unit_of_work() as unit:
            person = Person(Subject(ISSUER, subject), name=subject, email=email, email_verified=verified)
            unit.save_person(person, utc_now())
            unit.commit()

    save("one", "one@tests.example", verified=True)
    save("two", "two@tests.example", verified=False)
    save("three", "three@tests.example", verified=True)
    save("four", "Three@tests.example", verified=True)
    with database.unit_of_work() as unit:
        assert person_by_email(unit, "ONE@tests.example").subject.subject == "one"
        with pytest.raises(NotFound):
            person_by_email(unit, "two@tests.example")
        with pytest.raises(InvalidInput):
            person_by_email(unit, "three@tests.example")


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GATEHOUSE_OIDC_ISSUER": ISSUER,
        "GATEHOUSE_DATABASE_URL": f"sqlite:///{tmp_path}/gatehouse.sqlite3",
        "GATEHOUSE_SECRET": "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_the_command_line_bootstraps_by_subject(installation: Path, capsys: Any) -> None:
    assert command_line.main(["bootstrap-admin", "--subject", "auth0|ada", "--yes"]) == 2
    assert "gatehouse migrate" in capsys.readouterr().err
    assert command_line.main(["migrate"]) == 0
    assert command_line.main(["migrate"]) == 0
    assert command_line.main(["bootstrap-admin", "--subject", "auth0|ada"]) == 1
    assert "--yes" in capsys.readouterr().err
    assert command_line.main(["bootstrap-admin", "--subject", "auth0|ada", "--yes"]) == 0
    assert "administrator from now on" in capsys.readouterr().out
    assert command_line.main(["bootstrap-admin", "--subject", "auth0|bob", "--yes"]) == 2
    assert "--recover" in capsys.readouterr().err
    assert command_line.main(["bootstrap-admin", "--email", "no@tests.example", "--recover", "--yes"]) == 2
    assert "No user with this verified e-mail" in capsys.readouterr().err


def test_wrong_settings_are_one_list_on_the_command_line(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("GATEHOUSE_TOKEN_LEEWAY_SECONDS", "soon")
    monkeypatch.setenv("GATEHOUSE_ENV", "staging")
    assert command_line.main(["migrate"]) == 2
    errors = capsys.readouterr().err
    assert "GATEHOUSE_TOKEN_LEEWAY_SECONDS" in errors
    assert "GATEHOUSE_ENV" in errors
    assert "Traceback" not in errors


def test_made_up_people_are_for_development_only(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    small = ["seed-scale", "--people=20", "--roles=3", "--permissions=60", "--sessions=2", "--events=10"]
    assert command_line.main(["migrate"]) == 0
    assert command_line.main(small) == 0
    assert "20 people, 3 roles, 60 permissions, 2 sessions and 10 audit events" in capsys.readouterr().out
    assert command_line.main(small) == 2
    assert "filled before" in capsys.readouterr().err
    monkeypatch.setenv("GATEHOUSE_ENV", "production")
    assert command_line.main(small) == 2
