"""Changes of people: added in advance, blocked, erased; and the last administrator."""

from __future__ import annotations

import pytest

from app.core import administration
from app.core.administration import Actor
from app.core.administration_records import PersonState
from app.core.errors import (
    BuiltInRole,
    Conflict,
    InvalidInput,
    LastAdministrator,
    PermissionDenied,
)
from app.core.permissions import ADMINISTRATOR
from app.core.policy import Source
from app.core.records import EndReason, Person
from db import Database, verify_chain
from tests.app.core.administration.support import (
    ADA,
    BOB,
    CARLA,
    DAN,
    HOUR,
    OPERATOR,
    Installation,
    acting,
    refused,
    session,
)


def test_a_person_can_get_grants_before_the_first_sign_in(here: Installation) -> None:
    person = here.act(administration.add_person, acting(ADA), subject=DAN, reason="starts on Monday")
    assert here.act(administration.add_person, acting(ADA), subject=DAN, reason="again") == person
    here.grant(acting(ADA), DAN, "viewer")
    card = here.database.administration.person_card(person, here.now)
    assert card is not None
    assert card.row.state is PersonState.PENDING
    assert [kind for kind, *_ in here.events()] == ["policy:person:add", "policy:grant:add"]
    with pytest.raises(InvalidInput):
        here.act(administration.add_person, acting(ADA), subject=DAN._replace(subject=""), reason="x")


@pytest.mark.parametrize("actor", [acting(ADA), acting(BOB), OPERATOR], ids=["herself", "another", "operator"])
def test_the_last_administrator_cannot_be_removed(here: Installation, actor: Actor) -> None:
    here.store_grants(CARLA, ADMINISTRATOR, expires_at=here.now + HOUR)  # does not count: it ends
    here.store_grants(DAN, ADMINISTRATOR, source=Source.REQUEST)  # does not count: neither admin nor policy
    refused(here, LastAdministrator, here.revoke, actor, ADA, ADMINISTRATOR)
    refused(here, LastAdministrator, here.block, actor, ADA)
    refused(here, LastAdministrator, here.erase, actor, ADA)
    refused(here, BuiltInRole, here.update, actor, ADMINISTRATOR)
    refused(here, BuiltInRole, here.delete, actor, ADMINISTRATOR, "viewer")
    assert here.roles_of(ADA) == {ADMINISTRATOR}


def test_one_of_two_administrators_can_be_revoked(here: Installation) -> None:
    here.store_grants(CARLA, ADMINISTRATOR, source=Source.INSTALLATION)
    here.revoke(acting(ADA), ADA, ADMINISTRATOR)
    refused(here, PermissionDenied, here.revoke, acting(ADA), CARLA, ADMINISTRATOR)
    refused(here, LastAdministrator, here.revoke, OPERATOR, CARLA, ADMINISTRATOR)


def test_a_blocked_administrator_does_not_count(here: Installation) -> None:
    here.store_grants(CARLA, ADMINISTRATOR)
    here.block(acting(ADA), CARLA)
    refused(here, LastAdministrator, here.block, OPERATOR, ADA)
    here.block(acting(ADA), CARLA, blocked=False)
    here.block(OPERATOR, ADA)


def test_blocking_ends_every_session_and_unblocking_restores_none(here: Installation) -> None:
    session(here, CARLA, "one")
    session(here, CARLA, "two")
    assert here.block(acting(BOB), CARLA) == 2
    ended = here.database.read.session_by_ref("one")
    assert ended is not None
    assert ended.end_reason is EndReason.BLOCKED
    assert here.block(acting(BOB), CARLA) == 0
    assert here.block(acting(BOB), CARLA, blocked=False) == 0
    assert [kind for kind, *_ in here.events()] == ["policy:person:block", "policy:person:unblock"]
    assert here.database.read.sessions_of(CARLA, here.now) == ()


def test_erasing_keeps_only_the_subject_and_the_audit_chain(here: Installation) -> None:
    here.unit(lambda unit: unit.save_person(Person(CARLA, "Carla Bruni", "c@x.test", True, "http://p"), here.now))
    session(here, CARLA, "one")
    here.grant(acting(ADA), CARLA, "viewer")
    here.block(acting(ADA), CARLA)
    here.erase(acting(ADA), CARLA, version=here.version(CARLA))
    here.erase(acting(ADA), CARLA)
    card = here.database.administration.person_card(here.id(CARLA), here.now)
    assert card is not None
    person = card.row.person
    assert (person.name, person.email, person.email_verified, person.picture) == ("", "", False, "")
    assert (card.row.state, person.blocked, card.grants) == (PersonState.ERASED, True, ())
    ended = here.database.read.session_by_ref("one")
    assert ended is not None
    assert (ended.user_agent, ended.address) == ("", "")
    assert stored_texts(here.database).isdisjoint({"Carla Bruni", "carla bruni", "c@x.test", "http://p"})
    assert [kind for kind, *_ in here.events()][-1] == "policy:person:erase"
    assert verify_chain(here.database).good
    refused(here, Conflict, here.grant, acting(ADA), CARLA, "viewer")


def stored_texts(database: Database) -> set[str]:
    """Every text in every table."""
    with database.engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        return {
            value
            for name in names
            for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')  # noqa: S608 - our tables
            for value in row
            if isinstance(value, str)
        }
