"""What verifying the audit chain found: each kind of problem, in one table, with the sentence that people read."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.labelled_enum import LabelledEnum


class ProblemKind(LabelledEnum):
    """What can be wrong. ``sentence`` is how people read it; the fields of ``ChainProblem`` are filled in."""

    EDITED = "edited", "Event {seq} was changed after it was written."
    REMOVED = "removed", "Events {seq} to {until} were removed."
    REORDERED = "reordered", "Event {found} stands in the place of event {seq}: events were put in another order."
    MISPLACED = "misplaced", "Event {seq} does not follow the event before it: it comes from another copy of the audit."
    CUT = "cut", "The end is cut off: events {seq} to {until} were removed."
    APPENDED = "appended", "The events from {seq} on stand behind the head: the head was set back."
    HEAD = "head", "The head was changed: it does not carry the seal of this installation."
    BROKEN = (
        "broken",
        "When event {seq} was written, the head was found changed: events before it may have been cut off.",
    )
    ROTATED = (
        "rotated",
        (
            "From event {seq} to event {until} the head was found changed {note}, each time by a process without"
            " the newer secret that had sealed the event before. `gatehouse audit heal` is for that."
        ),
    )
    RETENTION = "retention", "The retention boundary at event {seq} does not carry the seal of this installation."
    TRUNCATED = (
        "truncated",
        "The end is cut off, and the head set back: events {seq} to {until} were there at the checkpoint of {note}.",
    )
    REWRITTEN = (
        "rewritten",
        "Event {seq} is not the one that the checkpoint of {note} signed: the audit was written anew.",
    )
    UNPROTECTED = "unprotected", "The database no longer refuses to change the audit: the trigger {note} is missing."


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """One thing that is wrong."""

    kind: ProblemKind
    seq: int | None = None
    """The number of the event, or of the first one that is missing; None when no single event is meant."""
    until: int | None = None
    """The number of the last one that is missing, where some are."""
    found: int | None = None
    """The number that the event in this place was written under."""
    note: str = ""

    def __str__(self) -> str:
        said = self.kind.sentence.format(seq=self.seq, until=self.until, found=self.found, note=self.note)
        if self.seq is not None and self.seq == self.until:
            return said.replace(f"vents {self.seq} to {self.until} were", f"vent {self.seq} was")
        return said


@dataclass(frozen=True, slots=True)
class ChainState:
    """Whether the chain is whole."""

    events: int = 0
    """How many were looked at."""
    first_seq: int = 0
    last_seq: int = 0
    boundary_seq: int = 0
    """The events up to this one were deleted, or may be, by a sealed retention boundary; 0 where there is none."""
    problems: tuple[ChainProblem, ...] = ()
    """In the order of the events; what is about the whole comes last."""
    complete: bool = True
    """Whether everything was looked at; verifying stops when many problems were found."""
    checkpoints: int = 0
    """How many checkpoints could be compared with what is there."""
    newest_compared: bool = True
    """Whether the newest checkpoint could be: one from below the retention boundary can not."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
