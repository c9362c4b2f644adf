"""Stores Streamlit sessions without a socket, for browsers that reconnect, with a limit for each user.

Streamlit (1.67) stores the latest 128 sessions of all users. A client that opens and closes sockets, even without
signing in, displaces those of other users, whose state and last input are lost. Streamlit also drops sessions without
shutting them down, so that their uploaded files stay until Python collects the reference cycle.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from streamlit.runtime.runtime import Runtime
from streamlit.runtime.session_manager import SessionInfo, SessionStorage

from component.socket.upload_limits import MAX_UPLOAD_BYTES
from component.socket.upload_totals import UploadTotals

MAX_ANONYMOUS: Final = 128
EXPIRE_EVERY_SECONDS: Final = 15.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _StoredSession:
    info: SessionInfo
    user: str
    expires_at: float


class DisconnectedSessions(SessionStorage):
    """The session storage for Streamlit's session manager. Only for the event loop, like Streamlit's own storage."""

    def __init__(
        self,
        *,
        ttl_seconds: float,
        per_user: int,
        signed_in: int,
        anonymous: int = MAX_ANONYMOUS,
        uploaded_bytes: Callable[[str], int] = lambda _: 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create an empty storage.

        Args:
            ttl_seconds: How long a session is stored.
            per_user: Maximum number of sessions of one user.
            signed_in: Maximum number of sessions of all signed-in users.
            anonymous: Maximum number of anonymous sessions.
            uploaded_bytes: Returns the size of a session's uploads.
            monotonic: The clock, in seconds.
        """
        self._ttl_seconds = ttl_seconds
        self._per_user = per_user
        self._signed_in = signed_in
        self._anonymous = anonymous
        self._uploaded_bytes = uploaded_bytes
        self._monotonic = monotonic
        self._stored: OrderedDict[str, _StoredSession] = OrderedDict()
        self._by_user: dict[str, OrderedDict[str, None]] = {}

    def get(self, session_id: str) -> SessionInfo | None:
        """The session; None if it has expired or was never stored."""
        self.expire()
        stored = self._stored.get(session_id)
        return stored.info if stored is not None else None

    def save(self, session_info: SessionInfo) -> None:
        """Store a session that has lost its socket.

        Shuts down the user's oldest session if there are too many, and the oldest with uploads if these are too large.
        """
        session_id, user = session_info.session.id, _user_of(session_info)
        self.delete(session_id)
        self.expire()
        self._stored[session_id] = _StoredSession(session_info, user, self._monotonic() + self._ttl_seconds)
        own = self._by_user.setdefault(user, OrderedDict())
        own[session_id] = None
        if len(own) > (self._per_user if user else self._anonymous):
            self.shut_down(next(iter(own)))
        if len(self._stored) - len(self._by_user.get("", ())) > self._signed_in:
            self.shut_down(next(stored_id for stored_id, stored in self._stored.items() if stored.user))
        self._bound_uploads(own)

    def delete(self, session_id: str) -> None:
        """Remove a session if it is stored."""
        stored = self._stored.pop(session_id, None)
        if stored is None:
            return
        own = self._by_user[stored.user]
        del own[session_id]
        if not own:
            del self._by_user[stored.user]

    def list(self) -> list[SessionInfo]:
        """All stored sessions."""
        self.expire()
        return [stored.info for stored in self._stored.values()]

    def ids(self) -> tuple[str, ...]:
        """The ids of all stored sessions, the oldest first."""
        return tuple(self._stored)

    def shut_down(self, session_id: str) -> None:
        """Remove a session and release its state and its uploaded files now."""
        stored = self._stored.get(session_id)
        if stored is None:
            return
        self.delete(session_id)
        try:
            stored.info.session.shutdown()
        except Exception:  # noqa: BLE001 - a failing handler of the app must not affect other sessions
            _log.exception("a Streamlit session without a socket could not be shut down")

    def expire(self) -> None:
        """Shut down the expired sessions."""
        now = self._monotonic()
        for session_id, stored in list(self._stored.items()):  # in the order in which they expire
            if now < stored.expires_at:
                return
            self.shut_down(session_id)

    def _bound_uploads(self, own: OrderedDict[str, None]) -> None:
        """Shut down the oldest sessions of one user while all their uploads exceed the limit of one session."""
        sizes = {session_id: self._uploaded_bytes(session_id) for session_id in own}
        excess = sum(sizes.values()) - MAX_UPLOAD_BYTES
        for session_id, size in sizes.items():
            if excess <= 0:
                return
            if size:
                self.shut_down(session_id)
                excess -= size


class RuntimeSessions:
    """The sessions of ``runtime`` for the totals of uploads (``StoredSessions``)."""

    def __init__(self, runtime: Runtime, stored: DisconnectedSessions) -> None:
        self._runtime = runtime
        self._stored = stored

    def is_stored(self, session_id: str) -> bool:
        """Whether a session has a socket, or is stored for its reconnection."""
        return self._runtime.is_active_session(session_id) or session_id in self._stored.ids()

    def without_socket(self) -> tuple[str, ...]:
        """The ids of the sessions that are stored for their reconnection, the oldest first."""
        return self._stored.ids()

    def shut_down(self, session_id: str) -> None:
        """Shut down a stored session."""
        self._stored.shut_down(session_id)

    def remove_files(self, session_id: str) -> None:
        """Remove the uploaded files of a session that has ended."""
        self._runtime.uploaded_file_mgr.remove_session_files(session_id)


async def expire_regularly(
    sessions: DisconnectedSessions, uploads: UploadTotals, *, every_seconds: float = EXPIRE_EVERY_SECONDS
) -> None:
    """Shut down expired sessions regularly, also while no socket opens or closes, until cancelled."""
    while True:
        await asyncio.sleep(every_seconds)
        sessions.expire()
        uploads.drop_ended()


def store_sessions_in(runtime: Runtime, sessions: DisconnectedSessions) -> None:
    """Let ``runtime`` use this storage. Call it before the first socket: sessions in the old storage are dropped.

    ``st.App`` (1.67) creates the configuration of its runtime itself and has no option for the storage.
    """
    manager = runtime._session_mgr  # noqa: SLF001 - no public name
    manager._session_storage = sessions  # type: ignore[attr-defined] # noqa: SLF001 - as above


def _user_of(session_info: SessionInfo) -> str:
    """The user of a session according to the identity middleware; empty for an anonymous one."""
    return str(session_info.session._user_info.get("iss_sub") or "")  # noqa: SLF001 - as above
