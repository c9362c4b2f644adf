"""An audit event as the cell of a table: its sentence, the reason that a person entered, and its outcome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.core.audit import Outcome
from app.core.contract.audit import AuditItem
from app.ui import cells
from app.ui.cells import Cell, Tone

SUCCEEDED: Final = Outcome.SUCCEEDED.value
REFUSED: Final = Outcome.REFUSED.value
OUTCOMES: Final[Mapping[str, str]] = {SUCCEEDED: "Done", REFUSED: "Refused", Outcome.FAILED.value: "Failed"}
"""Outcome → label."""
_CODE: Final = re.compile(r"[a-z0-9_.:-]*")
_CHANGES: Final = frozenset({"policy", "audit"})
"""Sources of the events of changes, whose reason is always what a person entered."""
_TONES: Final[Mapping[str, Tone]] = {REFUSED: Tone.WARNING}


def outcome_label(outcome: str) -> str:
    """The label of an outcome; the stored value if this version does not know it."""
    return OUTCOMES.get(outcome, outcome)


def entered_reason(event: AuditItem) -> str:
    """The reason that a person entered; empty where the reason is a code, which the sentence explains."""
    is_change = event.outcome == SUCCEEDED and event.kind.partition(":")[0] in _CHANGES
    return event.reason if is_change or not _CODE.fullmatch(event.reason) else ""


def sentence(event: AuditItem) -> Cell:
    """What happened, the reason that was entered, and a badge unless it succeeded."""
    reason = entered_reason(event)
    detail = f"Reason: {reason}" if reason else ""
    cell = cells.text(event.sentence, detail=detail, cap=cells.MAX_SENTENCE_CHARACTERS)
    if event.outcome == SUCCEEDED:
        return cell
    tone = _TONES.get(event.outcome, Tone.BAD)
    return cells.with_badges(cell, [cells.badge(outcome_label(event.outcome), tone=tone)])
