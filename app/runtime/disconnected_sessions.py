"""The Streamlit sessions without a socket, which a browser that reconnects goes on with: bounded for each user.

Streamlit (1.67) keeps the latest 128 of all users. A client that opens and closes sockets, even without signing in,
gets those of everybody else dropped: their state is lost, and so is what they pressed while they had no connection.
And it drops them without shutting them down, so that their uploaded files stay until Python collects the cycle.
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
class _Kept:
    info: SessionInfo
    user: str
    until: float


class KeptSessions(SessionStorage):
    """Streamlit's storage of sessions. Used on the event loop, as Streamlit's own is."""

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
        """Keep none yet.

        Args:
            ttl_seconds: How long each is kept.
            per_user: How many of one user are kept.
            signed_in: How many of all users.
            anonymous: How many of all others.
            uploaded_bytes: What a session keeps of uploads.
            monotonic: The clock.
        """
        self._ttl_seconds = ttl_seconds
        self._per_user = per_user
        self._signed_in = signed_in
        self._anonymous = anonymous
        self._uploaded_bytes = uploaded_bytes
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._by_user: dict[str, OrderedDict[str, None]] = {}

    def get(self, session_id: str) -> SessionInfo | None:
        """The session, unless it was kept for too long."""
        self.expire()
        kept = self._kept.get(session_id)
        return kept.info if kept is not None else None

    def save(self, session_info: SessionInfo) -> None:
        """Keep a session that has lost its socket.

        The oldest of its user goes when there are too many, and the oldest with uploads when these are too large.
        """
        session_id, user = session_info.session.id, _user_of(session_info)
        self.delete(session_id)
        self.expire()
        self._kept[session_id] = _Kept(session_info, user, self._monotonic() + self._ttl_seconds)
        own = self._by_user.setdefault(user, OrderedDict())
        own[session_id] = None
        if len(own) > (self._per_user if user else self._anonymous):
            self.shut_down(next(iter(own)))
        if len(self._kept) - len(self._by_user.get("", ())) > self._signed_in:
            self.shut_down(next(kept_id for kept_id, kept in self._kept.items() if kept.user))
        self._bound_uploads(own)

    def delete(self, session_id: str) -> None:
        """Let go of a session; harmless when there is none."""
        kept = self._kept.pop(session_id, None)
        if kept is None:
            return
        own = self._by_user[kept.user]
        del own[session_id]
        if not own:
            del self._by_user[kept.user]

    def list(self) -> list[SessionInfo]:
        """All that are kept."""
        self.expire()
        return [kept.info for kept in self._kept.values()]

    def ids(self) -> tuple[str, ...]:
        """The ids of all that are kept, the oldest first."""
        return tuple(self._kept)

    def shut_down(self, session_id: str) -> None:
        """Let go of a session for good: what it keeps, its uploaded files too, is released now."""
        kept = self._kept.get(session_id)
        if kept is None:
            return
        self.delete(session_id)
        try:
            kept.info.session.shutdown()
        except Exception:  # noqa: BLE001 - what the app does at the end of a session must not stop others
            _log.exception("a Streamlit session without a socket could not be shut down")

    def expire(self) -> None:
        """Shut down what was kept for too long."""
        now = self._monotonic()
        for session_id, kept in list(self._kept.items()):  # in the order in which they expire
            if now < kept.until:
                return
            self.shut_down(session_id)

    def _bound_uploads(self, own: OrderedDict[str, None]) -> None:
        """Shut down the oldest sessions of one user while their uploads are more than one session may take in."""
        sizes = {session_id: self._uploaded_bytes(session_id) for session_id in own}
        excess = sum(sizes.values()) - MAX_UPLOAD_BYTES
        for session_id, size in sizes.items():
            if excess <= 0:
                return
            if size:
                self.shut_down(session_id)
                excess -= size


class RuntimeSessions:
    """The sessions of ``runtime``, as the totals of uploads see them (``StoredSessions``)."""

    def __init__(self, runtime: Runtime, kept: KeptSessions) -> None:
        self._runtime = runtime
        self._kept = kept

    def is_stored(self, session_id: str) -> bool:
        """Whether a session has a socket, or is kept for its reconnection."""
        return self._runtime.is_active_session(session_id) or session_id in self._kept.ids()

    def without_socket(self) -> tuple[str, ...]:
        """The ids of the sessions that are kept for their reconnection, the oldest first."""
        return self._kept.ids()

    def shut_down(self, session_id: str) -> None:
        """Shut down a session that is kept."""
        self._kept.shut_down(session_id)

    def remove_files(self, session_id: str) -> None:
        """Remove the uploaded files of a session that is gone."""
        self._runtime.uploaded_file_mgr.remove_session_files(session_id)


async def expire_regularly(
    sessions: KeptSessions, uploads: UploadTotals, *, every_seconds: float = EXPIRE_EVERY_SECONDS
) -> None:
    """Release what sessions keep whose time is over, also when no socket comes or goes; until cancelled."""
    while True:
        await asyncio.sleep(every_seconds)
        sessions.expire()
        uploads.drop_ended()


def keep_sessions(runtime: Runtime, sessions: KeptSessions) -> None:
    """Have ``runtime`` keep its sessions here. Before the first socket: what it has kept so far is forgotten.

    ``st.App`` (1.67) makes the configuration of its runtime itself, and takes no storage.
    """
    manager = runtime._session_mgr  # noqa: SLF001 - nothing public leads there
    manager._session_storage = sessions  # type: ignore[attr-defined] # noqa: SLF001 - as above


def _user_of(session_info: SessionInfo) -> str:
    """Whose session it is, by the word of the socket guard; "" for an anonymous one."""
    return str(session_info.session._user_info.get("iss_sub") or "")  # noqa: SLF001 - as above
