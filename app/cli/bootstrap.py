"""``gatehouse bootstrap-admin``: the first administrator."""

from __future__ import annotations

import click

from app.cli.command import InstallationCommand
from app.cli.context import confirm, database_of, load_settings, operator_name
from app.cli.options import optional_reason_option, yes_option
from app.core.administration import bootstrap_administrator, person_by_email
from app.core.clock import utc_now
from app.core.errors import ConfigurationError, Conflict
from app.core.ports import UnitOfWork
from app.core.principal import Subject
from app.core.settings import Settings
from app.core.settings_checks import variable_of
from db import Database


@click.command("bootstrap-admin", cls=InstallationCommand, exactly_one_of=("subject", "email"))
@click.option("--subject", help="The person's `sub` at the configured issuer, such as auth0|123.")
@click.option("--email", help="Verified e-mail of exactly one person who has signed in.")
@click.option("--recover", is_flag=True, help="Add an administrator although there is one; audited.")
@optional_reason_option
@yes_option
def bootstrap_admin(*, subject: str | None, email: str | None, recover: bool, reason: str, yes: bool) -> int:
    """Make a person the first administrator.

    With --recover one more is added, when no administrator can sign in.
    """
    settings = load_settings()
    if subject is not None:
        _require_issuer(settings)
    with database_of(settings) as database:
        database.check()
        target = _by_email(database, email) if email is not None else _by_subject(database, settings, subject or "")
        if not confirm("Make this person an administrator?", yes=yes):
            print("Nothing was changed.")
            return 1
        with database.unit_of_work() as unit:
            if email is not None:
                _require_same_person(unit, email, target)
            bootstrap_administrator(
                unit, target, actor=operator_name(), reason=reason or "command line", recover=recover, now=utc_now()
            )
            unit.commit()
    print("Done. This person is an administrator from now on, without signing in again.")
    return 0


def _require_issuer(settings: Settings) -> None:
    """Raise unless the issuer is known that a subject belongs to.

    Raises:
        ConfigurationError: if the local tenant is used, and no issuer is configured for it.
    """
    if settings.local_tenant and settings.oidc_issuer is None:
        raise ConfigurationError(
            [
                (
                    f"{variable_of('auth0_domain', settings)} (or GATEHOUSE_OIDC_ISSUER) is required: it names the "
                    "issuer of the subject."
                )
            ]
        )


def _by_email(database: Database, email: str) -> Subject:
    """Print and return the person with this verified e-mail."""
    with database.unit_of_work() as unit:  # only reads, and ends before the operator is asked
        person = person_by_email(unit, email)
    print(f"Found: {person.name or 'no name'} <{person.email}>, {person.subject.subject} at {person.subject.issuer}")
    return person.subject


def _require_same_person(unit: UnitOfWork, email: str, subject: Subject) -> None:
    """Check that the e-mail still belongs to the person that the operator confirmed.

    Raises:
        Conflict: if another person has it by now.
    """
    if person_by_email(unit, email).subject != subject:
        raise Conflict("Another person has this e-mail address by now.")


def _by_subject(database: Database, settings: Settings, sub: str) -> Subject:
    """Print and return the subject with this ``sub``, with the name where that is known."""
    subject = Subject(settings.issuer, sub)
    with database.unit_of_work() as unit:
        row = unit.person_of(subject)
    name = f"{row.person.name}, " if row is not None and row.person.name else ""
    print(f"Subject: {name}{subject.subject} at {subject.issuer}")
    return subject
