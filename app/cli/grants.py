"""``gatehouse grants …``: add, revoke and release grants of roles and permissions."""

from __future__ import annotations

from datetime import datetime

import click

from app.cli import output
from app.cli.command import CommandGroup
from app.cli.context import load_settings, resolve_person, run_query, run_transaction
from app.cli.options import Decorated, json_option, reason_option, timestamp
from app.core import administration
from app.core.administration_records import GrantRow, PersonCard, WithheldRow
from app.core.errors import NotFound

_ROLE_OR_PERMISSION = ("role", "permission")


def grant_options(function: Decorated) -> Decorated:
    """The person, and the role or permission that a grant is about."""
    permission = click.option("--permission", help="A single permission, such as read:reports.")
    role = click.option("--role", help="A role, such as viewer.")
    return click.argument("person")(role(permission(function)))


@click.group("grants", cls=CommandGroup)
def grants() -> None:
    """Grant roles and permissions to people, and revoke them.

    PERSON is an id from `people list`, or the `sub` at the configured issuer.
    """


@grants.command("add", exactly_one_of=_ROLE_OR_PERMISSION)
@grant_options
@click.option("--until", type=timestamp, help="When it expires: 2027-01-31, or a span from now such as 30d.")
@reason_option
@json_option
def add_grant(
    *, person: str, role: str | None, permission: str | None, until: datetime | None, reason: str, as_json: bool
) -> int:
    """Grant a role or a single permission."""
    person_id = resolve_person(person)
    added = run_transaction(
        lambda unit, actor, now: administration.grant(
            unit,
            actor,
            person=person_id,
            role=role,
            permission=permission,
            expires_at=until,
            reason=reason,
            version=None,
            now=now,
        )
    )
    sentence = "Granted. It applies at once." if added else "The grant exists already."
    return output.print_result({"added": added}, sentence, as_json=as_json)


@grants.command("revoke", exactly_one_of=_ROLE_OR_PERMISSION)
@grant_options
@reason_option
@json_option
def revoke_grants(*, person: str, role: str | None, permission: str | None, reason: str, as_json: bool) -> int:
    """Revoke a role or a single permission.

    A grant of the provider's token or of GATEHOUSE_DEFAULT_ROLE is withheld from then on.
    """
    person_id = resolve_person(person)
    default_role = load_settings().default_role
    revoked = _grants_of(_card(person_id), role, permission)
    count = run_transaction(
        lambda unit, actor, now: administration.revoke_all(
            unit, actor, revoked, person=person_id, reason=reason, default_role=default_role, now=now
        )
    )
    withheld = any(grant.automatic for grant in revoked)
    sentence = "Revoked. It applies at once."
    if withheld:
        sentence += " It is withheld: signing in again does not restore it before `grants release`."
    return output.print_result({"revoked": count, "withheld": withheld}, sentence, as_json=as_json)


@grants.command("release", exactly_one_of=_ROLE_OR_PERMISSION)
@grant_options
@reason_option
@json_option
def release_grant(*, person: str, role: str | None, permission: str | None, reason: str, as_json: bool) -> int:
    """Stop withholding a role or a permission.

    The provider's token and GATEHOUSE_DEFAULT_ROLE can grant it again.
    """
    person_id = resolve_person(person)
    default_role = load_settings().default_role
    withheld = _withheld_of(_card(person_id), role, permission)
    run_transaction(
        lambda unit, actor, now: administration.release(
            unit,
            actor,
            person=person_id,
            withheld=withheld.id,
            reason=reason,
            version=None,
            default_role=default_role,
            now=now,
        )
    )
    sentence = "Released: the grant of the provider or of GATEHOUSE_DEFAULT_ROLE counts again."
    return output.print_result({"released": True}, sentence, as_json=as_json)


def _card(person_id: int) -> PersonCard:
    """Return a person with grants.

    Raises:
        NotFound: if the person is not in the database.
    """
    card = run_query(lambda database, now: database.administration.person_card(person_id, now))
    if card is None:
        raise NotFound("This person does not exist any more.")
    return card


def _grants_of(card: PersonCard, role: str | None, permission: str | None) -> list[GrantRow]:
    """Return the person's grants of a role or permission.

    Raises:
        NotFound: if there is none.
    """
    rows = [grant for grant in card.grants if (grant.role, grant.permission) == (role, permission)]
    if not rows:
        raise NotFound("This person does not have that: people show lists every grant with its source.")
    return rows


def _withheld_of(card: PersonCard, role: str | None, permission: str | None) -> WithheldRow:
    """Return the withheld grant of a role or permission.

    Raises:
        NotFound: if it is not withheld from this person.
    """
    rows = (row for row in card.withheld if (row.role, row.permission) == (role, permission))
    withheld = next(rows, None)
    if withheld is None:
        raise NotFound("This is not withheld from this person: people show lists every withheld grant.")
    return withheld
