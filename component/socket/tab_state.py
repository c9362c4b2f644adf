"""What each owner (a session, or an anonymous browser) was shown by this process: files, and Streamlit sessions.

Files are given out, uploads taken in and Streamlit sessions come back to by their owner only. Bounded, in memory, and
on the event loop alone; what is forgotten is refused, never given away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.policy import Grants
from component.limits.bounded_dict import put_newest
from component.protocol import back_message
from component.socket.expiry_overlay import ExpiryOverlay
from component.socket.rendered import Rendered
from component.socket.upload_limits import Uploads

MAX_OWNERS: Final = 2048
MAX_SESSIONS_PER_OWNER: Final = 256
_OF_NO_PAGE: Final = frozenset(
    {
        "backend_operation_response",
        "file_urls_response",
        "heartbeat_ack",
        "new_session",
        "script_finished",
        "session_event",
        "stop_auto_rerun",
    }
)
"""Messages that show nothing of a page: all that the browser gets while its page is that of a right lost."""


class SessionChange(Enum):
    """What became of a tab's session and rights since it last looked."""

    NONE = "none"
    CHANGED = "changed"  # something else is held, and nothing is lost
    LOST = "lost"
    EXPIRED = "expired"  # by time alone: it can be revived
    RECONNECT = "renewed"  # it has a new secret: the socket must come again with it
    ENDED = "ended"


class PageGate(Enum):
    """Whether the page in the browser was drawn with rights that are still held."""

    OPEN = "open"
    CLOSED = "shut"  # no: only a run of the whole script, without widgets, may pass
    OPENING = "asked"  # such a run has passed, and Streamlit may still send what runs before it rendered


@dataclass(slots=True)
class TabState:
    """One Streamlit session, over all its sockets: the rights its page was drawn with, and what that page offers."""

    grants: Grants | None = None
    gate: PageGate = PageGate.OPEN
    last: back_message.BackMessage | None = None
    """A run of the page that its browser is on."""
    cover: ExpiryOverlay | None = None
    """What is kept while its session has expired."""
    running: bool = False
    """Whether a run is under way, or about to begin."""
    rendered: Rendered = field(default_factory=Rendered)
    uploads: Uploads = field(default_factory=Uploads)
    run_on_save: bool | None = None
    """Streamlit's option, which it says at each run; None before the first."""
    marks: int = 0
    """How many marks (``wire.mark``) are on their way back."""
    _within_mark: bool = False
    _replace: Callable[[], None] | None = None

    @property
    def may_be_resumed(self) -> bool:
        """Whether another socket may go on with it: not when a mark was lost with the socket before."""
        return self.marks == 0

    def take(self, on_replaced: Callable[[], None]) -> None:
        """A socket goes on with this session; ``on_replaced`` ends it when another does. Ends the one before."""
        if self._replace is not None:
            self._replace()
            if self.cover is not None:
                self.cover.take()  # what the socket before wanted is for no other that was there at the same time
        self._replace = on_replaced

    def release(self, on_replaced: Callable[[], None]) -> None:
        """The socket with this ``on_replaced`` is gone."""
        if self._replace == on_replaced:
            self._replace = None

    def hold(self, grants: Grants) -> SessionChange:
        """The person holds this now; says what that changes."""
        before, self.grants = self.grants, grants
        change = difference(before, grants) if before is not None else SessionChange.NONE
        if change is SessionChange.LOST:
            self.gate = PageGate.CLOSED
            self.rendered.forget()
        return change

    def may_fetch(self, file: str, grants: Grants | None) -> bool:
        """Whether a file was rendered here for a caller who holds ``grants`` now; None for an anonymous one."""
        lost = grants is not None and self.grants is not None and difference(self.grants, grants) is SessionChange.LOST
        return file in self.rendered.media and not lost

    def prepare(self, sent: back_message.BackMessage) -> None:
        """Take out of a message that reruns whatever the page no longer offers."""
        if self.gate is PageGate.OPEN:
            self.rendered.restrict(sent)
        else:
            sent.make_gate_only()

    def passes(self, *, all_of_it: bool) -> bool:
        """A run is handed to Streamlit; ``all_of_it``: not of a fragment alone. Says whether a mark is to follow it."""
        self.running = True
        if not all_of_it or self.gate is not PageGate.CLOSED:
            return False
        self.gate = PageGate.OPENING
        self.marks += 1
        return True

    def record(self, message: ForwardMsg) -> bool:
        """A message to the browser: how the run fares, and what it renders. Says whether the browser is to have it."""
        kind = message.WhichOneof("type")
        if kind == "session_status_changed":
            return not self._is_mark(message)
        if kind == "backend_operation_response":
            if not self.rendered.end(message.backend_operation_response.request_id):
                return False
        elif kind == "new_session":
            self.running = True
            if self.run_on_save is None:
                self.run_on_save = message.new_session.initialize.session_status.run_on_save
        elif kind == "script_finished":
            self.running = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
        if self.gate is not PageGate.OPEN:
            return kind in _OF_NO_PAGE
        self.rendered.record(message)
        return True

    def _is_mark(self, message: ForwardMsg) -> bool:
        """Take a mark out. What follows the last one was rendered by runs that began after the gate was shut."""
        run_on_save = message.session_status_changed.run_on_save
        within, self._within_mark = self._within_mark, False
        if within or self.run_on_save is None or run_on_save == self.run_on_save:
            return within
        self._within_mark = True
        self.marks -= 1
        if self.marks == 0 and self.gate is PageGate.OPENING:
            self.gate = PageGate.OPEN
        return True


