"""The tab state of each Streamlit session, and which owner (a session, or an anonymous browser) had it.

Only the owner gets the files of a tab, uploads into it and is reattached to its Streamlit session. Bounded, in memory,
and on the event loop alone; what was dropped is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.policy import Grants
from component.limits.bounded_dict import put_newest
from component.protocol.back_message import BackMessage
from component.protocol.injected_messages import rerun_like
from component.socket.locked_page import LockedPage
from component.socket.rendered import Rendered
from component.socket.session_changes import SessionChange, grants_change
from component.socket.upload_limits import Uploads

MAX_OWNERS: Final = 2048
MAX_SESSIONS_PER_OWNER: Final = 256
_WITHOUT_CONTENT: Final = frozenset(
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
"""Messages without content of a page: all that the browser gets until a page is rendered with the present rights."""


class GateState(Enum):
    """The gate of a tab, by whether the page in the browser was rendered with rights that its user still has."""

    OPEN = "open"
    CLOSED = "closed"  # a right was revoked: Streamlit may receive only a full rerun, without widget states
    OPENING = "opening"  # Streamlit has received that rerun, and may still send what earlier runs rendered


@dataclass(slots=True)
class TabState:
    """One Streamlit session, over all its sockets: the rights its page was rendered with, and what the page offers."""

    grants: Grants | None = None
    gate: GateState = GateState.OPEN
    last_rerun: BackMessage | None = None
    """A rerun of the page that the browser shows."""
    locked_page: LockedPage | None = None
    """Set while the session is locked."""
    is_running: bool = False
    """Whether a run is in progress, or about to start."""
    rendered: Rendered = field(default_factory=Rendered)
    uploads: Uploads = field(default_factory=Uploads)
    run_on_save: bool | None = None
    """Streamlit's option, as reported at each run; None before the first."""
    pending_barriers: int = 0
    """How many barriers (``injected_messages.barrier``) Streamlit has received and not yet answered."""
    _is_within_barrier: bool = False
    _on_replaced: Callable[[], None] | None = None

    @property
    def may_be_reattached(self) -> bool:
        """Whether another socket may be reattached: not if the last one closed before a barrier was answered."""
        return self.pending_barriers == 0

    def attach(self, on_replaced: Callable[[], None]) -> None:
        """A socket is attached to this session in place of the one before; ``on_replaced`` closes this one."""
        if self._on_replaced is not None:
            self._on_replaced()
            if self.locked_page is not None:
                # An action in the replaced socket is not for one that existed at the same time.
                self.locked_page.take_action()
        self._on_replaced = on_replaced

    def detach(self, on_replaced: Callable[[], None]) -> None:
        """The socket with this ``on_replaced`` is gone."""
        if self._on_replaced == on_replaced:
            self._on_replaced = None

    def update_grants(self, grants: Grants) -> SessionChange:
        """Record the user's present grants; returns what that changes."""
        before, self.grants = self.grants, grants
        change = grants_change(before, grants) if before is not None else SessionChange.NONE
        if change is SessionChange.LOST:
            self.gate = GateState.CLOSED
            self.rendered.revoke()
        return change

    def may_fetch(self, file: str, grants: Grants | None) -> bool:
        """Whether a file was rendered here for a user with these grants; None for an anonymous user."""
        is_lost = (
            grants is not None and self.grants is not None and grants_change(self.grants, grants) is SessionChange.LOST
        )
        return file in self.rendered.media and not is_lost

    def restrict(self, rerun: BackMessage) -> None:
        """Remove from a rerun whatever the page no longer offers."""
        if self.gate is GateState.OPEN:
            self.rendered.restrict(rerun)
        else:
            rerun.strip_to_full_rerun()

    def begin_run(self, *, is_full: bool) -> bool:
        """Streamlit receives a rerun; returns whether a barrier must follow it.

        Args:
            is_full: Whether it is one of the whole script, not of a fragment.
        """
        self.is_running = True
        if not is_full or self.gate is not GateState.CLOSED:
            return False
        self.gate = GateState.OPENING
        self.pending_barriers += 1
        return True

    def record(self, message: ForwardMsg) -> bool:
        """Record how the run proceeds and what it renders, from a message to the browser.

        Returns whether the browser may have the message.
        """
        kind = message.WhichOneof("type")
        if kind == "session_status_changed":
            return not self._is_barrier(message)
        if kind == "backend_operation_response":
            if not self.rendered.end(message.backend_operation_response.request_id):
                return False
        elif kind == "new_session":
            self.is_running = True
            if self.run_on_save is None:
                self.run_on_save = message.new_session.initialize.session_status.run_on_save
        elif kind == "script_finished":
            self.is_running = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
        if self.gate is not GateState.OPEN:
            return kind in _WITHOUT_CONTENT
        self.rendered.record(message)
        self._follow(message)
        return True

    def _follow(self, message: ForwardMsg) -> None:
        """Have the next rerun name the page and the query that the browser shows.

        If it names no page, as the first one of a page that was opened by its URL, or another one, the browser takes it
        for a change of the page: it draws every widget again, and what the user types or uploads is gone.
        """
        kind = message.WhichOneof("type")
        if self.last_rerun is None:
            return
        if kind == "navigation":
            self.last_rerun = rerun_like(self.last_rerun, page_script_hash=message.navigation.page_script_hash)
        elif kind == "page_info_changed":
            self.last_rerun = rerun_like(self.last_rerun, query_string=message.page_info_changed.query_string)

    def _is_barrier(self, message: ForwardMsg) -> bool:
        """Whether this is a part of Streamlit's response to a barrier; the response to the last one opens the gate.

        Whatever comes after it was rendered by runs that started after the gate was closed.
        """
        run_on_save = message.session_status_changed.run_on_save
        is_within, self._is_within_barrier = self._is_within_barrier, False
        if is_within or self.run_on_save is None or run_on_save == self.run_on_save:
            return is_within
        self._is_within_barrier = True
        self.pending_barriers -= 1
        if self.pending_barriers == 0 and self.gate is GateState.OPENING:
            self.gate = GateState.OPEN
        return True


