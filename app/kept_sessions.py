"""The Streamlit sessions without a socket, which a browser that reconnects goes on with: bounded for each user.

Streamlit (1.67) keeps the latest 128 of all users, so that whoever opens and closes sockets, without signing in too,
has those of everybody else dropped: their state is lost, and so is what they pressed while they had no connection.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streamlit.runtime.runtime import Runtime
from streamlit.runtime.session_manager import SessionInfo, SessionStorage

MAX_ANONYMOUS: Final = 128


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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``per_user``: how many of one user are kept; ``signed_in``: of all users; ``anonymous``: of all others."""
        self._ttl_seconds = ttl_seconds
        self._per_user = per_user
        self._signed_in = signed_in
        self._anonymous = anonymous
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._by_user: dict[str, OrderedDict[str, None]] = {}

    def get(self, session_id: str) -> SessionInfo | None:
        """The session, unless it was kept for too long."""
        self._expire()
        kept = self._kept.get(session_id)
        return kept.info if kept is not None else None

    def save(self, session_info: SessionInfo) -> None:
        """Keep a session that has lost its socket; the oldest of its user goes when there are too many."""
        session_id, user = session_info.session.id, _user_of(session_info)
        self.delete(session_id)
        self._expire()
        self._kept[session_id] = _Kept(session_info, user, self._monotonic() + self._ttl_seconds)
        own = self._by_user.setdefault(user, OrderedDict())
        own[session_id] = None
        if len(own) > (self._per_user if user else self._anonymous):
            self.delete(next(iter(own)))
        if len(self._kept) - len(self._by_user.get("", ())) > self._signed_in:
            self.delete(next(kept_id for kept_id, kept in self._kept.items() if kept.user))

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
        self._expire()
        return [kept.info for kept in self._kept.values()]

    def _expire(self) -> None:
        now = self._monotonic()
        for session_id, kept in list(self._kept.items()):  # in the order in which they expire
            if now < kept.until:
                return
            self.delete(session_id)


def keep_sessions(runtime: Runtime, sessions: KeptSessions) -> None:
    """Have ``runtime`` keep its sessions here. Before the first socket: what it has kept so far is forgotten.

    ``st.App`` (1.67) makes the configuration of its runtime itself, and takes no storage.
    """
    manager = runtime._session_mgr  # noqa: SLF001 - nothing public leads there
    manager._session_storage = sessions  # type: ignore[attr-defined] # noqa: SLF001 - as above


def _user_of(session_info: SessionInfo) -> str:
    """Whose session it is, by the word of the socket guard; "" for an anonymous one."""
    return str(session_info.session._user_info.get("iss_sub") or "")  # noqa: SLF001 - as above
