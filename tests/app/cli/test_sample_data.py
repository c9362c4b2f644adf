"""`gatehouse dev` shows the people of the local tenant before they sign in, and only where it may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app import __main__ as command_line
from app.cli import dev
from app.cli.sample_data import PEOPLE, REASON, add_tenant_people
from app.core import settings_loading
from app.core.administration_records import PeopleQuery, PersonState
from app.core.audit_rows import AuditQuery
from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.permissions import ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import Person, TokenRights
from app.core.settings import ProcessKind
from component.dev_tenant import people as tenant
from db import Database, open_database, verify_chain
from tests.app.cli.command_line import invoke

ISSUER = "http://localhost:9000/"
BRUNO = Subject(ISSUER, "auth0|bruno")


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of a development installation with the local tenant."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTH0_DOMAIN", "GATEHOUSE_OIDC_ISSUER", "GATEHOUSE_DATABASE_URL", "GATEHOUSE_ENV"):
        monkeypatch.delenv(name, raising=False)
    assert command_line.main(["migrate"]) == 0
    settings = settings_loading.load(ProcessKind.CLI)
    opened = open_database(settings, Keyring(settings.secrets))
    yield opened
    opened.close()


def people_of(database: Database) -> dict[str, tuple[str, PersonState, set[str]]]:
    """Subject → (name, state, roles)."""
    now = utc_now()
    rows = database.administration.people(PeopleQuery(), now).rows
    return {row.person.subject.subject: (row.person.name, row.state, set(row.roles)) for row in rows}


def test_the_table_is_that_of_the_local_tenant() -> None:
    assert [(person.key, person.name, {person.role} - {""}) for person in PEOPLE] == [
        (person.key, person.name, set(person.roles)) for person in tenant.PEOPLE
    ]
    assert all(person.email == f"{person.key}@gatehouse.example" for person in tenant.PEOPLE)
    assert {person.key for person in PEOPLE if "blocked" in person.label} == {
        person.key for person in tenant.PEOPLE if person.blocked
    }
    assert {person.role for person in PEOPLE} >= ROLES.keys()


def test_an_empty_database_gets_them_as_people_who_never_signed_in(database: Database) -> None:
    assert add_tenant_people(ISSUER, app=None, state=None) == len(PEOPLE)
    assert people_of(database) == {
        f"auth0|{person.key}": (person.name, PersonState.PENDING, {person.role} - {""}) for person in PEOPLE
    }
    paths = database.read.grants(BRUNO, utc_now()).roles["analyst"]
    assert [path.source for path in paths] == [Source.TOKEN], "nothing is granted here that the tenant does not grant"


def test_they_are_audited_and_added_once(database: Database) -> None:
    add_tenant_people(ISSUER, app=None, state=None)
    assert add_tenant_people(ISSUER, app=None, state=None) == 0
    events = database.administration.audit_events(AuditQuery(kinds=("policy:person:add",)))
    assert [event.reason for event in events] == [REASON] * len(PEOPLE)
    assert all(event.actor.startswith("operator:") for event in events)
    assert verify_chain(database).good


def test_a_sign_in_continues_the_row_with_the_rights_of_its_token(database: Database) -> None:
    add_tenant_people(ISSUER, app=None, state=None)
    now = utc_now().replace(microsecond=0)  # as `iat` has it
    with database.unit_of_work() as unit:
        before = unit.person_of(BRUNO)
        unit.save_person(Person(subject=BRUNO, name="Bruno Silva", email="bruno@gatehouse.example"), now)
        rights = TokenRights(issued_at=now, roles=frozenset({"viewer"}))
        assert unit.sync_token_rights(BRUNO, rights, implicit_role_mapping=True, now=now)
        after = unit.person_of(BRUNO)
        unit.commit()
    assert before is not None
    assert after is not None
    assert after.id == before.id
    assert people_of(database)["auth0|bruno"] == ("Bruno Silva", PersonState.ACTIVE, {"viewer"})
    assert len(people_of(database)) == len(PEOPLE)


def test_a_database_with_a_person_gets_nothing(database: Database) -> None:
    other = Subject("https://other.example/", "auth0|other")
    with database.unit_of_work() as unit:
        unit.save_person(Person(subject=other, name="Other"), utc_now() - timedelta(days=1))
        unit.commit()
    assert add_tenant_people(ISSUER, app=None, state=None) == 0
    assert len(people_of(database)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"AUTH0_DOMAIN": "acme.eu.auth0.com", "AUTH0_AUDIENCE": "https://tests.example/api"},
        {"GATEHOUSE_OIDC_ISSUER": "https://tests.example/", "AUTH0_AUDIENCE": "https://tests.example/api"},
    ],
    ids=["Auth0", "another"],
)
def test_with_a_real_provider_nothing_is_added(
    database: Database, monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert add_tenant_people(ISSUER, app=None, state=None) == 0
    assert people_of(database) == {}


@pytest.mark.parametrize(("arguments", "expected"), [([], True), (["--no-sample-data"], False)])
def test_the_option_switches_it_off(
    database: Database, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: bool
) -> None:
    chosen = list[bool]()

    def run(*_: object, sample_data: bool) -> int:
        chosen.append(sample_data)
        return 0

    monkeypatch.setattr(dev, "run", run)
    assert invoke("dev", *arguments).exit_code == 0
    assert chosen == [expected]
