"""A small population for tests of administration: people in every state, roles from every source, tokens, sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import Person
from db import Database
from db.database import DatabaseUnitOfWork
from tests.db.builders import ISSUER, NOW, SECOND, grant, new_session, token_rights, written

DAY: Final = timedelta(days=1)
NAMES: Final = ("Ada Lovelace", "Bob Ross", "Carla Bruni", "Dora Müller", "Élodie Noir", "Zoe 100% _Under\\", 'Q"uote')


def subject_of(name: str) -> Subject:
    """The subject of one of ``NAMES``, by its first word."""
    return Subject(ISSUER, f"auth0|{name.split(maxsplit=1)[0].lower()}")


ADA, BOB, CARLA, DORA, ELODIE, ZOE, QUOTE = map(subject_of, NAMES)
PENDING: Final = Subject(ISSUER, "auth0|pending")
ROBOT: Final = Subject(ISSUER, "robot@clients")


def add_sample_people(database: Database) -> dict[Subject, int]:
    """Insert the population; subject → id."""

    def write(unit: DatabaseUnitOfWork) -> dict[Subject, int]:
        for number, name in enumerate(NAMES):
            last_seen = NOW - number * DAY
            unit.save_person(
                Person(subject_of(name), name, f"{subject_of(name).subject[6:]}@example.test", True), last_seen
            )
        unit.record_subject(ROBOT, NOW, machine=True)
        unit.add_grant(grant("administrator", subject=ADA), NOW)
        unit.add_grant(grant("viewer", subject=ADA, source=Source.INSTALLATION), NOW)
        unit.add_grant(grant("viewer", subject=BOB, expires_at=NOW + DAY), NOW)
        unit.add_grant(grant("viewer", subject=CARLA, expires_at=NOW - SECOND), NOW - DAY)
        unit.add_grant(grant("analyst", subject=PENDING), NOW)
        unit.add_grant(grant(permission="explore:api", subject=DORA), NOW)
        unit.sync_token_rights(BOB, token_rights("viewer", "Owners"), implicit_role_mapping=True, now=NOW)
        unit.set_blocked(ZOE, blocked=True)
        for number, subject in enumerate((ADA, BOB, BOB)):
            unit.begin_session(new_session(f"ref-{number}", subject), NOW + number * SECOND)
        return {subject: unit.person_id(subject) for subject in (*map(subject_of, NAMES), PENDING, ROBOT)}

    made: dict[Subject, int] = written(database, write)
    return made
