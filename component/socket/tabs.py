"""The tabs of this process, and what is true of their owners: which file, upload or Streamlit session is whose."""

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
from component.protocol import back_message, file_addresses
from component.session.service import Sessions
from component.socket.media_files import MediaFiles
from component.socket.tab import Tab
from component.socket.tab_state import TabOwners
from component.socket.thread_pool import ThreadPool
from component.socket.upload_limits import Uploads
from component.socket.upload_totals import UploadTotals

_THREADS: Final = 16
_GATED_SECONDS: Final = 1.0
MAX_NEW_SECRETS: Final = 2048
_ON_ITS_WAY_SECONDS: Final = 10.0
"""How long a browser may take to get the cookie with the new secret of a session that goes on."""
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Tabs:
    """Every live tab of this process, and what each owner was shown. Lives on the event loop."""

    def __init__(
        self,
        sessions: Sessions,
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
        """Whether a Streamlit session has a socket now, as Streamlit says; set where the app starts."""
        self._workers = ThreadPool(_THREADS, name="tabs")
        self._live: dict[Tab, None] = {}
        self._gated: dict[str, tuple[float, Session]] = {}
        self._renewed: dict[bytes, float] = {}

    def __iter__(self) -> Iterator[Tab]:
        return iter(list(self._live))

    def __len__(self) -> int:
        return len(self._live)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do what asks the database, off the event loop, in threads of the tabs' own: this is for every message."""
        return await self._workers.run(work)

    async def parse(self, data: bytes | None, *, anonymous: bool) -> back_message.BackMessage:
        """Read a browser's message within the limits, a long one off the event loop. Raises ``wire.Malformed``."""
        limits = self.limits
        most = limits.anonymous_message_bytes if anonymous else limits.message_bytes

        def read() -> back_message.BackMessage:
            sent = back_message.parse(data, max_bytes=most)
            if sent.is_rerun and sent.replace_unreadable(max_cost=limits.message_values):
                _log.info("a socket sent JSON that no browser of ours sends")
            return sent

        return read() if len(data or b"") <= back_message.ON_LOOP_BYTES else await self.in_thread(read)

    def record_gated(self, session: Session) -> None:
        """Remember how a session was just resolved, for the run that a message, or the watcher, asks for."""
        self._gated[session.ref] = (self.monotonic(), session)

    def gated(self, ref: str) -> Session | None:
        """The session as the gate resolved it a moment ago; None when that is too long ago, or never was.

        For what a run shows around its page; whatever is guarded reads afresh.
        """
        known = self._gated.get(ref)
        return known[1] if known is not None and self.monotonic() - known[0] <= _GATED_SECONDS else None

    def record_new_secret(self, credential: bytes) -> None:
        """Remember that a session has a new secret in place of the one with this hash."""
        put_newest(self._renewed, credential, self.monotonic(), MAX_NEW_SECRETS)

    def has_new_secret(self, credential: bytes) -> bool:
        """Whether a browser that comes with this secret may have its new one in a moment: the answer is on its way."""
        return self.monotonic() - self._renewed.get(credential, -_ON_ITS_WAY_SECONDS) < _ON_ITS_WAY_SECONDS

    async def may_fetch(self, session: Session | None, owner: str, path: str) -> bool:
        """Whether the file at ``path`` was shown to ``owner``, who has lost nothing since.

        Raises ``StorageUnavailable``.
        """
        asked, shown = file_addresses.media_id_of(path), self.owners.get(owner)
        if asked is None or shown is None or not shown.may_fetch(asked, None):
            return False
        if session is None:
            return True
        of, version = session.person.subject, session.policy_version
        return shown.may_fetch(asked, await self.in_thread(lambda: self.rights.of(of, version)))

    def may_upload(self, owner: str, path: str) -> bool:
        """Whether ``path`` uploads into a Streamlit session of ``owner``."""
        shown = self.owners.get(owner)
        return shown is not None and file_addresses.upload_session_of(path) in shown.sessions

    def uploads(self, owner: str, path: str) -> Uploads | None:
        """What the Streamlit session of ``owner`` that ``path`` is about has taken in; None for any other path."""
        shown = self.owners.get(owner)
        session_id = file_addresses.upload_session_of(path) or ""
        seen = shown.sessions.get(session_id) if shown is not None else None
        if seen is None:
            return None
        self.upload_totals.add(session_id, seen.uploads)
        return seen.uploads

    def may_resume(self, owner: str, session_id: str) -> bool:
        """Whether this process has had ``owner`` in this Streamlit session, and it can go on from there."""
        shown = self.owners.get(owner)
        seen = shown.sessions.get(session_id) if shown is not None else None
        return seen is not None and seen.may_be_resumed

    def open(
        self,
        session: Session | None,
        owner: str,
        receive: Receive,
        send: Send,
        *,
        back_to: str = "",
        claimed: str = "",
        accepted: Send | None = None,
        covered: bool = False,
        charge: Callable[[int], None] = lambda _: None,
    ) -> Tab:
        """A new tab; ``Tab.close`` takes it out again.

        ``back_to``: the Streamlit session it comes back to, if any. ``claimed``: the one that its browser asks for, if
        it may come back to it or not.

        ``accepted``: what sends once the socket is accepted, where ``send`` does more only up to then. ``covered``: the
        session has expired, and can be revived. ``charge``: gets what reading the JSON of a message has cost.
        """
        tab = Tab(
            self,
            session,
            owner,
            receive,
            send,
            back_to=back_to,
            claimed=claimed or back_to,
            accepted=accepted,
            covered=covered,
            charge=charge,
        )
        self._live[tab] = None
        return tab

    def remove(self, tab: Tab) -> None:
        """Forget a tab."""
        self._live.pop(tab, None)
        if tab.session is not None:
            self._gated.pop(tab.session.ref, None)
