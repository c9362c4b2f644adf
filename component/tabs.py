"""The tabs of this process: each socket's own gate, which every message passes, and what was shown to whom.

A tab belongs to a session (or to nobody). Every message of its browser resolves the session first; the watcher reaches
it between messages. What a tab was sent (media, its Streamlit session) is remembered for its owner, so that files
are given out and taken in for that owner only.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from urllib.parse import quote, urlsplit

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.types import Message, Receive, Send

from app.core.errors import StorageUnavailable, Unauthenticated
from app.core.policy import Grants
from app.core.records import Session
from app.core.rights import Rights
from component import wire
from component.sessions import Sessions

ENDED_PATH: Final = "/auth/ended"
"""Says why a session is over, and leads back; it looks the reason up by the browser's own cookie."""

_GONE: Final = 1008
_PROTOCOL_ERROR: Final = 1002
_KEPT_OWNERS: Final = 2048
_KEPT_MEDIA: Final = 4096

_log = structlog.get_logger(__name__)


class Change(Enum):
    """What became of a tab's session and rights since it last looked."""

    NONE = "none"
    CHANGED = "changed"  # something else is held, and nothing is lost
    LOST = "lost"
    ENDED = "ended"


@dataclass(slots=True)
class Shown:
    """What an owner (a session, or an anonymous browser) was sent. Bounded: the oldest are forgotten."""

    media: OrderedDict[str, None] = field(default_factory=OrderedDict)
    streamlit_sessions: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def note(self, data: bytes) -> None:
        """Remember the addresses in a message to the browser."""
        for media in wire.media_in(data):
            self.media[media] = None
            self.media.move_to_end(media)
            if len(self.media) > _KEPT_MEDIA:
                self.media.popitem(last=False)


