"""The command line: ``gatehouse`` or ``python -m app``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from app.cli.lazy import LazyCommand
from app.cli.options import installation_options
from app.cli.sections import SectionedGroup

gatehouse: Final = SectionedGroup(
    "gatehouse",
    help="Sign-in, roles and permissions for Streamlit apps.",
    params=installation_options(),
    sections={
        "Start": [
            LazyCommand("dev", "app.cli.dev:dev", "Start app, API and a local sign-in provider, to develop."),
            LazyCommand("serve", "app.cli.serve:serve", "Start the app, or a Streamlit script of your own."),
        ],
        "Install and check": [
            LazyCommand("migrate", "app.cli.database:migrate", "Bring the database to this version."),
            LazyCommand("bootstrap-admin", "app.cli.bootstrap:bootstrap_admin", "Make the first administrator."),
            LazyCommand("doctor", "app.cli.doctor:doctor", "Check settings, database, provider and remote API."),
            LazyCommand("completion", "app.cli.completion:completion", "Print the completion script of a shell."),
        ],
        "Administer": [
            LazyCommand("people", "app.cli.people:people", "List, add, block, sign out and erase people."),
            LazyCommand("roles", "app.cli.roles:roles", "List, create, change and delete roles."),
            LazyCommand("grants", "app.cli.grants:grants", "Grant roles and permissions, and revoke them."),
            LazyCommand("mappings", "app.cli.mappings:mappings", "Map roles of tokens to roles."),
        ],
        "Operate": [
            LazyCommand("audit", "app.cli.audit:audit", "Verify, sign and prune the audit."),
            LazyCommand("secret", "app.cli.secret:secret", "Show a rotation of the secret, replace a lost one."),
            LazyCommand("purge", "app.cli.database:purge", "Purge expired rows now; the app does so every hour."),
            LazyCommand("seed-scale", "app.cli.database:fill_database", "Fill a development database for load tests."),
        ],
    },
    examples={
        "gatehouse dev": "try the product, without an account anywhere",
        "gatehouse dev shop/app.py": "put sign-in before an app of your own",
        "gatehouse people add --help": "describe a command",
    },
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
