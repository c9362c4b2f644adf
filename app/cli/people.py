"""``gatehouse people …``: list, show, add, block, sign out and erase people."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from app.cli import output
from app.cli.command import CommandGroup
from app.cli.context import (
    confirm,
    load_settings,
    person_names,
    resolve_person,
    run_query,
    run_transaction,
    subject_of,
)
from app.cli.options import json_option, page_options, past_time, reason_option, sort_option, yes_option
from app.core import administration
from app.core.administration_records import PeopleQuery, PeopleSort, PersonCard, PersonState, Through
from app.core.errors import NotFound
from app.core.policy import Source
from db import Database


@click.group("people", cls=CommandGroup)
def people() -> None:
    """List, show, add, block, sign out and erase people.

    PERSON is an id from `people list`, or the `sub` at the configured issuer.
    """


@people.command("list")
@click.option("--search", default="", help="Part of the name, e-mail or subject.")
@click.option("--state", type=click.Choice([state.value for state in PersonState]), help="Only people in this state.")
@click.option("--role", default="", help="Only people with this role.")
@click.option("--without-roles", is_flag=True, help="Only people without a role.")
@click.option("--permission", default="", help="Only people who can use this permission now.")
@click.option("--direct", is_flag=True, help="With --permission: only by a grant of the permission itself.")
@click.option(
    "--source",
    type=click.Choice([source.value for source in Source]),
    help="Only people with a role or permission from this source.",
)
@click.option("--seen-after", type=past_time, help="Only people last seen since this time, such as 7d or 2026-01-31.")
@click.option("--seen-before", type=past_time, help="Only people last seen before this time, such as 90d.")
@sort_option(PeopleSort)
@page_options
@json_option
def list_people(
    *,
    search: str,
    state: str | None,
    role: str,
    without_roles: bool,
    permission: str,
    direct: bool,
    source: str | None,
    seen_after: datetime | None,
    seen_before: datetime | None,
    sort: str,
    cursor: str,
    limit: int,
    as_json: bool,
) -> int:
    """List people."""
    query = PeopleQuery(
        text=search,
        state=PersonState(state) if state is not None else None,
        role=role,
        without_roles=without_roles,
        permission=permission,
        through=Through.DIRECT if direct else Through.EFFECTIVE,
        source=Source(source) if source is not None else None,
        seen_after=seen_after,
        seen_before=seen_before,
        sort=PeopleSort(sort),
        cursor=cursor,
        limit=limit,
    )
    page = run_query(lambda database, now: database.administration.people(query, now))
    issuer = load_settings().issuer
    if as_json:
        output.print_json(
            {"people": [output.person_json(row) for row in page.rows], "next": page.next, "total": page.total}
        )
        return 0
    output.print_table(
        ("NAME", "E-MAIL", "STATE", "ROLES", "LAST SEEN", "SUBJECT", "ID"),
        [
            (
                row.person.name or "-",
                row.person.email or "-",
                row.state,
                ", ".join(row.roles) or "-",
                output.minute(row.person.last_seen_at),
                row.person.subject.subject
                if row.person.subject.issuer == issuer
                else f"{row.person.subject.subject} at {row.person.subject.issuer}",
                str(row.id),
            )
            for row in page.rows
        ],
    )
    output.print_page_end(page)
    return 0


@people.command("show")
@click.argument("person")
@json_option
def show_person(*, person: str, as_json: bool) -> int:
    """Show the state, grants and permissions of a person."""
    person_id = resolve_person(person)
    card, names = run_query(lambda database, now: _card_with_names(database, person_id, now))
    if as_json:
        output.print_json(output.person_card_json(card))
        return 0
    record = card.row.person
    print(f"{record.name or 'No name'} <{record.email or 'no e-mail'}>, {record.subject}")
    print(f"id {card.row.id}, {card.row.state}, last seen {output.minute(record.last_seen_at)}")
    if card.counts_as_administrator:
        print("Counts as an administrator.")
    print()
    output.print_table(
        ("GRANT", "WHAT", "SOURCE", "BY", "SINCE", "UNTIL", "REASON"),
        [output.grant_cells(grant, names) for grant in card.grants],
    )
    if card.withheld:
        print()
        output.print_table(
            ("WITHHELD", "AUTOMATIC SOURCE", "BY", "SINCE", "REASON"),
            [output.withheld_cells(row, names) for row in card.withheld],
        )
    print("\nPermissions:", ", ".join(sorted(card.permissions)) or "nothing")
    return 0


def _card_with_names(database: Database, person_id: int, now: datetime) -> tuple[PersonCard, dict[str, str]]:
    """Return a person with grants, and the names of the actors of those grants, as ``person_names`` does.

    Raises:
        NotFound: if the person is not in the database.
    """
    card = database.administration.person_card(person_id, now)
    if card is None:
        raise NotFound("This person does not exist any more.")
    default_role = load_settings().default_role
    card = replace(card, withheld=tuple(row.under(default_role) for row in card.withheld))
    actors = [*(grant.author for grant in card.grants), *(row.author for row in card.withheld)]
    return card, person_names(database, actors)


@people.command("add")
@click.argument("subject")
@click.option("--issuer", help="The issuer (default: the configured one).")
@reason_option
@json_option
def add_person(*, subject: str, issuer: str | None, reason: str, as_json: bool) -> int:
    """Add a person before their first sign-in.

    Grants can be added at once. SUBJECT is their `sub` at the issuer, such as auth0|123.
    """
    new = subject_of(subject, issuer)
    person_id = run_transaction(
        lambda unit, actor, now: administration.add_person(unit, actor, subject=new, reason=reason, now=now)
    )
    return output.print_result({"id": person_id}, f"Added {new} as person {person_id}.", as_json=as_json)


@people.command("block")
@click.argument("person")
@reason_option
@json_option
def block_person(*, person: str, reason: str, as_json: bool) -> int:
    """Block a person and end their sessions."""
    ended = _set_blocked(person, blocked=True, reason=reason)
    return output.print_result(
        {"blocked": True, "sessions_ended": ended}, f"Blocked; {_sessions(ended)} ended.", as_json=as_json
    )


@people.command("unblock")
@click.argument("person")
@reason_option
@json_option
def unblock_person(*, person: str, reason: str, as_json: bool) -> int:
    """Unblock a person."""
    ended = _set_blocked(person, blocked=False, reason=reason)
    return output.print_result({"blocked": False, "sessions_ended": ended}, "Unblocked.", as_json=as_json)


def _set_blocked(person: str, *, blocked: bool, reason: str) -> int:
    person_id = resolve_person(person)
    return run_transaction(
        lambda unit, actor, now: administration.set_blocked(
            unit, actor, person=person_id, blocked=blocked, reason=reason, version=None, now=now
        )
    )


@people.command("sign-out")
@click.argument("person")
@reason_option
@json_option
def sign_out_person(*, person: str, reason: str, as_json: bool) -> int:
    """End every session of a person."""
    person_id = resolve_person(person)
    ended = run_transaction(
        lambda unit, actor, now: administration.end_sessions(unit, actor, person=person_id, reason=reason, now=now)
    )
    return output.print_result({"sessions_ended": ended}, f"Ended {_sessions(ended)}.", as_json=as_json)


@people.command("erase")
@click.argument("person")
@yes_option
@reason_option
@json_option
def erase_person(*, person: str, yes: bool, reason: str, as_json: bool) -> int:
    """Erase the personal data and grants of a person.

    Name, e-mail, picture and grants are deleted permanently. The audit still names the subject.
    """
    if not confirm("Name, e-mail, picture and grants of this person are deleted permanently.", yes=yes):
        print("Nothing was changed.")
        return 1
    person_id = resolve_person(person)
    run_transaction(
        lambda unit, actor, now: administration.erase(
            unit, actor, person=person_id, reason=reason, version=None, now=now
        )
    )
    sentence = "Erased. The audit still names the subject, and nothing else of this person."
    return output.print_result({"erased": True}, sentence, as_json=as_json)


def _sessions(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'}"