class Tabs:
    """Every live tab of this process, and what each owner was shown. Lives on the event loop."""

    def __init__(self, sessions: Sessions, rights: Rights) -> None:
        self.sessions = sessions
        self.rights = rights
        self.threads = CapacityLimiter(16)
        self._live: dict[int, Tab] = {}
        self._shown: OrderedDict[str, Shown] = OrderedDict()

    def __iter__(self) -> Iterator[Tab]:
        return iter(list(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def shown_to(self, owner: str) -> Shown:
        """What ``owner`` was shown; an empty, kept record where there was none."""
        shown = self._shown.setdefault(owner, Shown())
        self._shown.move_to_end(owner)
        if len(self._shown) > _KEPT_OWNERS:
            in_use = {tab.owner for tab in self}
            for other in [other for other in self._shown if other not in in_use][: len(self._shown) - _KEPT_OWNERS]:
                del self._shown[other]
        return shown

    def may_have_media(self, owner: str, path: str) -> bool:
        """Whether the file at ``path`` was shown to ``owner``."""
        asked, shown = wire.media_asked(path), self._shown.get(owner)
        return asked is not None and shown is not None and asked in shown.media

    def may_upload(self, owner: str, path: str) -> bool:
        """Whether ``path`` uploads into a Streamlit session of ``owner``."""
        asked, shown = wire.upload_session_asked(path), self._shown.get(owner)
        return asked is not None and shown is not None and asked in shown.streamlit_sessions

    def open(self, session: Session | None, owner: str, receive: Receive, send: Send) -> Tab:
        """A new tab; ``Tab.close`` takes it out again."""
        tab = Tab(self, session, owner, receive, send)
        self._live[id(tab)] = tab
        return tab

    def close(self, tab: Tab) -> None:
        """Forget a tab."""
        self._live.pop(id(tab), None)


class Tab:
    """One socket, seen from the middle: ``receive`` and ``send`` are what Streamlit gets."""

    def __init__(self, tabs: Tabs, session: Session | None, owner: str, receive: Receive, send: Send) -> None:
        self.owner = owner
        self.session = session
        self._tabs = tabs
        self._receive = receive
        self._send = send
        self._shown = tabs.shown_to(owner)
        self._grants: Grants | None = None
        self._injected: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting: asyncio.Task[Message] | None = None
        self._last: wire.FromBrowser | None = None
        self._first = True
        self._sending = asyncio.Lock()
        self._over = False
        self._streamlit_session_known = False

    # What Streamlit sees

    async def receive(self) -> Message:
        """The next message: the browser's, once it has passed the gate, or one of ours."""
        while True:
            message = await self._next()
            if message["type"] != "websocket.receive" or message.get("gatehouse"):
                return message
            passed = await self._gate(message)
            if passed is not None:
                return passed

    async def send(self, message: Message) -> None:
        """To the browser; remembers what it shows, and is silent once the tab is over."""
        data = message.get("bytes")
        if message["type"] == "websocket.send" and data is not None:
            self._shown.note(data)
            if not self._streamlit_session_known:
                self._learn_session(data)
        async with self._sending:
            if not self._over:
                await self._send(message)

    def close(self) -> None:
        """The socket is gone."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._tabs.close(self)

    # What the watcher does

    async def end(self) -> None:
        """Send the tab to the page that says why, stop its run, and close it. Harmless when repeated."""
        async with self._sending:
            if self._over:
                return
            self._over = True
            await self._send({"type": "websocket.send", "bytes": wire.go_to(self._ended_address())})
            await self._send({"type": "websocket.close", "code": _GONE})
        self._injected.put_nowait(_ours(wire.stop_script()))
        self._injected.put_nowait({"type": "websocket.disconnect", "code": _GONE})

    @property
    def due_at(self) -> datetime | None:
        """When time alone changes something: the session's limits, or a grant that expires. None for nobody's tab."""
        if self.session is None or self._over:
            return None
        idle = self.session.last_seen_at + timedelta(seconds=self._tabs.sessions.limits.idle_seconds)
        due = min(idle, self.session.expires_at)
        until = self._grants.until if self._grants is not None else None
        return due if until is None else min(due, until)

    def rerun(self) -> None:
        """Have the script run anew, as if the person had asked, without anything they did."""
        if not self._over and self._last is not None:
            self._injected.put_nowait(_ours(wire.rerun_like(self._last)))

    async def look_again(self) -> Change:
        """Resolve the session anew, off the event loop; ends the tab when it is over. Says what became of it."""
        if self.session is None or self._over:
            return Change.NONE
        try:
            change = await to_thread.run_sync(self._resolve, limiter=self._tabs.threads)
        except StorageUnavailable:
            return Change.NONE  # the next message fails closed; an idle tab shows nothing new meanwhile
        if change is Change.ENDED:
            await self.end()
        return change

    # The gate

    async def _gate(self, message: Message) -> Message | None:
        """Let a message through, changed if need be; None when it went no further."""
        try:
            sent = wire.parse(message.get("bytes"))
        except wire.Malformed:
            await self._refuse()
            return None
        if self._first and sent.reruns:
            sent.forget_cached()
            self._first = False
        if self.session is not None:
            try:
                change = await to_thread.run_sync(self._resolve, sent.by_person, limiter=self._tabs.threads)
            except StorageUnavailable:
                await self._unavailable()
                return None
            if change is Change.ENDED:
                await self.end()
                return None
            if change is Change.LOST and sent.reruns:
                sent.gate_only()
        if sent.reruns:
            self._last = sent
        return {"type": "websocket.receive", "bytes": sent.bytes()}

    def _resolve(self, by_person: bool = False) -> Change:  # noqa: FBT001, FBT002 - called through a thread
        """One query: is the session live, and is anything lost since the tab last looked? Runs in a thread."""
        if self.session is None:
            return Change.NONE
        try:
            session = self._tabs.sessions.by_ref(self.session.ref)
        except Unauthenticated:
            return Change.ENDED
        if session.person.blocked or session.person.subject != self.session.person.subject:
            return Change.ENDED
        grants = self._tabs.rights.of(session.person.subject, session.policy_version)
        before, self.session, self._grants = self._grants, session, grants
        if by_person:
            self._tabs.sessions.touch(session)
        if before is None or before is grants:
            return Change.NONE
        return _difference(before, grants)

    async def _next(self) -> Message:
        """Whichever comes first: a message of the browser or one of ours. None of either is lost."""
        if not self._injected.empty():
            return self._injected.get_nowait()
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._as_task(self._receive))
        ours = asyncio.ensure_future(self._injected.get())
        done, _ = await asyncio.wait({self._waiting, ours}, return_when=asyncio.FIRST_COMPLETED)
        if ours in done:
            return ours.result()
        ours.cancel()
        waiting, self._waiting = self._waiting, None
        return waiting.result()

    @staticmethod
    async def _as_task(receive: Receive) -> Message:
        return await receive()

    async def _refuse(self) -> None:
        """Close on a message that no browser of ours sends."""
        _log.info("a socket sent what no browser of ours sends")
        async with self._sending:
            if not self._over:
                self._over = True
                await self._send({"type": "websocket.close", "code": _PROTOCOL_ERROR})
        self._injected.put_nowait({"type": "websocket.disconnect", "code": _PROTOCOL_ERROR})

    async def _unavailable(self) -> None:
        """Fail closed: the browser asks for its page again, and gets the one that says so and recovers by itself."""
        async with self._sending:
            if not self._over:
                self._over = True
                await self._send({"type": "websocket.send", "bytes": wire.go_to(self._here())})
                await self._send({"type": "websocket.close", "code": _GONE})
        self._injected.put_nowait({"type": "websocket.disconnect", "code": _GONE})

    def _here(self) -> str:
        """The address of the page the tab is on, query included."""
        if self._last is None:
            return "/"
        asked = self._last.message.rerun_script
        path = _path_of(asked.context_info.url) if asked.HasField("context_info") else "/"
        return f"{path}?{asked.query_string}" if asked.query_string else path

    def _ended_address(self) -> str:
        return f"{ENDED_PATH}?return_to={quote(self._here(), safe='')}"

    def _learn_session(self, data: bytes) -> None:
        found = wire.streamlit_session_in(data)
        if found is not None:
            self._shown.streamlit_sessions[found] = None
            self._streamlit_session_known = True


def _ours(data: bytes) -> Message:
    """A message that did not come from the browser, and passes the gate unseen."""
    return {"type": "websocket.receive", "bytes": data, "gatehouse": True}


def _difference(before: Grants, after: Grants) -> Change:
    """What changed from one set to another, by what is effectively held."""
    if after.everything:
        lost = False
    else:
        lost = bool(before.everything) or not before.permissions.keys() <= after.permissions.keys()
    if lost:
        return Change.LOST
    same = (
        bool(before.everything) == bool(after.everything)
        and before.permissions.keys() == after.permissions.keys()
        and before.roles.keys() == after.roles.keys()
    )
    return Change.NONE if same else Change.CHANGED


def _path_of(url: str) -> str:
    """The path of the address a browser says it is at; ``/`` when it says nothing sensible."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return "/"
    return path if path.startswith("/") and not path.startswith("//") else "/"
