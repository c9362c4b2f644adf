"""The command line about the secret: which process holds what while it is rotated, and replacing one that is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app import formatting
from app.cli.commands import database_of, load_settings, operator
from app.cli.context import confirmed
from app.core.clock import Clock, utc_now
from app.core.records import AnnouncedProcess
from app.core.secret_keys import replace_lost_secret, running, undecided
from app.core.settings import Process, Settings
from db import require_ready

_LOST: Final = (
    "Audit events from before can never be verified again, and `gatehouse audit verify` says so from now on."
    " Is the secret from before really lost?"
)


def add_to(verbs: Any) -> None:
    """Add ``secret …`` to the grammar of the command line."""
    secret = verbs.add_parser("secret", help="see how far a rotation of the secret is, replace a lost one")
    actions = secret.add_subparsers(dest="action", required=True, metavar="ACTION")

    one = actions.add_parser("status", help="which secret is written with, and which process holds which")
    one.set_defaults(run=lambda _: status())

    one = actions.add_parser("replace", help="write with another secret although the one before is lost")
    one.add_argument("--reason", required=True, help="why; kept in the audit")
    one.add_argument("--yes", action="store_true", help="do not ask")
    one.set_defaults(run=lambda given: replace(reason=given.reason, yes=given.yes))


def status(*, clock: Clock = utc_now) -> int:
    """Print the write key and what every process holds; 1 when this process could not write."""
    settings = load_settings()
    now = clock()
    with database_of(settings) as database:
        database.check_schema()
        keyring = database.keyring
        with database.unit_of_work() as unit:  # left without a commit: it only reads
            write_key, announced = unit.write_key(), unit.announced()
    print(f"Written with  {write_key or 'nothing yet'}")
    print(f"Held here     {', '.join(keyring.key_ids)}")
    there = running(announced, now)
    for process in announced:
        ended = "" if process in there else "; it has probably ended, and does not count below"
        last_seen = formatting.ago(process.seen_at, now)
        print(f"{process.name:<13} {', '.join(process.key_ids)}  (last seen {last_seen}{ended})")
    print(standing(write_key, there))
    if write_key and not keyring.holds(write_key):
        print(
            "This command does not have the secret that is written with: GATEHOUSE_SECRET is not that of the processes."
        )
        return 1
    return 0


def standing(write_key: str, announced: Sequence[AnnouncedProcess]) -> str:
    """How far a rotation is, as a sentence."""
    if not announced:
        return "No process runs."
    held = undecided(write_key, announced)
    if held:
        return held
    if all(len(process.key_ids) == 1 for process in announced):
        return "No rotation is under way."
    return (
        "Every process writes with the secret it lists first. The older ones may be left out when the sessions from"
        " before have ended, and when audit events from before need not be verified any more."
    )


def replace(*, reason: str, yes: bool) -> int:
    """Write with the secret of this process, although nobody has the one before any more."""
    require_ready(Settings.read(Process.CLI).database_url)
    if not confirmed(_LOST, yes=yes):
        print("Nothing was changed.")
        return 1
    settings = Settings.load(Process.CLI)  # makes the secret of a development installation that has none any more
    with database_of(settings) as database:
        database.check_schema()
        replace_lost_secret(database, database.keyring, actor=operator(), reason=reason)
    print(
        "Done. Start every process with this secret; people have to sign in again when their tokens are to be renewed."
    )
    return 0
