"""The command line about the audit: verify, checkpoint, heal, prune. Each returns an exit status and prints for people.

0: good or done; 1: something is wrong; 2: it could not be checked.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.cli.commands import database_of, load_settings, operator
from app.cli.context import confirmed
from app.core import correlation
from app.core.audit import AuditEvent, AuditKind
from app.core.chain import ChainState, ProblemKind
from app.core.checkpoints import MAX_BYTES, Checkpoint, read_checkpoints
from app.core.clock import utc_now
from app.core.errors import Conflict, GatehouseError, InvalidInput
from app.core.keyring import Keyring
from app.core.retention import prune as prune_events
from db import checkpoint as make_checkpoint
from db import verify_chain

_PAUSE_SECONDS: Final = 0.05
_HEAL_QUESTION: Final = (
    "Compare with a checkpoint first, if you have one (gatehouse audit verify --since FILE): only that shows an end"
    " that was cut off in the very moment of the rotation. Was the secret rotated then, and are these breaks of it?"
)
_NOT_COMPARED: Final = (
    "The checkpoint could not be compared: it is from below the retention boundary at event {}. Use a newer one."
)


def add_to(verbs: Any) -> None:
    """Add ``audit …`` to the grammar of the command line."""
    audit = verbs.add_parser("audit", help="verify the audit, sign a checkpoint of it, delete old events")
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")

    one = actions.add_parser("verify", help="follow the chain of audit events and name what is wrong")
    one.add_argument("--since", metavar="FILE", help="checkpoints kept elsewhere, one a line; - for standard input")
    one.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    one.set_defaults(run=lambda given: verify(given.since, as_json=given.json))

    one = actions.add_parser("checkpoint", help="print the signed head of the chain: one line, to be kept elsewhere")
    one.set_defaults(run=lambda _: checkpoint())

    one = actions.add_parser("heal", help="record that breaks come from rotating the secret, where that explains them")
    one.add_argument("--reason", required=True, help="when the secret was rotated, and how you know; kept in the audit")
    one.add_argument("--yes", action="store_true", help="do not ask")
    one.set_defaults(run=lambda given: heal(reason=given.reason, yes=given.yes))

    one = actions.add_parser("prune", help="seal a retention boundary and delete the events below it")
    one.add_argument(
        "--before", required=True, type=_day, metavar="DATE", help="2026-01-31: delete what is older (UTC)"
    )
    one.add_argument("--reason", default="", help="why; kept in the audit")
    one.add_argument("--yes", action="store_true", help="do not ask")
    one.add_argument(
        "--even-if-broken", action="store_true", help="delete although the chain is not whole; kept in the audit"
    )
    one.set_defaults(
        run=lambda given: prune(given.before, reason=given.reason, yes=given.yes, even_if_broken=given.even_if_broken)
    )


def verify(since: str | None, *, as_json: bool = False) -> int:
    """Say whether the chain is whole, and what is wrong with it."""
    try:
        settings = load_settings()
        keyring = Keyring(settings.secrets)
        checkpoints = read_checkpoints(_text_of(since), keyring) if since is not None else ()
        with database_of(settings) as database:
            database.check_schema()
            state = verify_chain(database, checkpoints)
    except GatehouseError as error:
        if not as_json:
            raise
        print(json.dumps({"good": None, "checked": False, "sentence": str(error)}))
        return 2
    status = 1 if state.problems else 0 if state.newest_compared else 2
    if as_json:
        print(json.dumps(_as_json(state, checkpoints, checked=status < 2)))  # noqa: PLR2004 - the exit status
    else:
        print(*_sentences(state, checkpoints), sep="\n")
    return status


def checkpoint() -> int:
    """Print the signed head."""
    settings = load_settings()
    with database_of(settings) as database:
        database.check()
        try:
            made = make_checkpoint(database, at=utc_now(), installation=settings.app_base_url)
        except Conflict as error:
            print(error.detail, file=sys.stderr)
            return 1
        print(made.signed(database.keyring))
    return 0


def heal(*, reason: str, yes: bool) -> int:
    """Record that breaks come from a rotation of the secret, where that explains all that is wrong."""
    settings = load_settings()
    correlation.begin()
    with database_of(settings) as database:
        database.check()
        state = verify_chain(database)
        print(*_sentences(state, ()), sep="\n")
        if state.good:
            print("Nothing is to be healed.")
            return 0
        if {problem.kind for problem in state.problems} != {ProblemKind.ROTATED}:
            print("Nothing was healed: a rotation of the secret explains not all of this.")
            return 1
        if not confirmed(_HEAL_QUESTION, yes=yes):
            print("Nothing was healed.")
            return 1
        (problem,) = state.problems
        with database.unit_of_work() as unit:
            unit.record(
                AuditEvent(
                    kind=AuditKind.LOG_HEAL,
                    at=utc_now(),
                    actor=operator(),
                    reason=reason,
                    correlation_id=correlation.current(),
                    details={"from": problem.seq, "until": problem.until},
                )
            )
            unit.commit()
        state = verify_chain(database)
    print(*_sentences(state, ()), sep="\n")
    return 0 if state.good else 1


def prune(before: datetime, *, reason: str, yes: bool, even_if_broken: bool) -> int:
    """Delete the events from before a day, below a sealed boundary."""
    settings = load_settings()
    correlation.begin()
    with database_of(settings) as database:
        database.check()
        state = verify_chain(database)
        if not state.good:
            print(*_sentences(state, ()), sep="\n")
            if not even_if_broken:
                print("Nothing was deleted: that could destroy what shows who did it. --even-if-broken deletes anyway.")
                return 1
        if not confirmed(f"Delete every audit event from before {before:%Y-%m-%d} for good?", yes=yes):
            print("Nothing was deleted.")
            return 1
        boundary = prune_events(
            database,
            before,
            actor=operator(),
            reason=reason or "command line",
            now=utc_now(),
            known_broken=not state.good,
            pause=lambda: time.sleep(_PAUSE_SECONDS),
        )
    if boundary is None:
        print(f"There is nothing older than {before:%Y-%m-%d}. Nothing was sealed or deleted.")
    else:
        print(
            f"Deleted {boundary.events:,} {_events(boundary.events)} up to number {boundary.seq}; the chain begins"
            " after it from now on. Checkpoints of events below that can no longer be compared: take a new one."
        )
    return 0


def _sentences(state: ChainState, checkpoints: Sequence[Checkpoint]) -> list[str]:
    if state.good:
        said = [f"The audit is whole: {state.events:,} {_events(state.events)}{_range(state)}."]
        if checkpoints and state.newest_compared:
            said.append(f"It agrees with {_compared(state, checkpoints)}.")
        elif checkpoints:
            said.append(_NOT_COMPARED.format(state.boundary_seq))
        return said
    said = [f"WRONG {problem}" for problem in state.problems]
    if not state.complete:
        said.append(f"      … and no further: {len(state.problems)} are enough.")
    kinds = {problem.kind for problem in state.problems}
    if not state.complete and kinds <= {ProblemKind.EDITED, ProblemKind.RETENTION}:
        said.append("      If this is everywhere: is GATEHOUSE_SECRET the one these events were written with?")
    return said


def _range(state: ChainState) -> str:
    numbers = f", {state.first_seq} to {state.last_seq}" if state.events else ""
    return f"{numbers}, from the retention boundary at {state.boundary_seq} on" if state.boundary_seq else numbers


def _compared(state: ChainState, checkpoints: Sequence[Checkpoint]) -> str:
    newest = max(checkpoints, key=lambda one: one.seq)
    more = f" and {state.checkpoints - 1} older" if state.checkpoints > 1 else ""
    return f"the checkpoint of {newest.at} (event {newest.seq}, {newest.installation}){more}"


def _events(count: int) -> str:
    return "event" if count == 1 else "events"


def _as_json(state: ChainState, checkpoints: Sequence[Checkpoint], *, checked: bool) -> dict[str, Any]:
    return {
        "good": state.good if checked else None,
        "checked": checked,
        "events": state.events,
        "first_seq": state.first_seq,
        "last_seq": state.last_seq,
        "boundary_seq": state.boundary_seq,
        "checkpoints_given": len(checkpoints),
        "checkpoints_compared": state.checkpoints,
        "complete": state.complete,
        "problems": [{**asdict(problem), "sentence": str(problem)} for problem in state.problems],
        "sentence": " ".join(_sentences(state, checkpoints)),
    }


def _text_of(path: str) -> str:
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
    except OSError:
        raise _no_file("The file of checkpoints cannot be read.") from None
    if len(raw) > MAX_BYTES:
        raise _no_file("The file of checkpoints is too large.")
    return raw.decode(errors="replace")


def _no_file(sentence: str) -> InvalidInput:
    return InvalidInput({"since": sentence}, sentence)


def _day(text: str) -> datetime:
    """Midnight (UTC) of a day as people write it."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-01-31") from None
