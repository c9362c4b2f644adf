"""What the tabs of this process share: services, limits, the state of each owner, threads and recent checks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from app.core.records import Session
from app.core.rights import Rights
from component.limits.admission import SocketLimits
from component.limits.bounded_dict import put_newest
from component.protocol import back_message
from component.protocol.back_message import BackMessage
from component.session.service import SessionService
from component.socket.media_files import MediaFiles
from component.socket.tab_state import TabOwners
from component.socket.thread_pool import ThreadPool
from component.socket.upload_totals import UploadTotals

_THREADS: Final = 16
_RECENT_SECONDS: Final = 1.0
MAX_NEW_SECRETS: Final = 2048
_COOKIE_SECONDS: Final = 10.0
"""How long a browser may take to receive the cookie with a session's new secret."""
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class SharedState:
    """The state that the tabs of one process share. Lives on the event loop."""

    def __init__(
        self,
        sessions: SessionService,
        rights: Rights,
        *,
        broadcast_channel: str = "",
        limits: SocketLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``broadcast_channel``: as ``Cookies.broadcast_channel``."""
        self.limits = limits or SocketLimits()
        self.monotonic = monotonic
        self.broadcast_channel = broadcast_channel
        self.sessions = sessions
        self.rights = rights
        self.owners = TabOwners()
        self.media = MediaFiles()
        self.upload_totals = UploadTotals()
        self.is_active: Callable[[str], bool] = lambda _: True
        """Whether a Streamlit session has a socket now, according to Streamlit; set when the app starts."""
        self._threads = ThreadPool(_THREADS, name="tabs")
        self._recently_checked: dict[str, tuple[float, Session]] = {}
        self._new_secrets: dict[bytes, float] = {}

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

    def drop_checked(self, ref: str) -> None:
        """Drop the recorded check of a session."""
        self._recently_checked.pop(ref, None)

    def record_new_secret(self, old_hash: bytes) -> None:
        """Record that a session has a new secret in place of the one with this hash."""
        put_newest(self._new_secrets, old_hash, self.monotonic(), MAX_NEW_SECRETS)

    def has_new_secret(self, old_hash: bytes) -> bool:
        """Whether a browser with this secret may have the new one in a moment: the response is on its way."""
        return self.monotonic() - self._new_secrets.get(old_hash, -_COOKIE_SECONDS) < _COOKIE_SECONDS
