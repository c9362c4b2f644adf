"""``gatehouse migrate``, ``gatehouse seed-scale`` and ``gatehouse purge``: the database's schema and rows."""

from __future__ import annotations

from pathlib import Path

import click

from app import cleanup
from app.cli.command import InstallationCommand
from app.cli.context import database_of, load_settings
from app.cli.options import script_argument
from app.cli.progress import progress
from app.core import settings_loading
from app.core.clock import utc_now
from app.core.errors import ConfigurationError
from app.core.settings import ProcessKind, Settings
from db import SyntheticData, fill, require_migratable, require_secret, seed
from db import migrate as migrate_schema


@click.command("migrate", cls=InstallationCommand)
@script_argument
@click.option(
    "--beside-other-tables",
    is_flag=True,
    help="Create tables although the database holds those of another program.",
)
def migrate(*, beside_other_tables: bool) -> int:
    """Migrate the database to this version, and seed roles and permissions.

    SCRIPT is the one that `gatehouse serve` is going to serve.
    """
    return migrate_database(beside_others=beside_other_tables)


def migrate_database(*, app: Path | None = None, state: Path | None = None, beside_others: bool = False) -> int:
    """Migrate the database to this version and seed it; changes nothing if that is done. Returns the exit status.

    Args:
        app: Script of the hosted app, instead of the configured one.
        state: The state folder, instead of the configured one.
        beside_others: Whether the database may hold tables of other programs.
    """
    settings = settings_loading.read(ProcessKind.CLI, app=app, state=state)
    require_migratable(settings.database_url, beside_others=beside_others)
    with progress("migrating the database"):
        migrate_schema(settings.database_url, beside_others=beside_others)
    require_secret(settings)  # after the schema, without which a lost secret cannot be replaced
    settings = settings_loading.load(ProcessKind.CLI, app=app, state=state)
    with progress("adding permissions and roles"), database_of(settings) as database:
        seed(database)
    print("The database is up to date.")
    return 0


@click.command("seed-scale", cls=InstallationCommand)
@click.option("--people", type=int, default=100_000, show_default=True, help="Number of people.")
@click.option("--roles", type=int, default=1_000, show_default=True, help="Number of roles, at least 1.")
@click.option("--permissions", type=int, default=10_000, show_default=True, help="Number of permissions.")
@click.option("--sessions", type=int, default=10_000, show_default=True, help="Number of sessions.")
@click.option("--events", type=int, default=1_000_000, show_default=True, help="Number of audit events.")
def fill_database(*, people: int, roles: int, permissions: int, sessions: int, events: int) -> int:
    """Fill a development database with synthetic people and events.

    It shows how lists behave with very many rows.
    """
    settings = _development_settings()
    size = SyntheticData(people=people, roles=roles, permissions=permissions, sessions=sessions, events=events)
    with progress("making up rows"), database_of(settings) as database:
        database.check()
        fill(database, size, issuer=settings.issuer, client_id=settings.auth0_client_id or "", now=utc_now())
    print(
        f"Made up {people:,} people, {roles:,} roles, {permissions:,} permissions, "
        f"{min(sessions, people):,} sessions and {events:,} audit events."
    )
    return 0


def _development_settings() -> Settings:
    """Return the settings.

    Raises:
        ConfigurationError: in production.
    """
    settings = load_settings()
    if settings.production:
        raise ConfigurationError(["GATEHOUSE_ENV is production: made-up people are for development only."])
    return settings


@click.command("purge", cls=InstallationCommand)
def purge() -> int:
    """Purge rows that expired long ago.

    The app does so every hour.
    """
    with progress("purging expired rows"), database_of(load_settings()) as database:
        database.check()
        count = cleanup.purge(database)
    print(f"Purged {count} row{'' if count == 1 else 's'} that had expired.")
    return 0
