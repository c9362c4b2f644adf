"""Values and helpers of the tests of the operator's commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.core.audit_rows import AuditQuery
from app.core.clock import utc_now
from app.core.principal import Subject
from app.core.records import Person
from db import Database
from tests.app.cli.command_line import invoke

ISSUER = "https://tests.example/"


ADA = Subject(ISSUER, "auth0|ada")


Run = Callable[..., tuple[int, Any]]


def printed(*arguments: str) -> str:
    """The standard output of a command that ends well."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def events(database: Database, kind: str) -> list[tuple[str, str, str]]:
    """(actor, target, reason) of the events of a kind, oldest first."""
    return [
        (event.actor, event.target, event.reason)
        for event in database.administration.audit_events(AuditQuery(kinds=(kind,)))
    ]


def roles_of(database: Database, subject: Subject = ADA) -> set[str]:
    return set(database.read.grants(subject, utc_now()).roles)


def person(database: Database, subject: str, name: str, email: str, issuer: str = ISSUER) -> None:
    with database.unit_of_work() as unit:
        unit.save_person(Person(Subject(issuer, subject), name=name, email=email, email_verified=True), utc_now())
        unit.commit()
