"""A tab: the gate of one socket. It decides what follows from a recheck of its session: a rerun, a lock, or its end.

A tab belongs to a session, or to an anonymous browser. It rechecks the session before every message, and the watcher
has it rechecked between messages; ``session_changes`` has what that may find. Nothing here waits for a browser that
does not read: a closed tab is closed for Streamlit at once, and its browser gets a last message if it reads one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import quote

import structlog
from starlette.types import Message, Receive, Send

from app.core.errors import StorageUnavailable
from app.core.policy import Grants
from app.core.records import Session
from component.protocol import forward_message, injected_messages
from component.protocol.back_message import BackMessage, Malformed, TooCostly
from component.socket.handshake import Handshake
from component.socket.incoming import Incoming, to_streamlit
from component.socket.locked_page import LockedPage
from component.socket.outgoing import Outgoing
from component.socket.page_runs import PageRuns
from component.socket.reconnection import Reconnection
from component.socket.session_changes import SessionChange
from component.socket.session_check import SessionCheck, check_session
from component.socket.session_lock import SessionLock, SocketState
from component.socket.shared_state import SharedState
from component.socket.tab_state import TabState

ENDED_PATH: Final = "/auth/ended"
"""Explains why a session has ended, and leads back; it finds the reason by the browser's own cookie."""
_POLICY_VIOLATION: Final = 1008
_PROTOCOL_ERROR: Final = 1002
_RESTART: Final = 1012
_SIGN_OUT_SECONDS: Final = 4.0
"""How long a page that signs out itself may take to navigate, before it is redirected."""

_log = structlog.get_logger(__name__)


