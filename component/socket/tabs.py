"""The tabs of this process and their owners: which file, upload or Streamlit session belongs to whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from starlette.types import Receive, Send

from app.core.records import Session
from app.core.rights import Rights
from component.limits.admission import SocketLimits
from component.protocol.file_paths import media_id_of, upload_session_of
from component.session.service import SessionService
from component.socket.handshake import Handshake
from component.socket.shared_state import SharedState
from component.socket.tab import Tab
from component.socket.tab_state import TabState
from component.socket.upload_limits import Uploads


class Tabs(SharedState):
    """Every live tab of this process, and the state that they share. Lives on the event loop."""

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
        super().__init__(sessions, rights, broadcast_channel=broadcast_channel, limits=limits, monotonic=monotonic)
        self._live: dict[Tab, None] = {}

    def __iter__(self) -> Iterator[Tab]:
        return iter(list(self._live))

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

    def may_reattach(self, owner: str, session_id: str) -> bool:
        """Whether this Streamlit session was the owner's in this process, and a socket can be reattached to it."""
        state = self._state(owner, session_id)
        return state is not None and state.may_be_reattached

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
        tab = Tab(self, handshake, receive, send, send_accepted=send_accepted, charge=charge, on_close=self._remove)
        self._live[tab] = None
        return tab

    def _remove(self, tab: Tab) -> None:
        self._live.pop(tab, None)
        if tab.session is not None:
            self.drop_checked(tab.session.ref)
