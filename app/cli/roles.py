"""``gatehouse roles …``: see, make, copy, change, compare and delete roles."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.cli import output
from app.cli.context import changing, command, confirmed, list_options, reading, reason_option, role_of
from app.core import administration
from app.core.administration import Administrator
from app.core.directory import RoleCard
from app.core.directory_ports import DirectoryUnit
from app.core.errors import NotFound


def add_to(verbs: Any) -> None:
    """Add ``roles …`` to the grammar of the command line."""
    roles = verbs.add_parser("roles", help="see, make, copy, change and delete roles")
    actions = roles.add_subparsers(dest="action", required=True, metavar="ACTION")

    one = command(actions, "list", list_roles, help="list roles, by name")
    one.add_argument("--search", default="", help="part of the name")
    list_options(one)

    one = command(actions, "show", show, help="show one role and the permissions in it")
    one.add_argument("role")

    one = command(actions, "create", create, help="make a role")
    one.add_argument("role")
    one.add_argument("--description", default="", help="what it is for")
    one.add_argument("--permission", action="append", default=[], metavar="NAME", help="may be repeated")
    one.add_argument("--like", metavar="ROLE", help="begin with the permissions of this role")
    reason_option(one)

    one = command(actions, "update", update, help="change a role; says first what that would do")
    one.add_argument("role")
    one.add_argument("--name", help="its new name")
    one.add_argument("--description", help="what it is for")
    one.add_argument("--add", action="append", default=[], metavar="PERMISSION", help="may be repeated")
    one.add_argument("--remove", action="append", default=[], metavar="PERMISSION", help="may be repeated")
    one.add_argument("--dry-run", action="store_true", help="only say what it would do")
    reason_option(one)

    one = command(actions, "delete", delete, help="delete a role")
    one.add_argument("role")
    one.add_argument("--move-to", metavar="ROLE", help="the role that its people get instead")
    one.add_argument("--yes", action="store_true", help="do not ask")
    reason_option(one)


def list_roles(given: argparse.Namespace) -> int:
    """Print a page of roles."""
    found = reading(
        lambda database, now: database.directory.roles(now, text=given.search, cursor=given.cursor, limit=given.limit)
    )
    if given.json:
        output.as_json({"roles": [output.role(row) for row in found.rows], "next": found.next, "total": found.total})
        return 0
    output.table(
        ("ROLE", "PEOPLE", "PERMISSIONS", "", "WHAT IT IS FOR"),
        [
            (
                row.name,
                output.counted(row.people),
                output.counted(row.permissions),
                "built in" if row.built_in else "",
                row.description,
            )
            for row in found.rows
        ],
    )
    output.more(found)
    return 0


def show(given: argparse.Namespace) -> int:
    """Print one role. Raises ``NotFound``."""
    found = _card(given.role)
    if given.json:
        output.as_json(output.role_card(found))
        return 0
    row = found.row
    print(f"{row.name}{' (built in)' if row.built_in else ''}: {row.description or 'no description'}")
    print(
        f"Held by {output.counted(row.people)}. Token roles that become it: {', '.join(found.token_roles) or 'none'}."
    )
    print("Gives:", *(sorted(found.permissions) or ["nothing"]), sep="\n  ")
    return 0


def create(given: argparse.Namespace) -> int:
    """Make a role."""
    like = _card(given.like).permissions if given.like else frozenset()
    number = changing(
        lambda unit, who, now: administration.create_role(
            unit,
            who,
            name=given.role,
            description=given.description,
            permissions=like | frozenset(given.permission),
            reason=given.reason,
            now=now,
        )
    )
    return output.said(given, {"id": number}, f"Made the role {given.role}.")


def update(given: argparse.Namespace) -> int:
    """Change a role, or only say what that would do."""
    before = _card(given.role)
    permissions = (before.permissions | frozenset(given.add)) - frozenset(given.remove)
    review = reading(lambda database, now: database.directory.review_role(before.row.id, permissions, now))
    if review is None:
        raise NotFound(f"There is no role {given.role} any more.")
    if not given.dry_run:
        changing(
            lambda unit, who, now: administration.update_role(
                unit,
                who,
                role=before.row.id,
                name=given.name or before.row.name,
                description=before.row.description if given.description is None else given.description,
                permissions=permissions,
                reason=given.reason,
                version=before.row.version,
                now=now,
            )
        )
    lines = [
        *(f"+ {name}: {output.counted(review.gain.get(name, 0))} people gain it" for name in review.added),
        *(f"- {name}: {output.counted(review.lose.get(name, 0))} people lose it" for name in review.removed),
        f"Held by {output.counted(review.people)}; {output.counted(review.sessions)} live sessions are affected.",
        "Nothing was changed." if given.dry_run else "Done; it holds at once.",
    ]
    return output.said(given, asdict(review) | {"changed": not given.dry_run}, "\n".join(lines))


def delete(given: argparse.Namespace) -> int:
    """Delete a role."""
    if not confirmed(f"The role {given.role} goes for good.", yes=given.yes):
        print("Nothing was changed.")
        return 1

    def gone(unit: DirectoryUnit, who: Administrator, now: datetime) -> int:
        role = role_of(unit, given.role, now)
        return administration.delete_role(
            unit,
            who,
            role=role.row.id,
            move_to=role_of(unit, given.move_to, now).row.id if given.move_to else None,
            reason=given.reason,
            version=None,
            now=now,
        )

    moved = changing(gone)
    where = f" to {given.move_to}" if given.move_to else ""
    return output.said(given, {"moved": moved}, f"Deleted the role {given.role}; {moved} people were moved{where}.")


def _card(name: str) -> RoleCard:
    """A role by its exact name. Raises ``NotFound``."""
    found = reading(lambda database, now: database.directory.role_by_name(name, now))
    if found is None:
        raise NotFound(f"There is no role {name}: roles list shows those that there are.")
    return found
