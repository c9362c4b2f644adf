"""``gatehouse grants …`` and ``gatehouse mappings …``: who has what, and what a token's role becomes here."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli import output
from app.cli.commands import load_settings
from app.cli.context import changing, command, list_options, moment, person_id, reading, reason_option, role_of
from app.core import administration
from app.core.directory import PersonCard
from app.core.errors import NotFound


def add_to(verbs: Any) -> None:
    """Add ``grants …`` and ``mappings …`` to the grammar of the command line."""
    grants = verbs.add_parser("grants", help="give people roles and permissions, and take them away")
    actions = grants.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, run, about in (
        ("add", add, "give somebody a role or a single permission"),
        ("revoke", revoke, "revoke a role or a single permission; what is given automatically is withheld"),
        ("release", release, "let the provider and GATEHOUSE_DEFAULT_ROLE give again what is withheld"),
    ):
        one = command(actions, name, run, help=about)
        one.add_argument("person", help="id from people list, or the `sub` at the configured issuer")
        what = one.add_mutually_exclusive_group(required=True)
        what.add_argument("--role")
        what.add_argument("--permission")
        if run is add:
            one.add_argument("--until", type=moment, help="when it ends: 2027-01-31, or a span from now such as 30d")
        reason_option(one)

    mappings = verbs.add_parser("mappings", help="which role of a token becomes which role here")
    actions = mappings.add_subparsers(dest="action", required=True, metavar="ACTION")
    one = command(actions, "list", list_mappings, help="list token roles, and what they become")
    one.add_argument("--search", default="", help="part of the token role")
    one.add_argument("--unmapped", action="store_true", help="only those that become nothing")
    list_options(one)
    one = command(actions, "set", set_mapping, help="make a token role become exactly these roles; none: nothing")
    one.add_argument("token_role")
    one.add_argument("role", nargs="*")
    reason_option(one)


def add(given: argparse.Namespace) -> int:
    """Give a role or a permission."""
    person = person_id(given.person)
    added = changing(
        lambda unit, who, now: administration.grant(
            unit,
            who,
            person=person,
            role=given.role,
            permission=given.permission,
            until=given.until,
            reason=given.reason,
            version=None,
            now=now,
        )
    )
    return output.said(given, {"added": added}, "Given; it holds at once." if added else "It was there already.")


def revoke(given: argparse.Namespace) -> int:
    """Revoke every grant of a role or a permission; an automatic one is withheld. Raises ``NotFound``."""
    person = person_id(given.person)
    default_role = load_settings().default_role
    card = _card(person)
    found = [one for one in card.grants if (one.role, one.permission) == (given.role, given.permission)]
    if not found:
        raise NotFound("This person does not have that: people show says what they have, and where it came from.")
    count = changing(
        lambda unit, who, now: administration.revoke_all(
            unit, who, found, person=person, reason=given.reason, default_role=default_role, now=now
        )
    )
    withheld = any(one.automatic for one in found)
    sentence = "Revoked; it holds at once."
    if withheld:
        sentence += " It is withheld: no sign-in brings it back before grants release."
    return output.said(given, {"revoked": count, "withheld": withheld}, sentence)


def release(given: argparse.Namespace) -> int:
    """Let the automatic sources give again what is withheld. Raises ``NotFound``."""
    person = person_id(given.person)
    thing = (given.role, given.permission)
    default_role = load_settings().default_role
    found = next((row for row in _card(person).withheld if (row.role, row.permission) == thing), None)
    if found is None:
        raise NotFound("This is not withheld from this person: people show says what is.")
    changing(
        lambda unit, who, now: administration.release(
            unit,
            who,
            person=person,
            withheld=found.id,
            reason=given.reason,
            version=None,
            default_role=default_role,
            now=now,
        )
    )
    return output.said(
        given, {"released": True}, "Released: what the provider or GATEHOUSE_DEFAULT_ROLE gives counts again."
    )


def _card(person: int) -> PersonCard:
    card = reading(lambda database, now: database.directory.person_card(person, now))
    if card is None:
        raise NotFound("This person is not known any more.")
    return card


def list_mappings(given: argparse.Namespace) -> int:
    """Print a page of mappings."""
    found = reading(
        lambda database, _: database.directory.mappings(
            text=given.search, unmapped=given.unmapped, cursor=given.cursor, limit=given.limit
        )
    )
    if given.json:
        rows = [output.mapping(row) for row in found.rows]
        output.as_json({"mappings": rows, "next": found.next, "total": found.total})
        return 0
    output.table(
        ("TOKEN ROLE", "BECOMES", "PEOPLE"),
        [
            (row.token_role, ", ".join(name for _, name in row.roles) or "nothing", output.counted(row.people))
            for row in found.rows
        ],
    )
    output.more(found)
    return 0


def set_mapping(given: argparse.Namespace) -> int:
    """Change what a token role becomes."""
    production = load_settings().production
    changed = changing(
        lambda unit, who, now: administration.set_mapping(
            unit,
            who,
            token_role=given.token_role,
            roles=frozenset(role_of(unit, name, now).row.id for name in given.role),
            reason=given.reason,
            version=None,
            map_own_names=not production,
            now=now,
        )
    )
    becomes = ", ".join(given.role) or "nothing"
    return output.said(
        given,
        {"people_changed": changed},
        f"The token role {given.token_role} becomes {becomes}; that changed what {changed} people hold.",
    )
