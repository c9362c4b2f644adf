"""The tabs of this process and their owners: which file, upload or Streamlit session belongs to whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import structlog
from starlette.types import Receive, Send

from app.core.records import Session
from app.core.rights import Rights
from component.limits.admission import SocketLimits
from component.limits.bounded_dict import put_newest
from component.protocol import back_message
from component.protocol.back_message import BackMessage
from component.protocol.file_addresses import media_id_of, upload_session_of
from component.session.service import SessionService
from component.socket.handshake import Handshake
from component.socket.media_files import MediaFiles
from component.socket.tab import Tab
from component.socket.tab_state import TabOwners, TabState
from component.socket.thread_pool import ThreadPool
from component.socket.upload_limits import Uploads
from component.socket.upload_totals import UploadTotals

_THREADS: Final = 16
_RECENT_SECONDS: Final = 1.0
MAX_NEW_SECRETS: Final = 2048
_COOKIE_SECONDS: Final = 10.0
"""How long a browser may take to receive the cookie with a session's new secret."""
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Tabs:
    """Every live tab of this process, and the state of each owner's tabs. Lives on the event loop."""

    def __init__(
        self,
        sessions: SessionService,
        rights: Rights,
        *,
        channel: str = "",
        limits: SocketLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``channel``: as ``Cookies.tabs``."""
        self.limits = limits or SocketLimits()
        self.monotonic = monotonic
        self.channel = channel
        self.sessions = sessions
        self.rights = rights
        self.owners = TabOwners()
        self.media = MediaFiles()
        self.upload_totals = UploadTotals()
        self.is_active: Callable[[str], bool] = lambda _: True
        """Whether a Streamlit session has a socket now, according to Streamlit; set when the app starts."""
        self._threads = ThreadPool(_THREADS, name="tabs")
        self._live: dict[Tab, None] = {}
        self._recently_checked: dict[str, tuple[float, Session]] = {}
        self._new_secrets: dict[bytes, float] = {}

    def __iter__(self) -> Iterator[Tab]:
        return iter(list(self._live))

    def __len__(self) -> int:
        return len(self._live)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run a database query off the event loop, in threads reserved for the tabs: every message needs one."""
        return await self._threads.run(work)

    async def parse(self, data: bytes | None, *, is_anonymous: bool) -> BackMessage:
        """Parse a browser's message within the limits, a long one off the event loop.

        Raises:
            Malformed: The message is refused (``back_message``).
        """
        limits = self.limits
        max_bytes = limits.anonymous_message_bytes if is_anonymous else limits.message_bytes

        def read() -> BackMessage:
            message = back_message.parse(data, max_bytes=max_bytes)
            if message.is_rerun and message.replace_unreadable(max_cost=limits.message_values):
                _log.info("a socket sent JSON that our front end never sends")
            return message

        return read() if len(data or b"") <= back_message.ON_LOOP_BYTES else await self.in_thread(read)

    def record_checked(self, session: Session) -> None:
        """Record a session that was just checked, for the run that a message, or the watcher, requests."""
        self._recently_checked[session.ref] = (self.monotonic(), session)

    def recently_checked(self, ref: str) -> Session | None:
        """The session as checked a moment ago; None when it was not.

        For what a run shows around its page; guards read from storage.
        """
        known = self._recently_checked.get(ref)
        return known[1] if known is not None and self.monotonic() - known[0] <= _RECENT_SECONDS else None

    def record_new_secret(self, old_hash: bytes) -> None:
        """Record that a session has a new secret in place of the one with this hash."""
        put_newest(self._new_secrets, old_hash, self.monotonic(), MAX_NEW_SECRETS)

    def has_new_secret(self, old_hash: bytes) -> bool:
        """Whether a browser with this secret may have the new one in a moment: the response is on its way."""
        return self.monotonic() - self._new_secrets.get(old_hash, -_COOKIE_SECONDS) < _COOKIE_SECONDS

    async def may_fetch(self, session: Session | None, owner: str, path: str) -> bool:
        """Whether ``owner`` was shown the file at ``path``, and its user has lost no right since.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        media_id, owner_tabs = media_id_of(path), self.owners.get(owner)
        if media_id is None or owner_tabs is None or not owner_tabs.may_fetch(media_id, None):
            return False
        if session is None:
            return True
        subject, version = session.person.subject, session.policy_version
        return owner_tabs.may_fetch(media_id, await self.in_thread(lambda: self.rights.of(subject, version)))

    def may_upload(self, owner: str, path: str) -> bool:
        """Whether ``path`` uploads into a Streamlit session of ``owner``."""
        owner_tabs = self.owners.get(owner)
        return owner_tabs is not None and upload_session_of(path) in owner_tabs.sessions

    def uploads(self, owner: str, path: str) -> Uploads | None:
        """The uploads of the Streamlit session of ``owner`` in ``path``; None for any other path."""
        session_id = upload_session_of(path) or ""
        state = self._state(owner, session_id)
        if state is None:
            return None
        self.upload_totals.add(session_id, state.uploads)
        return state.uploads

    def may_resume(self, owner: str, session_id: str) -> bool:
        """Whether this Streamlit session was the owner's in this process, and can be resumed."""
        state = self._state(owner, session_id)
        return state is not None and state.may_be_resumed

    def _state(self, owner: str, session_id: str) -> TabState | None:
        owner_tabs = self.owners.get(owner)
        return owner_tabs.sessions.get(session_id) if owner_tabs is not None else None

    def open(
        self,
        handshake: Handshake,
        receive: Receive,
        send: Send,
        *,
        send_accepted: Send | None = None,
        charge: Callable[[int], None] = lambda _: None,
    ) -> Tab:
        """Open the tab of a handshake; ``Tab.close`` removes it.

        Args:
            handshake: The handshake.
            receive: ASGI.
            send: ASGI.
            send_accepted: Replaces ``send`` once the socket is accepted.
            charge: Receives the cost of parsing each message.
        """
        tab = Tab(self, handshake, receive, send, send_accepted=send_accepted, charge=charge)
        self._live[tab] = None
        return tab

    def remove(self, tab: Tab) -> None:
        """Remove a tab."""
        self._live.pop(tab, None)
        if tab.session is not None:
            self._recently_checked.pop(tab.session.ref, None)
