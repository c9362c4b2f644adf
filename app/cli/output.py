"""The output of commands: tables and sentences as text, or one JSON object with ``--json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from app.core.administration_records import (
    MAX_COUNTED,
    GrantRow,
    MappingRow,
    PersonCard,
    PersonRow,
    RoleCard,
    RoleRow,
    RowPage,
    WithheldRow,
)
from app.core.errors import GatehouseError


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object; times are ISO 8601 in UTC."""
    print(json.dumps(value, default=_json_default, indent=2))


def print_result(result: Mapping[str, Any], sentence: str, *, as_json: bool) -> int:
    """Print the result of a change as a sentence, or as a JSON object; returns the exit status."""
    if as_json:
        print_json(result)
    else:
        print(sentence)
    return 0


def print_problem(error: GatehouseError) -> None:
    """Print an error as a JSON object on one line, with the members of the API's problem documents."""
    problem = {"code": error.code, "title": error.title, "detail": error.detail or error.title} | error.fields()
    print(json.dumps({"problem": problem}))


def error_lines(error: GatehouseError) -> list[str]:
    """An error as text: title and detail, then each field of the problem on a line."""
    lines = [f"{error.title}. {error.detail}".strip()]
    for name, value in error.fields().items():
        if isinstance(value, Mapping):
            lines += [f"  {key}: {text}" for key, text in value.items()]
        elif isinstance(value, (list, tuple)):
            lines.append(f"  {name}: {', '.join(map(str, value))}")
        else:
            lines.append(f"  {name}: {value}")
    return [_one_line(line) if number else line for number, line in enumerate(lines)]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns below a head."""
    lines = [list(head), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in lines) for column in range(len(head))]
    for row in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def counted(number: int) -> str:
    """A count as text; ``1,000+`` where counting stopped."""
    return f"{MAX_COUNTED:,}+" if number >= MAX_COUNTED else f"{number:,}"


def print_page_end(page: RowPage[Any]) -> None:
    """Print how many rows the list has, and the option that prints the next page."""
    print(f"\n{counted(page.total)} in all" + (f"; the next ones: --cursor {page.next}" if page.next else ""))


def person_json(row: PersonRow) -> dict[str, Any]:
    """A person as JSON."""
    person = row.person
    return {
        "id": row.id,
        "issuer": person.subject.issuer,
        "subject": person.subject.subject,
        "name": person.name,
        "email": person.email,
        "state": row.state,
        "machine": person.machine,
        "first_seen_at": person.first_seen_at,
        "last_seen_at": person.last_seen_at,
        "roles": list(row.roles),
    }


def person_card_json(card: PersonCard) -> dict[str, Any]:
    """A person with grants and permissions, as JSON."""
    return person_json(card.row) | {
        "version": card.version,
        "counts_as_administrator": card.counts_as_administrator,
        "grants": [asdict(grant) for grant in card.grants],
        "withheld": [asdict(row) for row in card.withheld],
        "permissions": sorted(card.permissions),
        "token_roles": {name: list(roles) for name, roles in card.token_roles.items()},
    }


def role_json(row: RoleRow) -> dict[str, Any]:
    """A role as JSON."""
    return asdict(row)


def role_card_json(card: RoleCard) -> dict[str, Any]:
    """A role with its permissions and the token roles that are mapped to it, as JSON."""
    return role_json(card.row) | {"permissions": sorted(card.permissions), "token_roles": list(card.token_roles)}


def mapping_json(row: MappingRow) -> dict[str, Any]:
    """A mapping of a token role, as JSON."""
    return {
        "token_role": row.token_role,
        "roles": [{"id": number, "name": name} for number, name in row.roles],
        "people": row.people,
        "version": row.version,
    }


def actor_text(audit_name: str, names: Mapping[str, str]) -> str:
    """The actor of a decision: the name where ``names`` has it, and the audit name."""
    return f"{names[audit_name]} ({audit_name})" if audit_name in names else audit_name or "-"


def grant_cells(grant: GrantRow, names: Mapping[str, str]) -> list[str]:
    """A grant as a row of a table.

    Args:
        grant: The grant.
        names: Audit name → the person's name, as ``person_names`` returns them.
    """
    return [
        str(grant.id),
        f"role {grant.role}" if grant.role is not None else str(grant.permission),
        grant.source,
        actor_text(grant.author, names),
        minute(grant.granted_at),
        minute(grant.expires_at) if grant.expires_at is not None else "endless",
        grant.reason or "-",
    ]


def withheld_cells(row: WithheldRow, names: Mapping[str, str]) -> list[str]:
    """A withheld grant as a row of a table; ``names`` as in ``grant_cells``."""
    sources = [
        name for name, grants in (("token", row.from_token), ("GATEHOUSE_DEFAULT_ROLE", row.from_default)) if grants
    ]
    return [
        f"role {row.role}" if row.role is not None else str(row.permission),
        ", ".join(sources) or "-",
        actor_text(row.author, names),
        minute(row.withheld_at),
        row.reason or "-",
    ]


def minute(moment: datetime | None) -> str:
    """A time to the minute in UTC; a dash for none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment is not None else "-"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _json_default(value: object) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be printed as JSON")
