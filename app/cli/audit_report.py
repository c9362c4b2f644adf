"""The report of ``gatehouse audit verify``, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from app.core.chain_problems import ChainState, ProblemKind
from app.core.checkpoints import Checkpoint

_NOT_COMPARED: Final = (
    "The checkpoint could not be compared: it is older than the retention boundary at event {}. Use a newer one."
)


def report_lines(state: ChainState, checkpoints: Sequence[Checkpoint]) -> list[str]:
    """The result of a verification as lines of text."""
    if state.good:
        lines = [f"The audit is intact: {events_text(state.events)}{_range(state)}."]
        if checkpoints and state.newest_compared:
            lines.append(f"It agrees with {_compared(state, checkpoints)}.")
        elif checkpoints:
            lines.append(_NOT_COMPARED.format(state.boundary_seq))
        return lines
    lines = [f"WRONG {problem}" for problem in state.problems]
    if not state.complete:
        lines.append(f"      … and more: only the first {len(state.problems)} are listed.")
    kinds = {problem.kind for problem in state.problems}
    if not state.complete and kinds <= {ProblemKind.EDITED, ProblemKind.RETENTION}:
        lines.append("      If every event is listed: is GATEHOUSE_SECRET the one these events were written with?")
    return lines


def _range(state: ChainState) -> str:
    numbers = f", {state.first_seq} to {state.last_seq}" if state.events else ""
    return f"{numbers}, from the retention boundary at {state.boundary_seq} on" if state.boundary_seq else numbers


def _compared(state: ChainState, checkpoints: Sequence[Checkpoint]) -> str:
    newest = max(checkpoints, key=lambda checkpoint: checkpoint.seq)
    more = f" and {state.checkpoints - 1} older" if state.checkpoints > 1 else ""
    return f"the checkpoint of {newest.at} (event {newest.seq}, {newest.installation}){more}"


def events_text(count: int) -> str:
    """A count of events with its noun."""
    return f"{count:,} event{'' if count == 1 else 's'}"


def report_json(state: ChainState, checkpoints: Sequence[Checkpoint], *, checked: bool) -> dict[str, Any]:
    """The result of a verification as JSON; ``checked`` is false if a checkpoint could not be compared."""
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
        "sentence": " ".join(report_lines(state, checkpoints)),
    }
