"""A tab: one socket's own gate, which every message of its browser passes.

A tab belongs to a session (or to nobody). Every message resolves the session first; the watcher reaches a tab between
messages. Nothing here waits for a browser that does not read: a tab that is over is over at once, and told if
it can be.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

import structlog
from starlette.types import Message, Receive, Send
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.core.errors import SessionExpired, SignedOut, StorageUnavailable, Unauthenticated
from app.core.policy import Grants
from app.core.records import Session
from component.http.return_to import safe_return_to
from component.limits.paced_socket import awaited
from component.protocol import back_message, forward_message, injected_messages
from component.socket.expiry_overlay import ExpiryOverlay
from component.socket.outgoing import Outgoing
from component.socket.reconnection import Reconnection
from component.socket.tab_state import PageGate, SessionChange, TabState

if TYPE_CHECKING:
    from component.socket.tabs import Tabs

ENDED_PATH: Final = "/auth/ended"
"""Says why a session is over, and leads back; it looks the reason up by the browser's own cookie."""

_GONE: Final = 1008
_PROTOCOL_ERROR: Final = 1002
_QUIET_SECONDS: Final = 0.25
_RECONNECT: Final = 1012
LOCKED_RECHECK_SECONDS: Final = 5.0
"""How often the session of a locked tab is looked at again, at first."""
LOCKED_RECHECKS_UNTIL_SECONDS: Final = 60.0
"""How long that goes on: longer than use that was noted may wait for its commit (``db.timeouts``)."""
_SIGN_OUT_SECONDS: Final = 4.0
"""How long a page that signs out itself is left to go where that leads, before it is sent elsewhere."""

_PRESS_LOST: Final = (
    "What you did last was not carried out: the connection was lost for so long that the app has forgotten this tab. "
    "Look at the page, and do it again."
)

_log = structlog.get_logger(__name__)


