"""The runs of a tab's page: reruns on their way to Streamlit, and what Streamlit renders in them."""

from __future__ import annotations

from typing import Final

from starlette.types import Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol import forward_message, injected_messages
from component.protocol.back_message import BackMessage
from component.socket.incoming import Incoming, to_streamlit
from component.socket.outgoing import Outgoing
from component.socket.page_url import page_url
from component.socket.reconnection import Reconnection
from component.socket.shared_state import SharedState
from component.socket.tab_state import GateState, OwnerTabs, TabState
from component.socket.upload_requests import UploadRequests

_QUIET_SECONDS: Final = 0.25
_ACTION_LOST: Final = (
    "What you did last was not carried out: the connection was lost for so long that the app no longer has this tab. "
    "Look at the page, and do it again."
)


class PageRuns:
    """The runs of one tab. Lives on the event loop."""

    def __init__(
        self,
        shared: SharedState,
        state: TabState,
        owner_tabs: OwnerTabs,
        incoming: Incoming,
        outgoing: Outgoing,
        reconnection: Reconnection,
    ) -> None:
        """Track the page of ``state``, a Streamlit session of the owner of ``owner_tabs``."""
        self._shared = shared
        self.is_at_gate = False
        """Whether a message is at the gate."""
        self.is_first = True
        """Whether no run has started since the socket was opened, or unlocked."""
        # Rendered with other rights than the present ones; an earlier socket may have gone before the rerun.
        self.is_outdated = state.gate is not GateState.OPEN
        self.has_lost_action = False
        """Whether to report to the user that the last action was lost."""
        self._state = state
        self._owner_tabs = owner_tabs
        self._in = incoming
        self._out = outgoing
        self._reconnection = reconnection
        self._uploads = UploadRequests(incoming)
        self._locked_page_before = state.locked_page  # keeps an action in the session that is requested
        self._navigation: ForwardMsg | None = None
        self._session_id = ""  # of Streamlit, once it is known
        self._handed_over_at = 0.0
        state.is_running = False  # Streamlit stops a run when its socket goes

    @property
    def has_lost(self) -> bool:
        """Whether the page was rendered with a right that is lost."""
        return self._state.gate is not GateState.OPEN

    @property
    def page_url(self) -> str:
        """The path and query of the page."""
        return page_url(self._state.last_rerun, self._navigation)

    @property
    def wants_rerun(self) -> bool:
        """Whether to render the page again now.

        After a right was revoked, or the Streamlit session was lost: at once. Otherwise only while no user action is
        being processed, because a rerun would interrupt it.
        """
        may_rerun = self.has_lost or (self._state.last_rerun is not None and not self._is_busy())
        return (self.is_outdated and may_rerun) or self._reconnection.is_stale

    def rerun(self) -> bool:
        """Render the page again, without any action of the user; returns whether that is possible."""
        if self._reconnection.is_stale:
            # Streamlit knows nothing of the page: its browser knows which it is, and what was typed there.
            self._reconnection.record_request()
            self._out.push(forward_message.request_rerun())
        elif self._state.last_rerun is not None:
            self.is_outdated = False
            self._in.inject(injected_messages.rerun_like(self._state.last_rerun))
        else:
            return False
        return True

    def unlock(self, requested: BackMessage | None) -> bool:
        """The session is live again: remove the overlay, and pass on the kept action, once, or render the page again.

        Args:
            requested: A rerun that the browser requests by itself; the kept action becomes a part of it.

        Returns:
            As ``rerun``.
        """
        locked_page, self._state.locked_page = self._state.locked_page, None
        kept = locked_page.take_action() if locked_page is not None else None
        if kept is not None and locked_page is self._locked_page_before and self._reconnection.has_failed:
            kept, self.has_lost_action = None, True  # it was meant for the session that is gone
        self.is_first = True
        if locked_page is not None and locked_page.has_overlay:
            self._out.push(forward_message.expiry_overlay(self._shared.broadcast_channel, locked=False))
        if requested is not None:
            if kept is not None:
                requested.merge_triggers(kept)
            return True
        if kept is None:
            return self.rerun()
        self._in.inject(kept)
        self.is_outdated = self.is_outdated or not kept.is_full_rerun  # the account area shows a new expiry
        return True

    def allows(self, message: BackMessage) -> bool:
        """Whether the page may still do what a message requests; answers a refused operation."""
        if message.is_stop and self.has_lost:
            return False  # a browser does not stop the run that opens the gate
        if message.operation_id and (self.has_lost or not self._state.rendered.begin(message)):
            self._out.push(forward_message.operation_refused(message.operation_id))
            return False
        return True

    def hand_over(self, message: BackMessage) -> Message:
        """The message as Streamlit receives it, at once.

        The run that opens the gate is sent between a stop and a barrier. The stop keeps Streamlit from merging a
        pending run into it; after the response to the barrier, Streamlit sends nothing of an earlier run.
        """
        self._handed_over_at = self._shared.monotonic()
        if message.is_rerun:
            self._prepare(message)
            self._reconnection.record_run()
            self.is_outdated = self.is_outdated and not message.is_full_rerun
            if self._state.begin_run(is_full=message.is_full_rerun):
                barrier = injected_messages.barrier(run_on_save=bool(self._state.run_on_save))
                self._in.inject_first(to_streamlit(data) for data in (message.serialize(), *barrier))
                return to_streamlit(injected_messages.stop())
        self._uploads.record_request(message)
        return to_streamlit(message.serialize())

    def _prepare(self, rerun: BackMessage) -> None:
        """Remove from a rerun what must not run, and remember how to request the page again."""
        if self.is_first:
            self.is_first = False
            rerun.drop_cached_hashes()
        if self._reconnection.needs_whole_run:
            rerun.make_full_rerun()
        self._state.restrict(rerun)
        self._state.last_rerun = injected_messages.rerun_like(rerun)

    def record(self, data: bytes) -> bytes:
        """Record what a message to the browser renders, and how its run proceeds.

        Returns what the browser receives in its place; b"" for nothing.
        """
        message = forward_message.parse(data)
        if message is None:
            return data if self._state.gate is GateState.OPEN else b""
        self._uploads.record_output(message)
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._navigation = message
        elif kind == "new_session":
            session_id = message.new_session.initialize.session_id
            self._state.rendered.files = self._shared.media.of(session_id)
            if not self._session_id:
                self._session_id = session_id
                self._owner_tabs.record_session(session_id, self._state)
        is_for_browser = self._state.record(message)
        if self.has_lost_action and kind == "script_finished" and not self._state.is_running:
            self.has_lost_action = False
            self._out.push(forward_message.error_dialog(_ACTION_LOST))  # a run removes such a dialog: after its end
        if is_for_browser:
            if self._state.gate is GateState.OPEN:
                self._state.rendered.record_media(data)
            return data
        operation_id = message.backend_operation_response.request_id
        return forward_message.operation_refused(operation_id) if operation_id else b""

    def _is_busy(self) -> bool:
        """Whether a user action is being processed, or may be."""
        is_processing = self._state.is_running or self.is_at_gate or self._in.is_waiting
        return is_processing or self._shared.monotonic() - self._handed_over_at < _QUIET_SECONDS
