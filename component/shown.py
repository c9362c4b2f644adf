"""What each owner (a session, or an anonymous browser) was shown by this process: files, and Streamlit sessions.

Files are given out, uploads taken in and Streamlit sessions come back to by their owner only. Bounded, in memory, and
on the event loop alone; what is forgotten is refused, never given away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeVar

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.policy import Grants
from component import wire
from component.cover import Cover
from component.uploads import Uploads

KEPT_OWNERS: Final = 2048
KEPT_MEDIA: Final = 2048
KEPT_DEFERRED: Final = 512
KEPT_SESSIONS: Final = 256
KEPT_WIDGETS: Final = 4096

T = TypeVar("T")


class Change(Enum):
    """What became of a tab's session and rights since it last looked."""

    NONE = "none"
    CHANGED = "changed"  # something else is held, and nothing is lost
    LOST = "lost"
    EXPIRED = "expired"  # by time alone: it can be revived
    ENDED = "ended"


class Gate(Enum):
    """Whether the page in the browser was drawn with rights that are still held."""

    OPEN = "open"
    SHUT = "shut"  # no: only a run of the whole script, without widgets, may pass
    ASKED = "asked"  # such a run has passed
    RUNNING = "running"  # and has begun


@dataclass(slots=True)
class Seen:
    """One Streamlit session, over all its sockets: the rights its page was drawn with, and what that page offers."""

    grants: Grants | None = None
    gate: Gate = Gate.OPEN
    cover: Cover | None = None
    """What is kept while its session has expired."""
    running: bool = False
    """Whether a run is under way, or about to begin."""
    widgets: dict[str, None] | None = None
    """Ids of the widgets shown since something was lost; None when nothing ever was.

    Streamlit (1.67) keeps the callback of a widget for as long as its session lives, drawn or not.
    """
    uploads: Uploads = field(default_factory=Uploads)

    def hold(self, grants: Grants) -> Change:
        """The person holds this now; says what that changes."""
        before, self.grants = self.grants, grants
        change = difference(before, grants) if before is not None else Change.NONE
        if change is Change.LOST:
            self.gate, self.widgets = Gate.SHUT, {}
        return change

    def prepare(self, sent: wire.FromBrowser) -> None:
        """Take out of a message that reruns whatever the page no longer offers."""
        if self.gate is not Gate.OPEN:
            sent.gate_only()
        elif self.widgets is not None:
            sent.forget_cached()
            sent.keep_widgets(self.widgets)

    def passes(self, *, all_of_it: bool) -> None:
        """A run is on its way to Streamlit. ``all_of_it``: not of a fragment alone."""
        self.running = True
        if all_of_it and self.gate is not Gate.OPEN:
            self.gate = Gate.ASKED

    def note(self, message: ForwardMsg) -> None:
        """A message to the browser: how the run fares, and which widgets it draws."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.running = True
            if self.gate is Gate.ASKED:
                self.gate = Gate.RUNNING
        elif kind == "script_finished":
            self.running = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
            if self.gate is Gate.RUNNING and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.gate = Gate.OPEN
        elif self.widgets is not None and self.gate in {Gate.OPEN, Gate.RUNNING}:
            for widget in wire.widgets_in(message):
                _keep(self.widgets, widget, None, KEPT_WIDGETS)


@dataclass(slots=True)
class Shown:
    """What one owner was shown. The oldest of each kind are forgotten."""

    media: dict[str, None] = field(default_factory=dict)
    deferred: dict[str, None] = field(default_factory=dict)
    sessions: dict[str, Seen] = field(default_factory=dict)
    tabs: int = 0
    _grants: Grants | None = None

    def note_media(self, file: str) -> None:
        """Remember a file whose address was sent."""
        _keep(self.media, file, None, KEPT_MEDIA)

    def note_deferred(self, file: str) -> None:
        """Remember a deferred download that was offered."""
        _keep(self.deferred, file, None, KEPT_DEFERRED)

    def note_session(self, session_id: str, seen: Seen) -> None:
        """Remember a Streamlit session that this owner is in."""
        _keep(self.sessions, session_id, seen, KEPT_SESSIONS)

    def hold(self, grants: Grants) -> None:
        """The owner holds this now: when something is lost, no file shown before is given out any more."""
        if self._grants is not None and difference(self._grants, grants) is Change.LOST:
            self.media.clear()
            self.deferred.clear()
        self._grants = grants


class Owners:
    """Owner → what was shown to them. Those with an open tab are never forgotten."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}

    def arrive(self, owner: str) -> Shown:
        """A tab of this owner opens."""
        shown = self._shown.pop(owner, None) or Shown()
        self._shown[owner] = shown
        shown.tabs += 1
        if len(self._shown) > KEPT_OWNERS:
            gone = next((other for other, kept in self._shown.items() if not kept.tabs), None)
            if gone is not None:
                del self._shown[gone]
        return shown

    def leave(self, shown: Shown) -> None:
        """One of their tabs is gone."""
        shown.tabs -= 1

    def get(self, owner: str) -> Shown | None:
        """What was shown to ``owner``; None when nothing is known."""
        return self._shown.get(owner)

    def forget(self, owner: str) -> None:
        """The owner is nobody any more: a session that ended."""
        self._shown.pop(owner, None)

    def __len__(self) -> int:
        return len(self._shown)


def difference(before: Grants, after: Grants) -> Change:
    """What changed from one set to another, by what is effectively held."""
    if before is after:
        return Change.NONE
    if after.everything:
        lost = False
    else:
        lost = bool(before.everything) or not before.permissions.keys() <= after.permissions.keys()
    if lost:
        return Change.LOST
    same = (
        bool(before.everything) == bool(after.everything)
        and before.permissions.keys() == after.permissions.keys()
        and before.roles.keys() == after.roles.keys()
    )
    return Change.NONE if same else Change.CHANGED


def _keep(kept: dict[str, T], key: str, value: T, most: int) -> None:
    """Put ``key`` last, and let go of the first when there are too many."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