@dataclass(slots=True)
class OwnerTabs:
    """What one owner was shown. The oldest are forgotten."""

    sessions: dict[str, TabState] = field(default_factory=dict)
    tabs: int = 0
    anonymous: bool = False

    def record_session(self, session_id: str, seen: TabState) -> None:
        """Remember a Streamlit session that this owner is in."""
        put_newest(self.sessions, session_id, seen, MAX_SESSIONS_PER_OWNER)

    def may_fetch(self, file: str, grants: Grants | None) -> bool:
        """As ``TabState.may_fetch``, in any of the owner's Streamlit sessions."""
        return any(seen.may_fetch(file, grants) for seen in self.sessions.values())


class TabOwners:
    """Owner → what was shown to them. Those with an open tab are never forgotten, and anonymous ones first."""

    def __init__(self) -> None:
        self._shown: dict[str, OwnerTabs] = {}

    def arrive(self, owner: str, *, anonymous: bool = False) -> OwnerTabs:
        """A tab of this owner opens."""
        shown = self._shown.pop(owner, None) or OwnerTabs(anonymous=anonymous)
        self._shown[owner] = shown
        shown.tabs += 1
        if len(self._shown) > MAX_OWNERS:
            without_tabs = [other for other, kept in self._shown.items() if not kept.tabs]
            # However many browsers come and go without signing in, what users were shown stays.
            gone = next((other for other in without_tabs if self._shown[other].anonymous), None)
            if gone is not None or without_tabs:
                del self._shown[gone or without_tabs[0]]
        return shown

    def leave(self, shown: OwnerTabs) -> None:
        """One of their tabs is gone."""
        shown.tabs -= 1

    def get(self, owner: str) -> OwnerTabs | None:
        """What was shown to ``owner``; None when nothing is known."""
        return self._shown.get(owner)

    def forget(self, owner: str) -> None:
        """The owner is nobody any more: a session that ended."""
        self._shown.pop(owner, None)

    def __len__(self) -> int:
        return len(self._shown)


def difference(before: Grants, after: Grants) -> SessionChange:
    """What changed from one set to another, by what is effectively held."""
    if before is after:
        return SessionChange.NONE
    if after.is_administrator:
        lost = False
    else:
        lost = before.is_administrator or not before.permissions.keys() <= after.permissions.keys()
    if lost:
        return SessionChange.LOST
    same = (
        before.is_administrator == after.is_administrator
        and before.permissions.keys() == after.permissions.keys()
        and before.roles.keys() == after.roles.keys()
    )
    return SessionChange.NONE if same else SessionChange.CHANGED
