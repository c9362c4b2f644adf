"""People: profiles, blocks, administrators, and texts that are not to be trusted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from app.core.errors import InvalidInput
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import Person
from db import Database
from db.texts import clean, role_key
from tests.db.builders import ANN, BOB, HOUR, ISSUER, NOW, grant, written


def saved(database: Database, person: Person, now: datetime = NOW) -> Person:
    written(database, lambda unit: unit.save_person(person, now))
    stored = database.read.person(person.subject)
    assert stored is not None
    return stored


def test_saving_updates_what_is_shown_and_never_the_block(database: Database) -> None:
    first = saved(database, Person(ANN, "Ann", "a@example.org", True, "https://p.example/1"))
    assert first == Person(
        ANN, "Ann", "a@example.org", True, "https://p.example/1", first_seen_at=NOW, last_seen_at=NOW
    )
    assert written(database, lambda unit: unit.set_blocked(ANN, blocked=True))
    second = saved(database, replace(first, name="Anna", email="", email_verified=False, blocked=False), NOW + HOUR)
    assert (second.name, second.email, second.blocked) == ("Anna", "", True)
    assert (second.first_seen_at, second.last_seen_at) == (NOW, NOW + HOUR)
    assert database.read.person(BOB) is None


def test_the_same_subject_of_another_issuer_is_another_person(database: Database) -> None:
    saved(database, Person(ANN, "Ann"))
    twin = Subject("https://other.example/", ANN.subject)
    assert database.read.person(twin) is None
    assert database.read.person(Subject(ISSUER, ANN.subject.upper())) is None


def test_blocking_moves_the_version_only_when_it_changes_something(database: Database) -> None:
    saved(database, Person(ANN, "Ann"))
    version = database.read.policy_version()
    assert not written(database, lambda unit: unit.set_blocked(ANN, blocked=False))
    assert database.read.policy_version() == version
    assert written(database, lambda unit: unit.set_blocked(ANN, blocked=True))
    assert not written(database, lambda unit: unit.set_blocked(ANN, blocked=True))
    assert database.read.policy_version() == version + 1
    assert written(database, lambda unit: unit.set_blocked(ANN, blocked=False))
    assert not written(database, lambda unit: unit.set_blocked(BOB, blocked=False))
    assert written(database, lambda unit: unit.set_blocked(BOB, blocked=True)), "in advance"
    stored = database.read.person(BOB)
    assert stored is not None
    assert (stored.blocked, stored.first_seen_at) == (True, None)


def test_a_subject_is_noted_once(database: Database) -> None:
    machine = Subject(ISSUER, "client@clients")
    written(database, lambda unit: unit.record_subject(machine, NOW, machine=True))
    written(database, lambda unit: unit.record_subject(machine, NOW + HOUR, machine=True))
    assert database.read.person(machine) == Person(machine, first_seen_at=NOW, last_seen_at=NOW, machine=True)
    saved(database, Person(ANN, "Ann"))
    written(database, lambda unit: unit.record_subject(ANN, NOW + HOUR, machine=True))
    assert database.read.person(ANN) == Person(ANN, "Ann", first_seen_at=NOW, last_seen_at=NOW)
    written(database, lambda unit: unit.add_grant(grant("viewer", subject=BOB), NOW))
    written(database, lambda unit: unit.record_subject(BOB, NOW, machine=False))
    stored = database.read.person(BOB)
    assert stored is not None
    assert stored.first_seen_at == NOW


def test_which_grants_count_as_administrator(database: Database) -> None:
    makers = {
        "admin": grant("administrator"),
        "policy": grant("administrator", source=Source.INSTALLATION),
        "request": grant("administrator", source=Source.REQUEST),
        "token": grant("administrator", source=Source.TOKEN),
        "ending": grant("administrator", expires_at=NOW + HOUR),
        "blocked": grant("administrator"),
        "analyst": grant("analyst"),
    }
    with database.unit_of_work() as unit:
        for name, made in makers.items():
            unit.add_grant(replace(made, subject=Subject(ISSUER, name)), NOW)
        unit.set_blocked(Subject(ISSUER, "blocked"), blocked=True)
        assert [person.subject.subject for person in unit.administrators(NOW)] == ["admin", "policy"]


def test_people_by_email_are_verified_ones_without_regard_to_case(database: Database) -> None:
    with database.unit_of_work() as unit:
        unit.save_person(Person(ANN, "Ann", "Ann@Example.org", True), NOW)
        unit.save_person(Person(BOB, "Bob", "ann@example.org", False), NOW)
        unit.save_person(Person(Subject(ISSUER, "none"), "None", "", True), NOW)
        for number in range(12):
            unit.save_person(Person(Subject(ISSUER, f"m{number}"), "", "many@example.org", True), NOW)
        assert [person.subject for person in unit.people_by_email("ANN@example.ORG")] == [ANN]
        assert unit.people_by_email("ann@example.or") == ()
        assert unit.people_by_email("%") == ()
        assert unit.people_by_email("") == ()
        assert len(unit.people_by_email("many@example.org")) == 10


def test_hostile_texts_are_cleaned_and_bounded(database: Database) -> None:
    stored = saved(database, Person(ANN, "A\x00\ud800n\u202en\n" + "x" * 10_000, "e\x00@example.org", True))
    assert stored.name.startswith("Annxxx")
    assert len(stored.name) == 300
    assert stored.email == "e@example.org"


@pytest.mark.parametrize("subject", ["", "a\x00b", "\ud800", "x" * 256, "line\nbreak"])
def test_a_subject_that_cannot_be_stored_is_unknown_and_refused(database: Database, subject: str) -> None:
    unstorable = Subject(ISSUER, subject)
    assert database.read.person(unstorable) is None
    assert database.read.sessions_of(unstorable, NOW) == ()
    assert not database.read.grants(unstorable, NOW).roles
    with database.unit_of_work() as unit:
        for write in (
            lambda: unit.save_person(Person(unstorable), NOW),
            lambda: unit.record_subject(unstorable, NOW, machine=False),
            lambda: unit.add_grant(grant("viewer", subject=unstorable), NOW),
            lambda: unit.set_blocked(unstorable, blocked=True),
        ):
            with pytest.raises(InvalidInput):
                write()


def test_clean_keeps_ordinary_text() -> None:
    assert clean("Zoë Ünal-Ōta 👩‍🚀") == "Zoë Ünal-Ōta 👩‍🚀"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("viewer", "Viewer"),
        ("viewer", "VIEWER "),
        ("administrator", "аdministrator"),  # noqa: RUF001 - a Cyrillic letter is the point
        ("viewer", "v\u0131ewer"),
        ("viewer", "v1ewer"),
        ("team lead", "team-lead"),
        ("team", "tearn"),
        ("resume", "résumé"),
        ("ops", "ΟPS"),  # noqa: RUF001 - a Greek letter is the point
    ],
)
def test_look_alike_names_have_the_same_key(name: str, other: str) -> None:
    assert role_key(name) == role_key(other)


def test_different_names_have_different_keys() -> None:
    names = ["administrator", "analyst", "viewer", "developer", "view", "reader", "auditor", "管理者", "ревизор"]
    assert len({role_key(name) for name in names}) == len(names)
