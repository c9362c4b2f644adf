"""Audit events as people read them, and how far an export has come.

Pure. The sentence of an event is the remote API's; here are its outcome, its time and its facts in words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from app.core.contract.audit import AuditItem

OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "done": ("Done", ":material/check_circle:"),
    "refused": ("Refused", ":material/block:"),
    "failed": ("Failed", ":material/error:"),
}
"""Outcome → (as people read it, icon)."""
_UNKNOWN_OUTCOME: Final = ":material/help:"
_PLACEHOLDER: Final = re.compile(r"\{(?:actor|target)\}")
_AUDIT_NAME: Final = re.compile(r"\S.* at https?://\S+|operator:\S.*|system|nobody")
_SEQ_AT_START: Final = re.compile(rb'(?:\{"seq": ?|"?)(\d{1,19})\b')
_LINE_MAX_BYTES: Final = 64 * 1024


class Day(NamedTuple):
    """Events of one day (UTC), in the order given."""

    day: date
    events: tuple[AuditItem, ...]


def by_day(events: Iterable[AuditItem]) -> list[Day]:
    """Events in the order given, a part for each day."""
    return [Day(day, tuple(part)) for day, part in groupby(events, key=lambda event: event.at.astimezone(UTC).date())]


def outcome_icon(outcome: str) -> str:
    """The icon of an outcome; a question mark for one this version does not know."""
    return OUTCOMES[outcome][1] if outcome in OUTCOMES else _UNKNOWN_OUTCOME


def outcome_word(outcome: str) -> str:
    """An outcome as people read it."""
    return OUTCOMES[outcome][0] if outcome in OUTCOMES else outcome


def kind_in_words(sentence: str) -> str:
    """A kind's sentence with its gaps left open: ``… granted … a role or permission``."""
    return _PLACEHOLDER.sub("…", sentence).rstrip(".")


def raw(event: AuditItem) -> str:
    """The event as JSON, indented, every member of it."""
    return json.dumps(event.model_dump(mode="json"), indent=2, ensure_ascii=False)


def is_audit_name(text: str) -> bool:
    """Whether ``text`` is a whole audit name, as ``subject at issuer``, and not part of somebody's name."""
    return _AUDIT_NAME.fullmatch(text.strip()) is not None


def beginning(day: date | None) -> datetime | None:
    """The first moment of a day, aware UTC; None for none."""
    return datetime.combine(day, time(), UTC) if day is not None else None


def end(day: date | None) -> datetime | None:
    """The first moment after a day, aware UTC; None for none."""
    return datetime.combine(day, time(), UTC) + timedelta(days=1) if day is not None else None


@dataclass(slots=True)
class Progress:
    """How far an export has come, told by the numbers at the start of its lines (events come oldest first)."""

    last_seq: int
    """Number of the newest event there is when the export begins."""
    first_seq: int | None = None
    """Number of the first event in the file; None before one has come."""
    seq: int = 0
    """Number of the last event in the file so far."""
    size_bytes: int = 0
    _rest: bytes = b""

    def add(self, chunk: bytes) -> None:
        """Take note of the next piece of the file."""
        self.size_bytes += len(chunk)
        *lines, rest = (self._rest + chunk).split(b"\n")
        # A line longer than any event would be is not kept: only its beginning is looked at.
        self._rest = rest[:_LINE_MAX_BYTES]
        numbers = [int(found[1]) for line in (lines[:2] + lines[-1:]) if (found := _SEQ_AT_START.match(line))]
        if numbers:
            self.first_seq = numbers[0] if self.first_seq is None else self.first_seq
            self.seq = max(self.seq, numbers[-1])

    @property
    def share(self) -> float:
        """How much has come, from 0 to 1: an estimate, since only the newest number is known beforehand."""
        if self.first_seq is None or self.last_seq <= self.first_seq:
            return 0.0
        return min(1.0, max(0.0, (self.seq - self.first_seq) / (self.last_seq - self.first_seq)))


def size_in_words(size_bytes: int) -> str:
    """``812 B``, ``14 KB``, ``3.2 MB``."""
    if size_bytes < 1000:  # noqa: PLR2004 - the next unit
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:  # noqa: PLR2004 - the next unit
        return f"{size_bytes // 1000} KB"
    return f"{size_bytes / 1_000_000:,.1f} MB"
