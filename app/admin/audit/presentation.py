"""Texts of audit events, and the progress of an export.

Pure. The remote API writes the sentence of an event; this module has the label of its kind, and its JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from app.core.audit import ANONYMOUS_ACTOR, SYSTEM, AuditKind
from app.core.contract.audit import AuditItem

_LABELS: Final[Mapping[str, str]] = {kind.sentence: kind.label for kind in AuditKind}
_OPTIONAL: Final = re.compile(r"\[[^\]]*\]")
_PLACEHOLDER: Final = re.compile(r"\{\w+\}")
_AUDIT_NAME: Final = re.compile(rf"\S.* at https?://\S+|operator:\S.*|{SYSTEM}|{ANONYMOUS_ACTOR}")
_SEQ_AT_START: Final = re.compile(rb'(?:\{"seq": ?|"?)(\d{1,19})\b')
_MAX_LINE_BYTES: Final = 64 * 1024


def kind_label(sentence: str) -> str:
    """The label of the kind with this sentence, such as ``Grant: role or permission revoked``.

    For a kind of another version of the API it is the sentence itself, with dots for what differs between its events.
    """
    return _LABELS.get(sentence) or _PLACEHOLDER.sub("…", _OPTIONAL.sub("", sentence)).rstrip(".")


def event_json(event: AuditItem) -> str:
    """The whole event as indented JSON."""
    return json.dumps(event.model_dump(mode="json"), indent=2, ensure_ascii=False)


def is_audit_name(text: str) -> bool:
    """Whether ``text`` is a whole audit name, such as ``subject at issuer``, and not a part of a person's name."""
    return _AUDIT_NAME.fullmatch(text.strip()) is not None


def day_start(day: date | None, zone: tzinfo = UTC) -> datetime | None:
    """Midnight at the start of a day; None without a day."""
    return datetime.combine(day, time(), zone) if day is not None else None


def day_end(day: date | None, zone: tzinfo = UTC) -> datetime | None:
    """Midnight at the end of a day; None without a day."""
    return day_start(day + timedelta(days=1), zone) if day is not None else None


@dataclass(slots=True)
class Progress:
    """The progress of an export, from the event numbers at the start of its lines (events come oldest first)."""

    last_seq: int
    """Number of the newest event when the export starts."""
    first_seq: int | None = None
    """Number of the first event in the file; None before it arrives."""
    seq: int = 0
    """Number of the last event in the file so far."""
    size_bytes: int = 0
    _rest: bytes = b""

    def add(self, chunk: bytes) -> None:
        """Count the next chunk of the file."""
        self.size_bytes += len(chunk)
        *lines, rest = (self._rest + chunk).split(b"\n")
        # Of an unfinished line only the start is kept: the number is there.
        self._rest = rest[:_MAX_LINE_BYTES]
        numbers = [int(match[1]) for line in (lines[:2] + lines[-1:]) if (match := _SEQ_AT_START.match(line))]
        if numbers:
            self.first_seq = numbers[0] if self.first_seq is None else self.first_seq
            self.seq = max(self.seq, numbers[-1])

    @property
    def share(self) -> float:
        """The received share, 0 to 1: an estimate, since only the newest number is known in advance."""
        if self.first_seq is None or self.last_seq <= self.first_seq:
            return 0.0
        return min(1.0, max(0.0, (self.seq - self.first_seq) / (self.last_seq - self.first_seq)))


def size_label(size_bytes: int) -> str:
    """A size as ``812 B``, ``14 KB`` or ``3.2 MB``."""
    if size_bytes < 1000:  # noqa: PLR2004 - the next unit
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:  # noqa: PLR2004 - the next unit
        return f"{size_bytes // 1000} KB"
    return f"{size_bytes / 1_000_000:,.1f} MB"
