"""``gatehouse roles …``: list, show, create, change and delete roles."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from app.cli import output
from app.cli.command import CommandGroup
from app.cli.context import confirm, resolve_role, run_query, run_transaction
from app.cli.options import json_option, page_options, reason_option, sort_option, yes_option
from app.core import administration
from app.core.administration import Actor
from app.core.administration_ports import AdministrationUnit
from app.core.administration_records import RoleCard, RoleReview
from app.core.errors import NotFound
from app.core.list_orders import RoleSort


@click.group("roles", cls=CommandGroup)
def roles() -> None:
    """List, show, create, change and delete roles."""


@roles.command("list")
@click.option("--search", default="", help="Part of the name.")
@sort_option(RoleSort)
@page_options
@json_option
def list_roles(*, search: str, sort: str, cursor: str, limit: int, as_json: bool) -> int:
    """List roles."""
    page = run_query(
        lambda database, now: database.administration.roles(
            now, text=search, sort=RoleSort(sort), cursor=cursor, limit=limit
        )
    )
    if as_json:
        output.print_json(
            {"roles": [output.role_json(row) for row in page.rows], "next": page.next, "total": page.total}
        )
        return 0
    output.print_table(
        ("ROLE", "PEOPLE", "PERMISSIONS", "", "WHAT IT IS FOR"),
        [
            (
                row.name,
                output.counted(row.people),
                output.counted(row.permissions),
                "built in" if row.built_in else "",
                row.description,
            )
            for row in page.rows
        ],
    )
    output.print_page_end(page)
    return 0


@roles.command("show")
@click.argument("role")
@json_option
def show_role(*, role: str, as_json: bool) -> int:
    """Show a role and its permissions."""
    card = _card(role)
    if as_json:
        output.print_json(output.role_card_json(card))
        return 0
    row = card.row
    print(f"{row.name}{' (built in)' if row.built_in else ''}: {row.description or 'no description'}")
    print(f"People: {output.counted(row.people)}. Token roles mapped to it: {', '.join(card.token_roles) or 'none'}.")
    print("Permissions:", *(sorted(card.permissions) or ["none"]), sep="\n  ")
    return 0


@roles.command("create")
@click.argument("role")
@click.option("--description", default="", help="The description.")
@click.option("--permission", "permissions", multiple=True, metavar="NAME", help="A permission; may be repeated.")
@click.option("--like", metavar="ROLE", help="Start with the permissions of this role.")
@reason_option
@json_option
def create_role(
    *, role: str, description: str, permissions: tuple[str, ...], like: str | None, reason: str, as_json: bool
) -> int:
    """Create a role."""
    copied = _card(like).permissions if like else frozenset()
    role_id = run_transaction(
        lambda unit, actor, now: administration.create_role(
            unit,
            actor,
            name=role,
            description=description,
            permissions=copied | frozenset(permissions),
            reason=reason,
            now=now,
        )
    )
    return output.print_result({"id": role_id}, f"Created the role {role}.", as_json=as_json)


@roles.command("update")
@click.argument("role")
@click.option("--name", help="The new name.")
@click.option("--description", help="The description.")
@click.option("--add", multiple=True, metavar="PERMISSION", help="Add a permission; may be repeated.")
@click.option("--remove", multiple=True, metavar="PERMISSION", help="Remove a permission; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only report the effect.")
@reason_option
@json_option
def update_role(
    *,
    role: str,
    name: str | None,
    description: str | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    dry_run: bool,
    reason: str,
    as_json: bool,
) -> int:
    """Change a role and report the effect.

    The report names the permissions that people gain and lose, and how many people and sessions it affects.
    """
    card = _card(role)
    permissions = (card.permissions | frozenset(add)) - frozenset(remove)
    review = _review(card, permissions)
    if not dry_run:
        run_transaction(
            lambda unit, actor, now: administration.update_role(
                unit,
                actor,
                role=card.row.id,
                name=name or card.row.name,
                description=card.row.description if description is None else description,
                permissions=permissions,
                reason=reason,
                version=card.row.version,
                now=now,
            )
        )
    lines = [
        *(
            f"+ {permission}: {output.counted(review.gain.get(permission, 0))} people gain it"
            for permission in review.added
        ),
        *(
            f"- {permission}: {output.counted(review.lose.get(permission, 0))} people lose it"
            for permission in review.removed
        ),
        f"The role has {output.counted(review.people)} people, with {output.counted(review.sessions)} live sessions.",
        "Nothing was changed." if dry_run else "Changed. It applies at once.",
    ]
    return output.print_result(asdict(review) | {"changed": not dry_run}, "\n".join(lines), as_json=as_json)


@roles.command("delete")
@click.argument("role")
@click.option("--move-to", metavar="ROLE", help="The role that its people get in its place.")
@yes_option
@reason_option
@json_option
def delete_role(*, role: str, move_to: str | None, yes: bool, reason: str, as_json: bool) -> int:
    """Delete a role."""
    if not confirm(f"The role {role} is deleted permanently.", yes=yes):
        print("Nothing was changed.")
        return 1

    def delete(unit: AdministrationUnit, actor: Actor, now: datetime) -> int:
        card = resolve_role(unit, role, now)
        return administration.delete_role(
            unit,
            actor,
            role=card.row.id,
            move_to=resolve_role(unit, move_to, now).row.id if move_to else None,
            reason=reason,
            version=None,
            now=now,
        )

    moved = run_transaction(delete)
    target = f" to {move_to}" if move_to else ""
    sentence = f"Deleted the role {role}; {moved} people were moved{target}."
    return output.print_result({"moved": moved}, sentence, as_json=as_json)


def _card(name: str) -> RoleCard:
    """Return the role of exactly this name.

    Raises:
        NotFound: if there is no such role.
    """
    card = run_query(lambda database, now: database.administration.role_by_name(name, now))
    if card is None:
        raise NotFound(f"There is no role {name}: roles list shows every role.")
    return card


def _review(card: RoleCard, permissions: frozenset[str]) -> RoleReview:
    """Return what would change if the role had these permissions.

    Raises:
        NotFound: if the role was deleted meanwhile.
    """
    review = run_query(lambda database, now: database.administration.review_role(card.row.id, permissions, now))
    if review is None:
        raise NotFound(f"There is no role {card.row.name} any more.")
    return review
