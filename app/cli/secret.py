"""``gatehouse secret …``: the progress of a rotation of the secret, and the replacement of a lost one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from app import formatting
from app.cli.command import CommandGroup
from app.cli.context import confirm, database_of, load_settings, operator_name
from app.cli.options import reason_option, yes_option
from app.cli.progress import progress
from app.core import settings_loading
from app.core.clock import Clock, utc_now
from app.core.records import AnnouncedProcess
from app.core.secret_keys import replace_lost_secret, rotation_blocker, running_processes
from app.core.settings import ProcessKind
from db import require_ready

_LOST: Final = (
    "Earlier audit events can never be verified again, and `gatehouse audit verify` reports that from now on."
    " Is the previous secret really lost?"
)


@click.group("secret", cls=CommandGroup)
def secret() -> None:
    """Show a rotation of the secret, and replace a lost one."""


@secret.command("status")
def status() -> int:
    """Show which process has which secret.

    The exit status is 1 if this command does not have the secret that the processes write with.
    """
    return print_status()


def print_status(*, clock: Clock = utc_now) -> int:
    """Print the write key and the keys of every process; returns the exit status."""
    settings = load_settings()
    now = clock()
    with database_of(settings) as database:
        database.check_schema()
        keyring = database.keyring
        with database.unit_of_work() as unit:  # only reads
            write_key, announced = unit.write_key(), unit.announced()
    print(f"Written with  {write_key or 'nothing yet'}")
    print(f"This command  {', '.join(keyring.key_ids)}")
    live = running_processes(announced, now)
    for process in announced:
        ended = "" if process in live else "; it has probably ended, and is not counted below"
        last_seen = formatting.ago(process.seen_at, now)
        print(f"{process.name:<13} {', '.join(process.key_ids)}  (last seen {last_seen}{ended})")
    print(rotation_text(write_key, live))
    if write_key and not keyring.has_key(write_key):
        print(
            "This command does not have the secret that the processes write with: its GATEHOUSE_SECRET is another one."
        )
        return 1
    return 0


def rotation_text(write_key: str, processes: Sequence[AnnouncedProcess]) -> str:
    """The progress of a rotation, as a sentence."""
    if not processes:
        return "No process runs."
    pending = rotation_blocker(write_key, processes)
    if pending:
        return pending
    if all(len(process.key_ids) == 1 for process in processes):
        return "No rotation is under way."
    return (
        "Every process writes with the secret it lists first. The older ones can be removed when the sessions from"
        " before have ended, and when audit events from before need not be verified any more."
    )


@secret.command("replace")
@reason_option
@yes_option
def replace(*, reason: str, yes: bool) -> int:
    """Write with another secret because the previous one is lost."""
    require_ready(settings_loading.read(ProcessKind.CLI).database_url)
    if not confirm(_LOST, yes=yes):
        print("Nothing was changed.")
        return 1
    settings = settings_loading.load(ProcessKind.CLI)  # creates a secret for a development installation without one
    with progress("replacing the secret"), database_of(settings) as database:
        database.check_schema()
        replace_lost_secret(database, database.keyring, actor=operator_name(), reason=reason)
    print(
        "Done. Start every process with this secret; people have to sign in again when their tokens are to be"
        " refreshed."
    )
    return 0