@dataclass(slots=True)
class OwnerTabs:
    """The Streamlit sessions of one owner, by id. The oldest are dropped."""

    sessions: dict[str, TabState] = field(default_factory=dict)
    open_tabs: int = 0
    is_anonymous: bool = False

    def record_session(self, session_id: str, state: TabState) -> None:
        """Record a Streamlit session of this owner."""
        put_newest(self.sessions, session_id, state, MAX_SESSIONS_PER_OWNER)

    def drop_kept_action(self, session_id: str) -> bool:
        """Drop the action that waits with a session to which no socket is reattached; returns whether there was one."""
        state = self.sessions.get(session_id)
        return state is not None and state.locked_page is not None and state.locked_page.take_action() is not None

    def may_fetch(self, file: str, grants: Grants | None) -> bool:
        """As ``TabState.may_fetch``, in any of the owner's Streamlit sessions."""
        return any(state.may_fetch(file, grants) for state in self.sessions.values())


class TabOwners:
    """Owner → its Streamlit sessions. Without an open tab an owner may be dropped, anonymous ones first."""

    def __init__(self) -> None:
        self._owners: dict[str, OwnerTabs] = {}

    def open_tab(self, owner: str, *, is_anonymous: bool = False) -> OwnerTabs:
        """A tab of this owner opens."""
        owner_tabs = self._owners.pop(owner, None) or OwnerTabs(is_anonymous=is_anonymous)
        self._owners[owner] = owner_tabs
        owner_tabs.open_tabs += 1
        if len(self._owners) > MAX_OWNERS:
            without_tabs = [other for other, kept in self._owners.items() if not kept.open_tabs]
            # However many anonymous browsers come and go, signed-in users keep their files.
            anonymous = next((other for other in without_tabs if self._owners[other].is_anonymous), None)
            if anonymous is not None or without_tabs:
                del self._owners[anonymous or without_tabs[0]]
        return owner_tabs

    def close_tab(self, owner_tabs: OwnerTabs) -> None:
        """One of the owner's tabs is gone."""
        owner_tabs.open_tabs -= 1

    def get(self, owner: str) -> OwnerTabs | None:
        """The Streamlit sessions of ``owner``; None when none is known."""
        return self._owners.get(owner)

    def remove(self, owner: str) -> None:
        """The owner's session has ended."""
        self._owners.pop(owner, None)

    def __len__(self) -> int:
        return len(self._owners)
