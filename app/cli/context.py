"""What commands run with: the settings, the database, the operator, and one transaction a change.

The command line acts as ``operator:<name of the system's user>``. The operator holds every permission, and every other
rule of administration applies. A refusal by a rule is recorded in the audit, as for every actor.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from app.cli.progress import progress
from app.core import administration, correlation, settings_loading
from app.core.administration import Actor
from app.core.administration_ports import AdministrationUnit
from app.core.administration_records import RoleCard
from app.core.clock import utc_now
from app.core.errors import NotFound
from app.core.installation_secret import present_secrets
from app.core.keyring import Keyring
from app.core.principal import Subject
from app.core.settings import ProcessKind, Settings
from db import ADMINISTRATION_TIMEOUTS, Database, open_database, require_secret

Result = TypeVar("Result")
Query = Callable[[Database, datetime], Result]
"""Reads the database, as of now."""
Operation = Callable[[AdministrationUnit, Actor, datetime], Result]
"""Changes people, roles or mappings in an open unit of work, as the operator, as of now."""


def load_settings(process: ProcessKind = ProcessKind.CLI) -> Settings:
    """Load the settings of a command, without making a new secret for a database that was written with another one.

    Raises:
        ConfigurationError: with every mistake.
        SecretMismatch: if the secret is missing although the database was written with it.
    """
    settings = settings_loading.read(process)
    if not present_secrets(settings):
        require_secret(settings)
    return settings_loading.load(process)


@contextmanager
def database_of(settings: Settings) -> Iterator[Database]:
    """Open the database of ``settings``, and close it at the end of the block."""
    database = open_database(settings, Keyring(settings.secrets), timeouts=ADMINISTRATION_TIMEOUTS)
    try:
        yield database
    finally:
        database.close()


def operator_name() -> str:
    """The name under which the command line acts in the audit."""
    return f"operator:{getpass.getuser()}"


def run_query(query: Query[Result]) -> Result:
    """Return what ``query`` reads from the configured database."""
    with progress("reading the database"), database_of(load_settings()) as database:
        database.check()
        return query(database, utc_now())


def run_transaction(operation: Operation[Result]) -> Result:
    """Run ``operation`` as the operator in one transaction, and commit it."""
    correlation.begin()
    actor = Actor(name=operator_name(), principal=None)
    with progress("changing the database"), database_of(load_settings()) as database:
        database.check()
        now = utc_now()
        with administration.transaction(database, actor, now) as unit:
            return operation(unit, actor, now)


def subject_of(sub: str, issuer: str | None = None) -> Subject:
    """The subject with this ``sub`` at an issuer, by default the configured one."""
    return Subject(issuer or load_settings().issuer, sub)


def resolve_person(text: str) -> int:
    """Return the id of a person, named by that id or by the ``sub`` at the configured issuer.

    Raises:
        NotFound: if there is no such person.
    """
    subject = subject_of(text)

    def query(database: Database, _: datetime) -> int | None:
        with database.unit_of_work() as unit:
            row = unit.person_of(subject)
            if row is None and text.isascii() and text.isdigit():
                by_id = unit.person_by_id(int(text))
                row = by_id[0] if by_id is not None else None
            return row.id if row is not None else None

    person = run_query(query)
    if person is None:
        raise NotFound(f"There is no person {text}: people list shows everyone, people add adds a person.")
    return person


def resolve_role(unit: AdministrationUnit, name: str, now: datetime) -> RoleCard:
    """Return the role of exactly this name.

    Raises:
        NotFound: if there is no such role; names the one that differs in case only.
    """
    card = unit.role_named(name, now)
    if card is None or card.row.name != name:
        near = f" Did you mean {card.row.name}?" if card is not None else ""
        raise NotFound(f"There is no role {name}.{near}")
    return card


def person_names(database: Database, audit_names: Iterable[str]) -> dict[str, str]:
    """Map audit names (``subject at issuer``) to the person's name, where that is known."""
    names: dict[str, str] = {}
    for audit_name in set(audit_names):
        subject, separator, issuer = audit_name.rpartition(" at ")
        person = database.read.person(Subject(issuer, subject)) if separator else None
        if person is not None and person.name:
            names[audit_name] = person.name
    return names


def confirm(question: str, *, yes: bool) -> bool:
    """Ask the operator to type "yes", and return whether they did.

    Args:
        question: The question, without the request to type "yes".
        yes: The operator confirmed with ``--yes``. Without it and without a terminal the answer is no.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        print("This asks before it acts: run it in a terminal, or add --yes.", file=sys.stderr)
        return False
    return input(f"{question} Type yes: ").strip().lower() == "yes"