class Tab:
    """One socket between browser and Streamlit, which calls ``receive`` and ``send``."""

    def __init__(
        self,
        shared: SharedState,
        handshake: Handshake,
        receive: Receive,
        send: Send,
        *,
        send_accepted: Send | None,
        charge: Callable[[int], None],
        on_close: Callable[[Tab], None],
    ) -> None:
        """Open the tab; ``on_close`` receives it at its end. The other arguments are those of ``Tabs.open``."""
        session, session_id = handshake.session, handshake.requested_session_id
        self.owner, self.session = handshake.owner, session
        self._shared = shared
        self._charge = charge
        self._on_close = on_close
        self._in = Incoming(receive)
        self._out = Outgoing(send, send_accepted)
        self._owner_tabs = shared.owners.open_tab(self.owner, is_anonymous=session is None)
        self._state = (self._owner_tabs.sessions.get(session_id) if handshake.is_reattached else None) or TabState()
        self._state.attach(self._close_replaced)
        self._lock = SessionLock(is_expired=handshake.is_expired, monotonic=self._monotonic)
        self._secret_hash = session.secret_hash if session is not None else b""
        self._recheck_lock = asyncio.Lock()
        self._is_checked = self._page_signs_out = False
        self._reconnection = Reconnection(
            session_id, is_allowed=handshake.is_reattached, is_active=shared.is_active, monotonic=self._monotonic
        )
        self._runs = PageRuns(shared, self._state, self._owner_tabs, self._in, self._out, self._reconnection)
        self._runs.has_lost_action = not handshake.is_reattached and self._owner_tabs.drop_kept_action(session_id)

    # Called by Streamlit

    async def receive(self) -> Message:
        """The next message for Streamlit: one of ours, or the browser's once it has passed the gate."""
        while True:
            injected = self._in.next_injected()
            if injected is not None:
                return self._runs.hand_over(injected) if isinstance(injected, BackMessage) else injected
            message = await self._in.next_from_browser()
            if message is None:
                continue
            if message["type"] != "websocket.receive":
                return message
            self._runs.is_at_gate = True
            try:
                admitted = await self._admit(message)
            finally:
                self._runs.is_at_gate = False
            if admitted is not None:
                return self._runs.hand_over(admitted)

    async def send(self, message: Message) -> None:
        """Send the browser a message of Streamlit's, unless the tab is closed or locked; records what it renders."""
        data = message.get("bytes")
        if message["type"] == "websocket.send" and data is not None and not self._out.is_closed:
            replaced = self._runs.record(data)
            if not replaced:
                return
            message = {**message, "bytes": replaced}
        await self._out.send(message, unless=lambda: self._lock.is_locked and message["type"] == "websocket.send")
        if message["type"] == "websocket.accept":
            self._reconnection.record_accepted()

    async def close(self) -> None:
        """Streamlit is done with the socket; a last message to the browser may still be on its way."""
        self._on_close(self)
        self._shared.owners.close_tab(self._owner_tabs)
        self._state.detach(self._close_replaced)
        self._in.close()
        await self._out.close()

    # Called by the watcher

    def is_due(self, now: datetime) -> bool:
        """Whether it must be rechecked although no change is known: its time has come, or it was never checked."""
        if self.session is None or not self._out.is_open():
            return False
        if self._lock.state is SocketState.LOCKED:
            return self._lock.is_recheck_due(now)
        if self._state.locked_page is not None:
            return True  # it may keep an action for this socket
        due_at = self._shared.sessions.lifetimes.ends_at(self.session)
        expiry_at = self._state.grants.next_expiry_at if self._state.grants is not None else None
        return not self._is_checked or now >= (due_at if expiry_at is None else min(due_at, expiry_at))

    @property
    def has_lost(self) -> bool:
        """Whether its page was rendered with a right that is lost."""
        return self._runs.has_lost

    @property
    def wants_rerun(self) -> bool:
        """Whether its page must be rendered again now."""
        if not self._out.is_open() or self._lock.is_locked or self._state.locked_page:
            return False
        return self._runs.wants_rerun

    def rerun(self) -> None:
        """Render its page again, without any action of the user."""
        self._reload_unless(rendered=self._runs.rerun())

    async def recheck(self) -> SessionChange:
        """Check the session: one query. Closes the tab if it has ended, and locks it if it has expired.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        if self.session is None or not self._out.is_open():
            return SessionChange.NONE
        async with self._recheck_lock:
            self._lock.record_check()
            session, grants, is_signed_out = await self._shared.in_thread(self._check_session)
            if not self._out.is_open():
                return SessionChange.ENDED
            if session is None:
                return self._end(is_signed_out=is_signed_out)
            if session.secret_hash != self._secret_hash:
                return self._require_reconnection()
            return self._update(session, grants) if grants is not None else self._lock_page(session)

    def _check_session(self) -> SessionCheck:
        return check_session(self.session, self._shared.sessions, self._shared.rights)

    # What a recheck leads to

    def _update(self, session: Session, grants: Grants) -> SessionChange:
        """The session is live, and its user has ``grants``."""
        self.session, self._is_checked = session, True
        self._shared.record_checked(session)
        change = self._state.update_grants(grants)
        if change is SessionChange.LOST and self._state.run_on_save is None:
            # Nothing was shown yet, and what is on its way was rendered with the right.
            self._reload()
            return SessionChange.ENDED
        self._runs.is_outdated = self._runs.is_outdated or change is not SessionChange.NONE
        if self._state.locked_page is not None and not self._reconnection.is_awaited:
            self._unlock_page()
        return change

    def _end(self, *, is_signed_out: bool) -> SessionChange:
        """The session has ended: redirect the page to the reason."""
        self._shared.owners.remove(self.owner)
        self._close_with(
            forward_message.redirect(f"{ENDED_PATH}?return_to={quote(self._runs.page_url, safe='')}"),
            _POLICY_VIOLATION,
            # A page that signed out is on its way to the provider. A locked one cannot announce that.
            after_seconds=_SIGN_OUT_SECONDS if is_signed_out and (self._page_signs_out or self._lock.is_locked) else 0,
        )
        return SessionChange.ENDED

    def _lock_page(self, session: Session) -> SessionChange:
        """The session has expired, and can be resumed: stop the run, and hide the page."""
        if self._lock.lock(self._shared.sessions.resumption.ends_at(session)):
            self._state.locked_page = self._state.locked_page or LockedPage()
            self._state.locked_page.has_overlay = True
            self._state.is_running = False
            self._in.drop_injected()
            self._in.inject(to_streamlit(injected_messages.stop()))
            self._out.push(forward_message.expiry_overlay(self._shared.broadcast_channel, locked=True))
        return SessionChange.EXPIRED

    def _require_reconnection(self) -> SessionChange:
        """The session has a new secret since this socket was opened: close it.

        Its browser reconnects by itself, with the cookie that it has by now. The user's last action here waits with
        the Streamlit session for a socket of the new secret.
        """
        self._lock.require_reconnection()
        self._state.locked_page = self._state.locked_page or LockedPage(has_overlay=False)
        self._shared.record_new_secret(self._secret_hash)
        self._close_with(None, _RESTART)
        return SessionChange.RECONNECT

    def _unlock_page(self, requested: BackMessage | None = None) -> None:
        self._lock.unlock()
        self._reload_unless(rendered=self._runs.unlock(requested))

    # The gate

    async def _admit(self, received: Message) -> BackMessage | None:
        """Let a message through the gate, restricted as necessary; None when it goes no further."""
        message = await self._parse(received)
        if message is None or message.is_sign_out:
            self._page_signs_out = self._page_signs_out or message is not None
            return None
        if message.is_requested_rerun and not self._reconnection.awaits_requested_rerun:
            return None  # before the database is read for it
        if self._lock.state is not SocketState.LOCKED:
            await self._recheck_or_close()
        if self._lock.keeps_messages and self._state.locked_page is not None:
            self._state.locked_page.keep_action(message)
        if self._lock.is_locked or not self._out.is_open():
            return None
        if self._state.locked_page is not None and message.is_rerun:
            self._unlock_page(message)
        if not self._runs.allows(message):
            return None
        if message.is_user_action and self.session is not None:
            self._page_signs_out = False  # the page is still in use
        return message

    async def _parse(self, received: Message) -> BackMessage | None:
        """Parse a message; None for a refused one, after which the socket closes unless our front end may send it."""
        try:
            message = await self._shared.parse(received.get("bytes"), is_anonymous=self.session is None)
        except TooCostly as error:
            self._charge(error.cost)
            _log.info("a socket sent JSON in texts that would block the event loop", reason="too costly")
            self._out.push(forward_message.error_dialog(str(error)))
        except Malformed as error:
            self._charge(error.cost)
            _log.info("a socket sent a message that our front end never sends", reason=str(error))
            self._close_with(None, _PROTOCOL_ERROR)
        else:
            self._charge(message.cost)
            return message
        return None

    async def _recheck_or_close(self) -> None:
        try:
            await self.recheck()
        except StorageUnavailable:
            # Fail closed: the browser gets the page that explains the outage and recovers by itself.
            self._reload()

    def _reload(self) -> None:
        """Close the tab, and have its browser load the page again."""
        self._close_with(forward_message.redirect(self._runs.page_url), _POLICY_VIOLATION)

    def _reload_unless(self, *, rendered: bool) -> None:
        """Reload a page that shows what its user may no longer see, if it cannot be rendered again."""
        if not rendered and self.has_lost:
            self._reload()

    def _close_replaced(self) -> None:
        """Another socket reattaches to the Streamlit session: what is still on its way here does not count."""
        self._close_with(None, _POLICY_VIOLATION)

    def _close_with(self, last_message: bytes | None, code: int, *, after_seconds: float = 0) -> None:
        """Close the tab for Streamlit at once, which stops the run; then send the browser a last message."""
        if self._out.is_closed:
            return
        self._out.close_with(last_message, code, after_seconds=after_seconds)
        self._state.detach(self._close_replaced)
        self._in.drop_injected()
        self._in.inject({"type": "websocket.disconnect", "code": code})

    def _monotonic(self) -> float:
        return self._shared.monotonic()
