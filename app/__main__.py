"""The command line: ``gatehouse`` or ``python -m app``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from app.cli.lazy import LazyCommand
from app.cli.options import installation_options

gatehouse: Final = click.Group(
    "gatehouse",
    help="Sign-in, roles and permissions for Streamlit apps.",
    params=installation_options(),
    commands=[
        LazyCommand("dev", "app.cli.dev:dev", "Start local tenant, remote API and app together, for development."),
        LazyCommand("serve", "app.cli.serve:serve", "Start the app, or a Streamlit script of your own."),
        LazyCommand("migrate", "app.cli.database:migrate", "Bring the database to this version."),
        LazyCommand("purge", "app.cli.database:purge", "Purge what expired long ago; the app does so every hour."),
        LazyCommand("seed-scale", "app.cli.database:fill_database", "Fill a development database with synthetic rows."),
        LazyCommand("doctor", "app.cli.doctor:doctor", "Check settings, database, provider and remote API."),
        LazyCommand("bootstrap-admin", "app.cli.bootstrap:bootstrap_admin", "Make the first administrator."),
        LazyCommand("people", "app.cli.people:people", "List, add, block, sign out and erase people."),
        LazyCommand("roles", "app.cli.roles:roles", "List, create, change and delete roles."),
        LazyCommand("grants", "app.cli.grants:grants", "Grant roles and permissions, and revoke them."),
        LazyCommand("mappings", "app.cli.mappings:mappings", "Map roles of tokens to roles."),
        LazyCommand("audit", "app.cli.audit:audit", "Verify the audit, sign a checkpoint of it, delete old events."),
        LazyCommand("secret", "app.cli.secret:secret", "Show a rotation of the secret, replace a lost one."),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
"""Every command with its module and its line in the list of commands."""
click.version_option(package_name="streamlit-gatehouse", prog_name="gatehouse")(gatehouse)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line after the program's name, by default that of the process.

    Returns:
        The exit status: 0 done; 1 not confirmed, or a check found a problem; 2 it could not be done.
    """
    try:
        return int(gatehouse.main(arguments, prog_name="gatehouse", standalone_mode=False))
    except click.Abort:
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
