"""The result of verifying the audit chain: its state, and a table of the problems with their sentences."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.labelled_enum import LabelledEnum


class ProblemKind(LabelledEnum):
    """A kind of problem. ``sentence`` is what people read, with the fields of ``ChainProblem`` filled in."""

    EDITED = "edited", "Event {seq} was changed after it was written."
    REMOVED = "removed", "Events {seq} to {last_seq} were removed."
    REORDERED = (
        "reordered",
        "Event {original_seq} stands in the place of event {seq}: events were put in another order.",
    )
    MISPLACED = "misplaced", "Event {seq} does not follow the event before it: it comes from another copy of the audit."
    CUT = "cut", "The end is cut off: events {seq} to {last_seq} were removed."
    APPENDED = "appended", "The events from {seq} on stand behind the head: the head was set back."
    HEAD = "head", "The head was changed: it does not carry the seal of this installation."
    BROKEN = (
        "broken",
        "When event {seq} was written, the head was found changed: events before it may have been cut off.",
    )
    ROTATED = (
        "rotated",
        (
            "From event {seq} to event {last_seq} the head was found changed {detail}, each time by a process without"
            " the newer secret that had sealed the event before. `gatehouse audit heal` is for that."
        ),
    )
    RETENTION = "retention", "The retention boundary at event {seq} does not carry the seal of this installation."
    TRUNCATED = (
        "truncated",
        (
            "The end is cut off, and the head set back: events {seq} to {last_seq} were there at the checkpoint of "
            "{detail}."
        ),
    )
    REWRITTEN = (
        "rewritten",
        "Event {seq} is not the one that the checkpoint of {detail} signed: the audit was written again.",
    )
    UNPROTECTED = "unprotected", "The database no longer refuses to change the audit: the trigger {detail} is missing."


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """One problem of the chain."""

    kind: ProblemKind
    seq: int | None = None
    """The number of the event, or of the first missing one; None when the problem is not about single events."""
    last_seq: int | None = None
    """The number of the last event of a range."""
    original_seq: int | None = None
    """The number that the event in this place was written under."""
    detail: str = ""
    """A number of times, a time or the name of a trigger, as the sentence of the kind needs it."""

    def __str__(self) -> str:
        sentence = self.kind.sentence.format(
            seq=self.seq, last_seq=self.last_seq, original_seq=self.original_seq, detail=self.detail
        )
        if self.seq is not None and self.seq == self.last_seq:
            return sentence.replace(f"vents {self.seq} to {self.last_seq} were", f"vent {self.seq} was")
        return sentence


@dataclass(frozen=True, slots=True)
class ChainState:
    """Whether the chain is whole."""

    events: int = 0
    """How many events were verified."""
    first_seq: int = 0
    last_seq: int = 0
    boundary_seq: int = 0
    """The events up to this one were deleted, or may be, by a sealed retention boundary; 0 where there is none."""
    problems: tuple[ChainProblem, ...] = ()
    """In the order of the events; problems of the whole chain come last."""
    complete: bool = True
    """Whether every event was verified; verification stops after many problems."""
    checkpoints: int = 0
    """How many checkpoints could be compared with the stored events."""
    newest_compared: bool = True
    """Whether the newest checkpoint could be compared: one below the retention boundary cannot."""

    @property
    def good(self) -> bool:
        """Whether there is no problem."""
        return not self.problems