class Tab:
    """One socket, seen from the middle: ``receive`` and ``send`` are what Streamlit gets."""

    def __init__(
        self,
        tabs: Tabs,
        session: Session | None,
        owner: str,
        receive: Receive,
        send: Send,
        *,
        back_to: str,
        claimed: str,
        accepted: Send | None,
        covered: bool,
        charge: Callable[[int], None],
    ) -> None:
        self.owner = owner
        self.session = session
        self._tabs = tabs
        self._receive = receive
        self._charge = charge
        self._out = Outgoing(send, accepted)
        self._shown = tabs.owners.arrive(owner, anonymous=session is None)
        self._seen = self._shown.sessions.get(back_to) or TabState()
        # Drawn with other rights than are held now. A socket before may have gone before it was drawn again.
        self._outdated = self._seen.gate is not PageGate.OPEN
        self._seen.running = False  # whatever ran, Streamlit stops it when a socket goes
        self._seen.take(self._replace)
        self._cover_before = self._seen.cover  # what waits there was pressed in the session that is claimed
        self._injected: deque[Message | back_message.BackMessage] = deque()
        self._navigation: ForwardMsg | None = None  # the pages, as the browser was told of them
        self._wake_event = asyncio.Event()
        self._waiting: asyncio.Task[Message] | None = None
        self._credential = session.secret_hash if session is not None else b""
        self._covered = covered  # its session has expired: nothing goes to and fro
        self._may_hold = not covered  # a socket that was opened with an expired cookie has nothing that waits
        self._resumable_until: datetime | None = None  # when the session can be revived no longer
        self._first = True
        self._recheck_lock = asyncio.Lock()
        self._press_lost = self._loses_press(claimed) if claimed != back_to else False
        self._signed_out = self._is_checked = self._gating = self._id_known = False
        self._leaving = False  # its page said that it signs out
        self._renewed = False  # its session has a secret that is newer than this socket
        self._passed_at = self._checked_at = self._locked_at = 0.0
        self._reconnection = Reconnection(
            claimed, is_granted=bool(back_to), is_active=tabs.is_active, monotonic=self._monotonic
        )

    # What Streamlit sees

    async def receive(self) -> Message:
        """The next message: one of ours, or the browser's once it has passed the gate."""
        while True:
            if self._injected:
                injected = self._injected.popleft()
                return self._hand_over(injected) if isinstance(injected, back_message.BackMessage) else injected
            if self._waiting is None:
                self._waiting = asyncio.ensure_future(awaited(self._receive))
                self._waiting.add_done_callback(self._wake)
            if not self._waiting.done():
                self._wake_event.clear()
                await self._wake_event.wait()
                continue
            waiting, self._waiting = self._waiting, None
            message = waiting.result()
            if message["type"] != "websocket.receive":
                return message
            self._gating = True
            try:
                passed = await self._gate(message)
            finally:
                self._gating = False
            if passed is not None:
                return self._hand_over(passed)

    async def send(self, message: Message) -> None:
        """To the browser; remembers what it shows, and is silent once the tab is over."""
        data = message.get("bytes")
        if message["type"] == "websocket.send" and data is not None and not self._out.is_over:
            replaced = self._record(data)
            if not replaced:
                return
            message = {**message, "bytes": replaced}
        await self._out.send(message, unless=lambda: self._covered and message["type"] == "websocket.send")
        if message["type"] == "websocket.accept":
            self._reconnection.record_accepted()

    async def close(self) -> None:
        """The socket is gone, as far as Streamlit is concerned; a last word to the browser may still be on its way."""
        self._tabs.remove(self)
        self._tabs.owners.leave(self._shown)
        self._seen.release(self._replace)
        if self._waiting is not None:
            self._waiting.cancel()
        await self._out.close()

    # What the watcher does

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be rechecked though no change is known: its time has come, or it was never checked."""
        if self.session is None or not self._out.is_live():
            return False
        if self._covered and self._resumable_until is not None:
            # At first now and then, too: use that was noted in the very moment of the end is seen after it.
            is_recent = self._checked_at - self._locked_at < LOCKED_RECHECKS_UNTIL_SECONDS
            has_waited = self._monotonic() - self._checked_at >= LOCKED_RECHECK_SECONDS
            return now >= self._resumable_until or (is_recent and has_waited)
        if self._seen.cover is not None:
            return True  # what waits for this socket
        due = self._tabs.sessions.lifetimes.ends_at(self.session)
        until = self._seen.grants.until if self._seen.grants is not None else None
        return not self._is_checked or now >= (due if until is None else min(due, until))

    @property
    def has_lost(self) -> bool:
        """Whether what it shows may no longer be shown."""
        return self._seen.gate is not PageGate.OPEN

    @property
    def wants_rerun(self) -> bool:
        """Whether its page is to be drawn again now. When it only gained, not while a run of the user's is cut off."""
        if not self._out.is_live() or self._covered or self._seen.cover:
            return False
        may_draw = self.has_lost or (self._seen.last is not None and not self._is_busy())
        return (self._outdated and may_draw) or self._reconnection.is_stale

    def rerun(self) -> None:
        """Have its page drawn again, without anything that the user did."""
        if self._reconnection.is_stale:
            # Streamlit knows nothing of the page: its browser says which it is, and what was typed there.
            self._reconnection.record_request()
            self._out.tell(forward_message.request_rerun())
        elif self._seen.last is not None:
            self._outdated = False
            self._inject(injected_messages.rerun_like(self._seen.last))
        elif self.has_lost:
            self._close_with(forward_message.redirect(self._current_address()), _GONE)

    async def recheck(self) -> SessionChange:
        """Resolve the session anew: one query. Ends the tab when it is over; says what became of it.

        Raises ``StorageUnavailable``.
        """
        if self.session is None or not self._out.is_live():
            return SessionChange.NONE
        async with self._recheck_lock:
            self._checked_at = self._monotonic()
            session, grants = await self._tabs.in_thread(self._resolve)
            if not self._out.is_live():
                return SessionChange.ENDED
            if session is None:
                return self._end()
            if session.secret_hash != self._credential:
                return self._reconnect()
            return self._hold(session, grants) if grants is not None else self._cover_up(session)

    def _hold(self, session: Session, grants: Grants) -> SessionChange:
        """The session is live, and its person holds ``grants``."""
        self.session, self._is_checked = session, True
        self._tabs.record_gated(session)
        change = self._seen.hold(grants)
        if change is SessionChange.LOST and self._seen.run_on_save is None:
            # Nothing was shown yet, and what is on its way was rendered with the right: the page is loaded again.
            self._close_with(forward_message.redirect(self._current_address()), _GONE)
            return SessionChange.ENDED
        self._outdated = self._outdated or change is not SessionChange.NONE
        if self._seen.cover is not None and not self._reconnection.is_awaited:
            self._uncover()
        return change

    def _end(self) -> SessionChange:
        """The session is over."""
        self._tabs.owners.forget(self.owner)
        self._close_with(
            forward_message.redirect(f"{ENDED_PATH}?return_to={quote(self._current_address(), safe='')}"),
            _GONE,
            # The page that signed out is on the way to the provider. One that is covered cannot say so.
            after_seconds=_SIGN_OUT_SECONDS if self._signed_out and (self._leaving or self._covered) else 0,
        )
        return SessionChange.ENDED

    # The gate

    async def _gate(self, message: Message) -> back_message.BackMessage | None:
        """Let a message through, changed if need be; None when it went no further."""
        sent = await self._parse(message)
        if sent is None or sent.is_sign_out:
            self._leaving = self._leaving or sent is not None
            return None
        if sent.is_catch_up and not self._reconnection.awaits_catch_up:
            return None  # before anything is read from the database for it
        if not self._covered or self._resumable_until is None:
            await self._recheck_or_close()
        if self._may_hold and self._seen.cover is not None and (self._covered or self._renewed):
            self._seen.cover.hold(sent)
        if self._covered or not self._out.is_live():
            return None
        if self._seen.cover is not None and sent.is_rerun:
            self._uncover(sent)
        if sent.is_stop and self.has_lost:
            return None  # a browser does not stop the run that opens the gate
        if sent.operation_id and (self.has_lost or not self._seen.rendered.begin(sent)):
            self._out.tell(forward_message.operation_refused(sent.operation_id))
            return None
        if sent.is_user_action and self.session is not None:
            self._leaving = False  # it is still there, and used
        return sent

    async def _parse(self, message: Message) -> back_message.BackMessage | None:
        """Read a message; None for one that is refused, after which the socket ends unless a browser may send it."""
        try:
            sent = await self._tabs.parse(message.get("bytes"), anonymous=self.session is None)
        except back_message.TooCostly as error:
            self._charge(error.cost)
            _log.info("a socket sent JSON in texts that would hold up everybody", reason="too costly")
            self._out.tell(forward_message.error_dialog(str(error)))
        except back_message.Malformed as error:
            self._charge(error.cost)
            _log.info("a socket sent what no browser of ours sends", reason=str(error))
            self._close_with(None, _PROTOCOL_ERROR)
        else:
            self._charge(sent.cost)
            return sent
        return None

    def _hand_over(self, sent: back_message.BackMessage) -> Message:
        """The message as Streamlit gets it. Nothing happens between this and what Streamlit does about it.

        A run that is to open the gate goes between a stop, so that nothing that waits is put together with it, and a
        mark: Streamlit sends nothing of an earlier run after the mark.
        """
        if sent.is_rerun:
            self._prepare(sent)
            self._reconnection.record_run()
            self._passed_at = self._tabs.monotonic()
            self._outdated = self._outdated and not sent.is_full_rerun
            if self._seen.passes(all_of_it=sent.is_full_rerun):
                marked = injected_messages.mark(run_on_save=bool(self._seen.run_on_save))
                self._injected.extendleft(_to_streamlit(data) for data in reversed((sent.serialize(), *marked)))
                return _to_streamlit(injected_messages.stop())
        return _to_streamlit(sent.serialize())

    async def _recheck_or_close(self) -> None:
        try:
            await self.recheck()
        except StorageUnavailable:
            # Fail closed: the browser asks for its page again, and gets the one that says so and recovers by itself.
            self._close_with(forward_message.redirect(self._current_address()), _GONE)

    # The cover

    def _cover_up(self, session: Session) -> SessionChange:
        """The session has expired, and can be revived: stop what runs, and hide the page."""
        first, self._resumable_until = self._resumable_until is None, self._tabs.sessions.resumption.until(session)
        if not first:
            return SessionChange.EXPIRED
        self._covered, self._locked_at = True, self._monotonic()
        self._seen.cover = self._seen.cover or ExpiryOverlay()
        self._seen.cover.drawn = True
        self._injected.clear()
        self._seen.running = False
        self._inject(_to_streamlit(injected_messages.stop()))
        self._out.tell(forward_message.expiry_overlay(locked=True, channel=self._tabs.channel))
        return SessionChange.EXPIRED

    def _reconnect(self) -> SessionChange:
        """The session has a new secret since this socket was opened: nothing runs here again.

        Its browser reconnects by itself, with the cookie that it has by now. What the person did here last waits with
        the Streamlit session for a socket of the new secret.
        """
        self._renewed = True
        self._seen.cover = self._seen.cover or ExpiryOverlay(drawn=False)
        self._tabs.record_new_secret(self._credential)
        self._close_with(None, _RECONNECT)
        return SessionChange.RECONNECT

    def _uncover(self, sent: back_message.BackMessage | None = None) -> None:
        """The session goes on: let the message through that came too late, once, or draw the page again.

        ``sent``: a run that the browser asks for by itself, of which what waited becomes a part.
        """
        cover, self._seen.cover = self._seen.cover, None
        waited = cover.take() if cover is not None else None
        if waited is not None and cover is self._cover_before and self._reconnection.has_failed:
            waited, self._press_lost = None, True  # it was meant for the session that is gone, and for no other
        self._covered, self._resumable_until, self._first = False, None, True
        if cover is not None and cover.drawn:
            self._out.tell(forward_message.expiry_overlay(locked=False, channel=self._tabs.channel))
        if sent is not None:
            if waited is not None:
                sent.merge_triggers(waited)
        elif waited is not None:
            self._inject(waited)
            self._outdated = self._outdated or not waited.is_full_rerun  # the account corner says a new end
        else:
            self.rerun()

    def _loses_press(self, claimed: str) -> bool:
        """Whether something waits with a Streamlit session that its browser cannot come back to; it is dropped."""
        gone = self._shown.sessions.get(claimed)
        return gone is not None and gone.cover is not None and gone.cover.take() is not None

    def _prepare(self, sent: back_message.BackMessage) -> None:
        """Take out of a run what must not run, and remember how to ask for it again."""
        if self._first:
            self._first = False
            sent.drop_cached_hashes()
        if self._reconnection.needs_whole_run:
            sent.make_full_rerun()
        self._seen.prepare(sent)
        self._seen.last = injected_messages.rerun_like(sent)

    def _resolve(self) -> tuple[Session | None, Grants | None]:
        """The session as it is now and what its person holds. Runs in a thread.

        No grants when it has expired and can be revived; nothing at all when it is over.
        """
        if self.session is None:
            return None, None
        expired = False
        try:
            session: Session | None = self._tabs.sessions.by_ref(self.session.ref)
        except SessionExpired:
            session, expired = self._tabs.sessions.resumption.by_ref(self.session.ref), True
        except Unauthenticated as error:
            self._signed_out = isinstance(error, SignedOut)
            return None, None
        if session is None or session.person.blocked or session.person.subject != self.session.person.subject:
            return None, None
        return session, None if expired else self._tabs.rights.of(session.person.subject, session.policy_version)

    def _record(self, data: bytes) -> bytes:
        """Remember what a message to the browser shows, and how the run that it belongs to fares.

        Returns what the browser is to get in its place; nothing when it is to get nothing.
        """
        message = forward_message.parse(data)
        if message is None:
            return data
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._navigation = message
        elif kind == "new_session":
            session_id = message.new_session.initialize.session_id
            self._seen.rendered.files = self._tabs.media.of(session_id)
            if not self._id_known:
                self._id_known = True
                self._shown.record_session(session_id, self._seen)
        is_for_browser = self._seen.record(message)
        if self._press_lost and kind == "script_finished" and not self._seen.running:
            self._press_lost = False
            self._out.tell(
                forward_message.error_dialog(_PRESS_LOST)
            )  # once the page is drawn: a run takes such a dialog away
        if is_for_browser:
            if self._seen.gate is PageGate.OPEN:
                self._seen.rendered.record_media(data)
            return data
        operation = message.backend_operation_response.request_id
        return forward_message.operation_refused(operation) if operation else b""

    def _monotonic(self) -> float:
        return self._tabs.monotonic()

    def _replace(self) -> None:
        """Another socket goes on with the Streamlit session: what is still on its way here counts for nothing."""
        self._close_with(None, _GONE)

    def _is_busy(self) -> bool:
        """Whether something of the person's is under way, or may be."""
        waits = self._waiting is not None and self._waiting.done()
        under_way = self._seen.running or self._gating or waits or bool(self._injected)
        return under_way or self._tabs.monotonic() - self._passed_at < _QUIET_SECONDS

    def _inject(self, message: Message | back_message.BackMessage) -> None:
        self._injected.append(message)
        self._wake_event.set()

    def _wake(self, _: object) -> None:
        self._wake_event.set()

    def _close_with(self, last_word: bytes | None, code: int, *, after_seconds: float = 0) -> None:
        """End it here and now for Streamlit, which stops the run; then tell the browser, if it listens."""
        if self._out.is_over:
            return
        self._out.leave(last_word, code, after_seconds=after_seconds)
        self._seen.release(self._replace)
        self._injected.clear()
        self._inject({"type": "websocket.disconnect", "code": code})

    def _current_address(self) -> str:
        """The address of the page the tab is on, query included."""
        if self._seen.last is None:
            return "/"
        asked = self._seen.last.message.rerun_script
        try:
            # A click in the navigation still says the address of the page before.
            pages = forward_message.page_paths(self._navigation) if self._navigation is not None else {}
            path = pages.get(asked.page_script_hash) or urlsplit(asked.context_info.url).path
        except ValueError:
            path = "/"
        return safe_return_to(f"{path}?{asked.query_string}" if asked.query_string else path)


def _to_streamlit(data: bytes) -> Message:
    return {"type": "websocket.receive", "bytes": data}
