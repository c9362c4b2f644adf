"""How the command line prints what administration read: tables for people, one JSON object for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from app.core.directory import (
    MOST_COUNTED,
    GrantRow,
    MappingRow,
    PersonCard,
    PersonRow,
    RoleCard,
    RoleRow,
    Slice,
    WithheldRow,
)
from app.core.errors import GatehouseError


def as_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object; times as ISO 8601, UTC."""
    print(json.dumps(value, default=_json_default, indent=2))


def said(given: argparse.Namespace, for_programs: Mapping[str, Any], sentence: str) -> int:
    """Print what was done, as ``--json`` asks for it. Returns the exit status."""
    if given.json:
        as_json(for_programs)
    else:
        print(sentence)
    return 0


def failure(error: GatehouseError) -> list[str]:
    """What a failed command prints: title and detail, then every field of the problem on a line of its own."""
    lines = [f"{error.title}. {error.detail}".strip()]
    for name, value in error.fields().items():
        if isinstance(value, Mapping):
            lines += [f"  {key}: {text}" for key, text in value.items()]
        elif isinstance(value, (list, tuple)):
            lines.append(f"  {name}: {', '.join(map(str, value))}")
        else:
            lines.append(f"  {name}: {value}")
    return [_one_line(line) if number else line for number, line in enumerate(lines)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their head, in columns."""
    shown = [[_one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[number]) for row in [list(head), *shown]) for number in range(len(head))]
    for row in [list(head), *shown]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def counted(number: int) -> str:
    """A count; ``1,000+`` where counting stopped."""
    return f"{MOST_COUNTED:,}+" if number >= MOST_COUNTED else f"{number:,}"


def more(found: Slice[Any]) -> None:
    """Say how many there are, and how to see the next ones."""
    print(f"\n{counted(found.total)} in all" + (f"; the next ones: --cursor {found.next}" if found.next else ""))


def person(row: PersonRow) -> dict[str, Any]:
    """A person for programs."""
    who = row.person
    return {
        "id": row.id,
        "issuer": who.subject.issuer,
        "subject": who.subject.subject,
        "name": who.name,
        "email": who.email,
        "state": row.state,
        "machine": who.machine,
        "first_seen_at": who.first_seen_at,
        "last_seen_at": who.last_seen_at,
        "roles": list(row.roles),
    }


def person_card(card: PersonCard) -> dict[str, Any]:
    """A person with grants, for programs."""
    return person(card.row) | {
        "version": card.version,
        "counts_as_administrator": card.counts_as_administrator,
        "grants": [asdict(grant) for grant in card.grants],
        "withheld": [asdict(row) for row in card.withheld],
        "permissions": sorted(card.permissions),
        "token_roles": {name: list(roles) for name, roles in card.token_roles.items()},
    }


def role(row: RoleRow) -> dict[str, Any]:
    """A role for programs."""
    return asdict(row)


def role_card(card: RoleCard) -> dict[str, Any]:
    """A role with what is in it, for programs."""
    return role(card.row) | {"permissions": sorted(card.permissions), "token_roles": list(card.token_roles)}


def mapping(row: MappingRow) -> dict[str, Any]:
    """A mapping for programs."""
    return {
        "token_role": row.token_role,
        "roles": [{"id": number, "name": name} for number, name in row.roles],
        "people": row.people,
        "version": row.version,
    }


def who(by: str, names: Mapping[str, str]) -> str:
    """Who decided something: the name first where it is known, the audit name beside it."""
    return f"{names[by]} ({by})" if by in names else by or "-"


def grant_line(grant: GrantRow, names: Mapping[str, str]) -> list[str]:
    """A grant as a row of a table. ``names``: audit name → name, of those who are known."""
    return [
        str(grant.id),
        f"role {grant.role}" if grant.role is not None else str(grant.permission),
        grant.source,
        who(grant.by, names),
        day(grant.since),
        day(grant.until) if grant.until is not None else "endless",
        grant.reason or "-",
    ]


def withheld_line(row: WithheldRow, names: Mapping[str, str]) -> list[str]:
    """What is withheld, as a row of a table. ``names`` as in ``grant_line``."""
    sources = [
        name for name, gives in (("token", row.from_token), ("GATEHOUSE_DEFAULT_ROLE", row.from_default)) if gives
    ]
    return [
        f"role {row.role}" if row.role is not None else str(row.permission),
        ", ".join(sources) or "-",
        who(row.by, names),
        day(row.since),
        row.reason or "-",
    ]


def day(moment: datetime | None) -> str:
    """A time to the minute, UTC; a dash where there is none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment is not None else "-"


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _json_default(value: object) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be printed as JSON")
