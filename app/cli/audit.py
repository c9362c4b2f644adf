"""``gatehouse audit …``: verify the audit, sign a checkpoint of it, repair and prune it."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from app.cli.audit_report import events_text, report_json, report_lines
from app.cli.command import CommandGroup
from app.cli.context import confirm, database_of, load_settings, operator_name
from app.cli.options import day, json_option, optional_reason_option, yes_option
from app.cli.progress import progress
from app.core import correlation
from app.core.audit import AuditEvent, AuditKind
from app.core.chain_problems import ChainProblem, ProblemKind
from app.core.checkpoints import MAX_BYTES, read_checkpoints
from app.core.clock import utc_now
from app.core.errors import Conflict, GatehouseError, InvalidInput
from app.core.keyring import Keyring
from app.core.retention import prune as prune_events
from db import Database, verify_chain
from db import checkpoint as make_checkpoint

_PAUSE_SECONDS: Final = 0.05
_NOT_CHECKED: Final = 2
_VERIFYING: Final = "verifying the audit"
_HEAL_QUESTION: Final = (
    "Compare with a checkpoint first, if you have one (gatehouse audit verify --since FILE): only that shows an end"
    " that was cut off at the time of the rotation. Was the secret rotated then, and did that break the chain?"
)


@click.group("audit", cls=CommandGroup)
def audit() -> None:
    """Verify, checkpoint, heal and prune the audit.

    The exit status is 0 when all is well, 1 when a problem was found, 2 when it could not be checked.
    """


@audit.command("verify")
@click.option("--since", metavar="FILE", help="Checkpoints kept elsewhere, one a line; - for standard input.")
@json_option
def verify(*, since: str | None, as_json: bool) -> int:
    """Verify the chain of audit events.

    Each problem is named: events that were changed, removed or reordered, and an end that was cut off.
    """
    try:
        settings = load_settings()
        keyring = Keyring(settings.secrets)
        checkpoints = read_checkpoints(_read(since), keyring) if since is not None else ()
        with database_of(settings) as database:
            database.check_schema()
            with progress(_VERIFYING):
                state = verify_chain(database, checkpoints)
    except GatehouseError as error:
        if not as_json:
            raise
        print(json.dumps({"good": None, "checked": False, "sentence": str(error)}))
        return _NOT_CHECKED
    status = 1 if state.problems else 0 if state.newest_compared else _NOT_CHECKED
    if as_json:
        print(json.dumps(report_json(state, checkpoints, checked=status != _NOT_CHECKED)))
    else:
        print(*report_lines(state, checkpoints), sep="\n")
    return status


@audit.command("checkpoint")
def checkpoint() -> int:
    """Print the signed head of the chain.

    It is one line, to be kept elsewhere: `audit verify --since` compares the chain with it.
    """
    settings = load_settings()
    with database_of(settings) as database:
        database.check()
        try:
            with progress("signing the head of the audit"):
                head = make_checkpoint(database, at=utc_now(), installation=settings.app_base_url)
        except Conflict as error:
            print(error.detail, file=sys.stderr)
            return 1
        print(head.signed(database.keyring))
    return 0


@audit.command("heal")
@click.option("--reason", required=True, help="When the secret was rotated, and how you know that; kept in the audit.")
@yes_option
def heal(*, reason: str, yes: bool) -> int:
    """Record that a rotation of the secret broke the chain.

    It is recorded only where a rotation explains every problem.
    """
    settings = load_settings()
    correlation.begin()
    with database_of(settings) as database:
        database.check()
        with progress(_VERIFYING):
            state = verify_chain(database)
        print(*report_lines(state, ()), sep="\n")
        if state.good:
            print("There is nothing to heal.")
            return 0
        if {problem.kind for problem in state.problems} != {ProblemKind.ROTATED}:
            print("Nothing was healed: a rotation of the secret does not explain every problem.")
            return 1
        if not confirm(_HEAL_QUESTION, yes=yes):
            print("Nothing was healed.")
            return 1
        (problem,) = state.problems
        _record_heal(database, problem, reason)
        with progress(_VERIFYING):
            state = verify_chain(database)
    print(*report_lines(state, ()), sep="\n")
    return 0 if state.good else 1


def _record_heal(database: Database, problem: ChainProblem, reason: str) -> None:
    with database.unit_of_work() as unit:
        unit.record(
            AuditEvent(
                kind=AuditKind.LOG_HEAL,
                at=utc_now(),
                actor=operator_name(),
                reason=reason,
                correlation_id=correlation.current(),
                details={"from": problem.seq, "until": problem.last_seq},
            )
        )
        unit.commit()


@audit.command("prune")
@click.option(
    "--before",
    required=True,
    type=day,
    metavar="DATE",
    help="Delete events from before this day (UTC), such as 2026-01-31.",
)
@optional_reason_option
@yes_option
@click.option("--even-if-broken", is_flag=True, help="Delete although the chain is broken; kept in the audit.")
def prune(*, before: datetime, reason: str, yes: bool, even_if_broken: bool) -> int:
    """Delete old audit events below a sealed boundary.

    The retention boundary is sealed first, so that the chain can be verified from there on.
    """
    settings = load_settings()
    correlation.begin()
    with database_of(settings) as database:
        database.check()
        with progress(_VERIFYING):
            state = verify_chain(database)
        if not state.good:
            print(*report_lines(state, ()), sep="\n")
            if not even_if_broken:
                print("Nothing was deleted: that could destroy the evidence. --even-if-broken deletes anyway.")
                return 1
        if not confirm(f"Delete every audit event from before {before:%Y-%m-%d} permanently?", yes=yes):
            print("Nothing was deleted.")
            return 1
        with progress("deleting old audit events"):
            boundary = prune_events(
                database,
                before,
                actor=operator_name(),
                reason=reason or "command line",
                now=utc_now(),
                known_broken=not state.good,
                pause=lambda: time.sleep(_PAUSE_SECONDS),
            )
    if boundary is None:
        print(f"There is nothing older than {before:%Y-%m-%d}. Nothing was sealed or deleted.")
    else:
        print(
            f"Deleted {events_text(boundary.events)} up to number {boundary.seq}; the chain now"
            " begins after it. Checkpoints of older events can no longer be compared: take a new one."
        )
    return 0


def _read(path: str) -> str:
    """Return the text of a file of checkpoints; ``-`` is standard input.

    Raises:
        InvalidInput: if the file cannot be read or is too large.
    """
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
    except OSError:
        raise _unusable_file("The file of checkpoints cannot be read.") from None
    if len(raw) > MAX_BYTES:
        raise _unusable_file("The file of checkpoints is too large.")
    return raw.decode(errors="replace")


def _unusable_file(sentence: str) -> InvalidInput:
    return InvalidInput({"since": sentence}, sentence)
