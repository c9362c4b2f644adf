"""``gatehouse people …``: see, add, block, sign out and erase people."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.cli import output
from app.cli.commands import load_settings
from app.cli.context import (
    changing,
    command,
    confirmed,
    list_options,
    names_of,
    person_id,
    reading,
    reason_option,
    subject_named,
)
from app.core import administration
from app.core.directory import PeopleQuery, PersonCard, PersonState
from app.core.errors import NotFound
from db import Database


def add_to(verbs: Any) -> None:
    """Add ``people …`` to the grammar of the command line."""
    people = verbs.add_parser("people", help="see, add, block, sign out and erase people")
    actions = people.add_subparsers(dest="action", required=True, metavar="ACTION")

    one = command(actions, "list", list_people, help="list people, by name")
    one.add_argument("--search", default="", help="part of the name, e-mail or subject")
    one.add_argument("--state", type=PersonState, choices=list(PersonState), help="only those in this state")
    one.add_argument("--role", default="", help="only those who hold this role")
    one.add_argument("--without-roles", action="store_true", help="only those who hold none")
    list_options(one)

    one = command(actions, "show", show, help="show one person: state, grants, permissions")
    one.add_argument("person", help="id from the list, or the `sub` at the configured issuer")

    one = command(
        actions, "add", add, help="make somebody known before a first sign-in, so that they can be granted to"
    )
    one.add_argument("subject", help="their `sub` at the issuer, such as auth0|123")
    one.add_argument("--issuer", help="the issuer (default: the configured one)")
    reason_option(one)

    for name, about in (("block", "block somebody, which ends their sessions"), ("unblock", "let somebody in again")):
        one = command(actions, name, block, help=about)
        one.add_argument("person")
        reason_option(one)
        one.set_defaults(blocked=name == "block")

    one = command(actions, "sign-out", sign_out, help="end every session of somebody")
    one.add_argument("person")
    reason_option(one)

    one = command(actions, "erase", erase, help="remove name, e-mail, picture and grants of somebody for good")
    one.add_argument("person")
    one.add_argument("--yes", action="store_true", help="do not ask")
    reason_option(one)


def list_people(given: argparse.Namespace) -> int:
    """Print a page of people."""
    query = PeopleQuery(
        text=given.search,
        state=given.state,
        role=given.role,
        without_roles=given.without_roles,
        cursor=given.cursor,
        limit=given.limit,
    )
    found = reading(lambda database, now: database.directory.people(query, now))
    issuer = load_settings().issuer
    if given.json:
        output.as_json({"people": [output.person(row) for row in found.rows], "next": found.next, "total": found.total})
        return 0
    output.table(
        ("NAME", "E-MAIL", "STATE", "ROLES", "LAST SEEN", "SUBJECT", "ID"),
        [
            (
                row.person.name or "-",
                row.person.email or "-",
                row.state,
                ", ".join(row.roles) or "-",
                output.day(row.person.last_seen_at),
                row.person.subject.subject
                if row.person.subject.issuer == issuer
                else f"{row.person.subject.subject} at {row.person.subject.issuer}",
                str(row.id),
            )
            for row in found.rows
        ],
    )
    output.more(found)
    return 0


def show(given: argparse.Namespace) -> int:
    """Print one person. Raises ``NotFound``."""
    number = person_id(given.person)
    found, names = reading(lambda database, now: _card_with_names(database, number, now))
    if given.json:
        output.as_json(output.person_card(found))
        return 0
    who = found.row.person
    print(f"{who.name or 'No name'} <{who.email or 'no e-mail'}>, {who.subject}")
    print(f"id {found.row.id}, {found.row.state}, last seen {output.day(who.last_seen_at)}")
    if found.counts_as_administrator:
        print("Counts as an administrator.")
    print()
    output.table(
        ("GRANT", "WHAT", "SOURCE", "BY", "SINCE", "UNTIL", "REASON"),
        [output.grant_line(one, names) for one in found.grants],
    )
    if found.withheld:
        print()
        output.table(
            ("WITHHELD", "AUTOMATIC SOURCE", "BY", "SINCE", "REASON"),
            [output.withheld_line(row, names) for row in found.withheld],
        )
    print("\nMay:", ", ".join(sorted(found.permissions)) or "nothing")
    return 0


def _card_with_names(database: Database, person: int, now: datetime) -> tuple[PersonCard, dict[str, str]]:
    """A person, and the names of those whose decisions the card shows. Raises ``NotFound``."""
    card = database.directory.person_card(person, now)
    if card is None:
        raise NotFound("This person is not known any more.")
    default_role = load_settings().default_role
    card = replace(card, withheld=tuple(row.under(default_role) for row in card.withheld))
    return card, names_of(database, [*(one.by for one in card.grants), *(row.by for row in card.withheld)])


def add(given: argparse.Namespace) -> int:
    """Make a subject known."""
    subject = subject_named(given.subject, given.issuer)
    number = changing(
        lambda unit, who, now: administration.add_person(unit, who, subject=subject, reason=given.reason, now=now)
    )
    return output.said(given, {"id": number}, f"{subject} is known here as person {number}.")


def block(given: argparse.Namespace) -> int:
    """Block or let in."""
    person = person_id(given.person)
    ended = changing(
        lambda unit, who, now: administration.set_blocked(
            unit,
            who,
            person=person,
            blocked=given.blocked,
            reason=given.reason,
            version=None,
            now=now,
        )
    )
    said = f"Blocked; {ended} session{'' if ended == 1 else 's'} ended." if given.blocked else "Let in again."
    return output.said(given, {"blocked": given.blocked, "sessions_ended": ended}, said)


def sign_out(given: argparse.Namespace) -> int:
    """End every session of a person."""
    person = person_id(given.person)
    ended = changing(
        lambda unit, who, now: administration.end_sessions(unit, who, person=person, reason=given.reason, now=now)
    )
    return output.said(given, {"sessions_ended": ended}, f"Ended {ended} session{'' if ended == 1 else 's'}.")


def erase(given: argparse.Namespace) -> int:
    """Erase a person."""
    if not confirmed("Name, e-mail, picture and grants of this person go for good.", yes=given.yes):
        print("Nothing was changed.")
        return 1
    person = person_id(given.person)
    changing(
        lambda unit, who, now: administration.erase(
            unit, who, person=person, reason=given.reason, version=None, now=now
        )
    )
    return output.said(
        given, {"erased": True}, "Erased. The audit goes on naming the subject, and nothing else of this person."
    )
