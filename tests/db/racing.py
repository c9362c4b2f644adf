"""Changes that many administrators make at once, in threads and in processes."""

from __future__ import annotations

from app.core import administration
from app.core.administration import Actor
from app.core.audit import actor_of
from app.core.errors import GatehouseError, LastAdministrator
from app.core.permissions import ADMINISTRATOR
from app.core.policy import Source
from app.core.principal import AuthMethod, Principal, Subject
from app.core.records import NewGrant
from db import Database
from tests.db.builders import ANN, ISSUER, NOW, written

ADMINISTRATORS = tuple(Subject(ISSUER, f"admin-{number}") for number in range(20))


def acting(subject: Subject) -> Actor:
    principal = Principal(AuthMethod.SESSION, subject, authenticated_at=NOW)
    return Actor(actor_of(principal), principal)


def prepare(database: Database) -> None:
    """Twenty administrators, and Ann, who is pending."""
    written(
        database,
        lambda unit: (
            [unit.add_grant(NewGrant(subject, Source.ADMIN, "t", ADMINISTRATOR), NOW) for subject in ADMINISTRATORS],
            unit.person_id(ANN),
        ),
    )


def grant_viewer(database: Database, number: int) -> bool:
    """Ann becomes a viewer, by one administrator or another; False when she was one."""
    actor = acting(ADMINISTRATORS[number % len(ADMINISTRATORS)])
    with database.unit_of_work() as unit:
        person = unit.person_id(ANN)
    with administration.transaction(database, actor, NOW) as unit:
        return administration.grant(
            unit,
            actor,
            person=person,
            role="viewer",
            permission=None,
            expires_at=None,
            reason="race",
            version=None,
            now=NOW,
        )


def step_down(database: Database, number: int) -> str:
    """One of the twenty administrators revokes their own role; returns the outcome."""
    subject = ADMINISTRATORS[number]
    actor = acting(subject)
    with database.unit_of_work() as unit:
        person = unit.person_id(subject)
    card = database.administration.person_card(person, NOW)
    if card is None or not card.grants:
        return "gone"
    grant = card.grants[0].id
    try:
        with administration.transaction(database, actor, NOW) as unit:
            administration.revoke(
                unit, actor, person=person, grant=grant, reason="race", version=None, default_role=None, now=NOW
            )
    except LastAdministrator:
        return "last"
    except GatehouseError as error:
        return error.code
    return "done"
