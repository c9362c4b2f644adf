"""The cells of ``app.ui.table``: text, badges, times and people. Texts are plain, never markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from app import formatting

Cell = dict[str, Any]
"""A ``Cell`` of ``component/frontend/table-cells.js``; JSON-ready."""
MAX_CHARACTERS: Final = 300
MAX_SENTENCE_CHARACTERS: Final = 1000
"""Of audit sentences and reasons: the API bounds their values, so that no sentence is longer."""
_MAX_BADGES: Final = 3


class Tone(StrEnum):
    """The colour of a badge. The text says the same: colour is never the only sign."""

    PLAIN = ""
    GOOD = "good"
    BAD = "bad"
    WARNING = "warn"
    INFORMATION = "info"


def text(value: str, *, detail: str = "", title: str = "", icon: str = "", cap: int = MAX_CHARACTERS) -> Cell:
    """A text, with an optional second line, a text on hover and the name of a Material symbol before it."""
    cell: Cell = {"text": one_line(value, cap=cap)}
    for name, part in (("detail", one_line(detail, cap=cap)), ("title", one_line(title)), ("icon", icon)):
        if part:
            cell[name] = part
    return cell


def number(value: int, *, capped: bool = False) -> Cell:
    """A number with separators; ``1,000+`` where counting stopped there."""
    return {"text": f"{value:,}{'+' if capped else ''}"}


def time(moment: datetime | None, *, never: str = "never", detail: str = "") -> Cell:
    """A time, which the browser shows relative to now, and exactly, in its own time zone, on hover."""
    cell: Cell = {"text": never} if moment is None else {"time": moment.isoformat()}
    return cell | ({"detail": one_line(detail)} if detail else {})


def person(name: str, *, detail: str = "", machine: bool = False) -> Cell:
    """A person's chip: initials in a circle (of a machine its symbol), the name, and a second line."""
    cell = text(name, detail=detail)
    return cell | ({"chipIcon": "smart_toy"} if machine else {"initials": formatting.initials(one_line(name))})


def mark(is_set: bool) -> Cell:  # noqa: FBT001 - what the cell says
    """A tick, or a dash; screen readers read "yes" or "no"."""
    return {"mark": is_set}


def badges(names: Sequence[str], *, tone: Tone = Tone.PLAIN, limit: int = _MAX_BADGES, none: str = "") -> Cell:
    """Names as badges; those beyond ``limit`` are counted, and named on hover."""
    if not names:
        return {"text": none} if none else {}
    listed = [badge(name, tone=tone) for name in names[:limit]]
    more = len(names) - limit
    cell: Cell = {"badges": listed}
    if more > 0:
        listed.append(badge(f"+{more:,}"))
        cell["title"] = one_line(", ".join(names))
    return cell


def badge(name: str, *, tone: Tone = Tone.PLAIN) -> dict[str, str]:
    """One badge, for the ``badges`` of a cell."""
    return {"text": one_line(name), "tone": tone.value}


def with_badges(cell: Cell, marks: Iterable[dict[str, str]]) -> Cell:
    """``cell`` with badges after its text."""
    listed = [*cell.get("badges", ()), *marks]
    return cell | ({"badges": listed} if listed else {})


def one_line(value: str, *, cap: int = MAX_CHARACTERS) -> str:
    """``value`` on one line, without control characters and at most ``cap`` characters long."""
    return formatting.one_line(value, cap=cap)
