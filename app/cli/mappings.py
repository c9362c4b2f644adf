"""``gatehouse mappings …``: the roles that each role of a token is mapped to."""

from __future__ import annotations

import click

from app.cli import output
from app.cli.command import CommandGroup
from app.cli.context import load_settings, resolve_role, run_query, run_transaction
from app.cli.options import json_option, page_options, reason_option, sort_option
from app.core import administration
from app.core.list_orders import MappingSort


@click.group("mappings", cls=CommandGroup)
def mappings() -> None:
    """Map roles of the provider's tokens to roles."""


@mappings.command("list")
@click.option("--search", default="", help="Part of the token role.")
@click.option("--unmapped", is_flag=True, help="Only token roles without a mapping.")
@sort_option(MappingSort)
@page_options
@json_option
def list_mappings(*, search: str, unmapped: bool, sort: str, cursor: str, limit: int, as_json: bool) -> int:
    """List token roles and the roles that they become."""
    page = run_query(
        lambda database, _: database.administration.mappings(
            text=search, unmapped=unmapped, sort=MappingSort(sort), cursor=cursor, limit=limit
        )
    )
    if as_json:
        output.print_json(
            {"mappings": [output.mapping_json(row) for row in page.rows], "next": page.next, "total": page.total}
        )
        return 0
    output.print_table(
        ("TOKEN ROLE", "BECOMES", "PEOPLE"),
        [
            (row.token_role, ", ".join(name for _, name in row.roles) or "nothing", output.counted(row.people))
            for row in page.rows
        ],
    )
    output.print_page_end(page)
    return 0


@mappings.command("set")
@click.argument("token_role")
@click.argument("roles", metavar="[ROLE]...", nargs=-1)
@reason_option
@json_option
def set_mapping(*, token_role: str, roles: tuple[str, ...], reason: str, as_json: bool) -> int:
    """Map a token role to exactly these roles.

    Without a ROLE the token role becomes nothing.
    """
    production = load_settings().production
    changed = run_transaction(
        lambda unit, actor, now: administration.set_mapping(
            unit,
            actor,
            token_role=token_role,
            roles=frozenset(resolve_role(unit, name, now).row.id for name in roles),
            reason=reason,
            version=None,
            implicit_role_mapping=not production,
            now=now,
        )
    )
    becomes = ", ".join(roles) or "nothing"
    return output.print_result(
        {"people_changed": changed},
        f"The token role {token_role} becomes {becomes}; this changed the roles of {changed} people.",
        as_json=as_json,
    )
