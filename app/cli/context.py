"""What every command that changes something stands on: the database, the operator, one unit of work, faults as JSON.

The command line acts as ``operator:<name of the system's user>``: it holds every permission and is bound by every other
rule of administration. A refusal by a rule is recorded like anybody else's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from app.cli.commands import database_of, load_settings, operator
from app.core import administration, correlation
from app.core.administration import Administrator
from app.core.clock import utc_now
from app.core.directory import RoleCard
from app.core.directory_ports import DirectoryUnit
from app.core.errors import GatehouseError, NotFound
from app.core.principal import Subject
from db import Database

R = TypeVar("R")
Reading = Callable[[Database, datetime], R]
Changing = Callable[[DirectoryUnit, Administrator, datetime], R]

_SPANS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def reading(read: Reading[R]) -> R:
    """What ``read`` finds in the database of the settings."""
    with database_of(load_settings()) as database:
        database.check()
        return read(database, utc_now())


def changing(change: Changing[R]) -> R:
    """Do ``change`` in one unit of work and keep it; what a rule refuses is recorded."""
    correlation.begin()
    who = Administrator(name=operator(), principal=None)
    with database_of(load_settings()) as database:
        database.check()
        now = utc_now()
        with administration.transaction(database, who, now) as unit:
            return change(unit, who, now)


def command(verbs: Any, name: str, run: Callable[[argparse.Namespace], int], *, help: str) -> argparse.ArgumentParser:  # noqa: A002 - argparse's own word
    """Add one command with ``--json`` to the grammar; with it a fault is one JSON object too."""
    one: argparse.ArgumentParser = verbs.add_parser(name, help=help, description=help)
    one.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    one.set_defaults(run=lambda given: _told(run, given))
    return one


def reason_option(one: argparse.ArgumentParser) -> None:
    """``--reason``, which every change carries."""
    one.add_argument("--reason", required=True, help="why; kept in the audit")


def list_options(one: argparse.ArgumentParser) -> None:
    """What every list takes."""
    one.add_argument("--cursor", default="", help="where the list before said to go on")
    one.add_argument("--limit", type=int, default=50, help="how many, at most 200 (default: %(default)s)")


def subject_named(text: str, issuer: str | None) -> Subject:
    """A subject as the command line names it: its ``sub``, at the configured issuer unless another is given."""
    return Subject(issuer or load_settings().issuer, text)


def person_id(text: str) -> int:
    """The person that ``text`` names: an id of the list, or a ``sub`` at the configured issuer. Raises ``NotFound``."""
    subject = subject_named(text, None)

    def found(database: Database, _: datetime) -> int | None:
        with database.unit_of_work() as unit:
            known = unit.person_of(subject)
            if known is None and text.isascii() and text.isdigit():
                by_id = unit.person_by_id(int(text))
                known = by_id[0] if by_id is not None else None
            return known.id if known is not None else None

    number = reading(found)
    if number is None:
        raise NotFound(f"Nobody here is known as {text}: people list shows who is, people add makes somebody known.")
    return number


def names_of(database: Database, audit_names: Iterable[str]) -> dict[str, str]:
    """Audit name (``subject at issuer``) → the person's name, for those whose name is known."""
    names: dict[str, str] = {}
    for audit_name in set(audit_names):
        subject, found, issuer = audit_name.rpartition(" at ")
        person = database.read.person(Subject(issuer, subject)) if found else None
        if person is not None and person.name:
            names[audit_name] = person.name
    return names


def role_of(unit: DirectoryUnit, name: str, now: datetime) -> RoleCard:
    """The role of exactly this name. Raises ``NotFound``."""
    card = unit.role_named(name, now)
    if card is None or card.row.name != name:
        near = f" Did you mean {card.row.name}?" if card is not None else ""
        raise NotFound(f"There is no role {name}.{near}")
    return card


def moment(text: str) -> datetime:
    """A time to come: ``2027-01-31``, ``2027-01-31T18:00Z``, or a span from now, such as ``8h``, ``30d``, ``2w``.

    A time without a zone is UTC. Raises ``argparse.ArgumentTypeError``.
    """
    if text[:-1].isdigit() and text[-1:] in _SPANS:
        return utc_now() + int(text[:-1]) * _SPANS[text[-1]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            "say a day (2027-01-31), a time (2027-01-31T18:00Z) or a span (30d)"
        ) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the operator agrees; ``yes`` says so beforehand. Without a terminal nobody does."""
    if yes:
        return True
    if not sys.stdin.isatty():
        print("This asks before it acts: run it in a terminal, or add --yes.", file=sys.stderr)
        return False
    return input(f"{question} Type yes: ").strip().lower() == "yes"


def _told(run: Callable[[argparse.Namespace], int], given: argparse.Namespace) -> int:
    """Run a command; with ``--json`` a fault is one JSON object on standard output."""
    try:
        return run(given)
    except GatehouseError as error:
        if not given.json:
            raise
        said = {"code": error.code, "title": error.title, "detail": error.detail or error.title} | error.fields()
        print(json.dumps({"problem": said}))
        return 2
