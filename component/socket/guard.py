"""The socket guard: pure ASGI middleware that binds every request and socket to who is really there.

It removes whatever identity a client claims and puts in what the session says, under header names that are random for
each start; ``server.trustedUserHeaders`` carries them into ``st.user``, so Streamlit itself refuses to re-attach a
socket to anybody else's session. It knows nothing of Streamlit but its paths.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import correlation
from app.core.errors import StorageUnavailable, Unauthenticated
from app.core.records import Session
from component.http import host_config, request_bodies
from component.http.client_address import ClientAddresses
from component.http.cookies import Cookies, HeaderList, RawHeaders, browser_hash, read_cookies
from component.http.origin import Site
from component.http.return_to import is_page_path
from component.http.security_headers import SecurityHeaders, content_security_policy
from component.http.static_pages import log_server_error, notice, storage_unavailable, too_many_tabs
from component.limits.admission import Admission, CapacityExceeded, SocketReader, SocketSlot
from component.limits.paced_socket import PacedSocket
from component.limits.throttle import Throttle
from component.protocol import session_claims
from component.server.http_protocol import FULL
from component.server.websocket_protocol import SOCKET_READER
from component.session.credentials import secret_hash
from component.socket.cross_site import Initiator, initiator_of, link_answer, refusal
from component.socket.tabs import Tabs
from component.socket.upload_limits import forward_upload

RETRY_SECONDS: Final = 5
_HEADER_PREFIX: Final = "x-gatehouse-"
_CLAIMED: Final = frozenset(
    {b"x-streamlit-user", b"x-forwarded-user", b"x-forwarded-email", b"x-forwarded-preferred-username", b"remote-user"}
)
_CLAIMED_PREFIXES: Final = (_HEADER_PREFIX.encode(), b"x-auth-request-")
_STREAM: Final = "/_stcore/stream"
_PUBLIC: Final = ("/_stcore/health", host_config.PATH, "/favicon.png", "/manifest.json")
_PUBLIC_PREFIXES: Final = ("/static/", "/component/", "/_stcore/bidi-components/")
_COMPONENT_PREFIX: Final = "/component/"
_FILES_PREFIX: Final = "/app/static/"
_PRIVATE_PREFIXES: Final = ("/media/", "/_stcore/upload_file/")
_FIRST_REFUSAL: Final = 400
_TRY_AGAIN_LATER: Final = 1013
_POLICY_VIOLATION: Final = 1008


class Identity:
    """The names under which this process tells Streamlit who is there. Made anew at each start, never configured.

    ``st.user`` then has ``iss_sub`` (the subject as JSON text ``[issuer, subject]``, or ""), ``sid`` (the session's
    stable reference, or ""), ``browser`` (hash of the browser's cookie) and ``guard`` (``marker``: the guard is there).
    """

    def __init__(self) -> None:
        tag = secrets.token_hex(8)
        self.marker = secrets.token_urlsafe(32)
        self._names = {key: f"{_HEADER_PREFIX}{tag}-{key}" for key in ("iss_sub", "sid", "browser", "guard")}

    def __repr__(self) -> str:
        return "Identity()"

    def trusted_user_headers(self) -> dict[str, str]:
        """Header name → key of ``st.user``: Streamlit's option ``server.trustedUserHeaders``."""
        return {name: key for key, name in self._names.items()}

    def headers(self, session: Session | None, browser: str) -> list[tuple[bytes, bytes]]:
        """The headers that say who is there; ``browser`` is the id in the browser's cookie."""
        values = {
            "iss_sub": json.dumps(list(session.person.subject)) if session is not None else "",
            "sid": session.ref if session is not None else "",
            "browser": browser_hash(browser),
            "guard": self.marker,
        }
        return [(self._names[key].encode(), value.encode("ascii")) for key, value in values.items()]


class Area(Enum):
    """What an address is, for the guard."""

    PAGE = "page"  # Streamlit's HTML, at a page's address
    PRIVATE = "private"  # what a session uploads and is shown
    FILES = "files"  # a served app's own folder `static/`: the same for everybody who may enter it
    PUBLIC = "public"  # assets and health: the same for everybody
    AUTH = "auth"  # our own routes, which look at the session themselves
    STREAM = "stream"  # Streamlit's socket
    CLOSED = "closed"  # nothing of ours


def area_of(path: str) -> Area:
    """What ``path`` (decoded, as ASGI has it) is. Unknown is closed: metrics, the agent API, nested pages."""
    if path == _STREAM:
        return Area.STREAM
    if path in _PUBLIC or path.startswith(_PUBLIC_PREFIXES):
        return Area.PUBLIC
    if path.startswith(_PRIVATE_PREFIXES):
        return Area.PRIVATE
    if path.startswith(_FILES_PREFIX):
        return Area.FILES
    if path.startswith("/auth/"):
        return Area.AUTH
    page = path[:-1] if path.endswith("/") and len(path) > len("//") else path
    return Area.PAGE if is_page_path(page) else Area.CLOSED


@dataclass(frozen=True, slots=True)
class HostedApp:
    """What the guard must know of an app that is not ours.

    ``may_enter``: whether this session's person may enter it, read afresh; may raise ``StorageUnavailable``.
    ``inline_scripts``: whether the app brings scripts in its own HTML.
    """

    may_enter: Callable[[Session], bool]
    inline_scripts: bool = False


class SocketGuard:
    """The middleware. One instance for a process; holds nothing of anybody between two requests."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tabs: Tabs,
        cookies: Cookies,
        identity: Identity,
        base_url: str,
        production: bool,
        picture_hosts: Sequence[str] = (),
        auth_paths: Collection[str] | None = None,
        page_paths: Collection[str] | None = None,
        foreign: HostedApp | None = None,
        addresses: ClientAddresses | None = None,
        admission: Admission | None = None,
    ) -> None:
        """``tabs``: the live tabs of this process, on whose sessions everything rests.

        ``base_url``: whose host is answered for; outside production the loopback names too.

        ``picture_hosts``: from where people's pictures may come.

        ``auth_paths``: all there is below ``/auth/``; None when the app behind it answers for the rest as well.

        ``page_paths``: all the pages there are, without slashes; None when only the app behind it knows.

        ``foreign``: the app behind it is not ours; None when it is.

        ``addresses``: whose requests they are. ``admission``: counts the sockets of this process.
        """
        self._app = app
        self._tabs = tabs
        self._cookies = cookies
        self._identity = identity
        self._site = Site(base_url, loopback_too=not production)
        self._auth_paths = auth_paths
        self._page_paths = page_paths
        self._foreign = foreign
        self._addresses = addresses or ClientAddresses(())
        self._admission = admission or Admission(tabs.limits)
        self._throttle = Throttle(tabs.limits)
        self._headers = SecurityHeaders(
            secure=cookies.secure,
            policy=content_security_policy(
                picture_hosts=picture_hosts,
                foreign=foreign is not None,
                inline_scripts=foreign is not None and foreign.inline_scripts,
            ),
            foreign=foreign is not None,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            correlation.begin()
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            correlation.begin()
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        area = area_of(scope["path"])
        component = scope["path"].startswith(_COMPONENT_PREFIX)
        send = self._sending(send, private=area is not Area.PUBLIC, component=component, page=area is Area.PAGE)
        if (answer := self._answer_to_anybody(scope, area) or self._out_of_bounds(scope, area)) is not None:
            await answer(scope, receive, send)
            return
        if area is not Area.PRIVATE:
            receive = request_bodies.BoundedBody(receive).receive
        if area is Area.PUBLIC:
            await self._app(self._anonymous(scope), receive, send)
            return
        sent = read_cookies(scope["headers"])
        browser, minted = self._browser(sent)
        if minted and area not in {Area.PRIVATE, Area.FILES}:
            send = _adding(send, "http.response.start", self._cookies.set(self._cookies.browser, browser))
        if area is Area.AUTH:
            await self._app(self._for_routes(scope, browser if minted else ""), receive, send)
            return
        await self._page_or_file(scope, receive, send, area, sent, browser)

    def _out_of_bounds(self, scope: Scope, area: Area) -> Response | None:
        """The answer to a request with too long a body, or for which there is no place; None for any other."""
        if area is Area.PAGE and self._admission.is_full:
            return too_many_tabs()
        # Uploads have limits of their own.
        return request_bodies.refusal(scope["headers"]) if area is not Area.PRIVATE else None

    async def _page_or_file(
        self, scope: Scope, receive: Receive, send: Send, area: Area, sent: dict[str, str], browser: str
    ) -> None:
        """Whatever Streamlit answers by who is asking: a page, an upload, a file that was shown."""
        try:
            session = await self._session(sent)
            allowed = area is Area.PAGE or (
                await self._may_enter(session)
                if area is Area.FILES
                else await self._is_theirs(scope["path"], session, browser)
            )
        except StorageUnavailable:
            await (storage_unavailable() if area is Area.PAGE else _later())(scope, receive, send)
            return
        if not allowed:
            await _not_found()(scope, receive, send)
            return
        uploads = self._tabs.uploads(_owner(session, browser), scope["path"]) if area is Area.PRIVATE else None
        scope = self._identified(scope, session, browser)
        if uploads is not None:
            await forward_upload(self._app, scope, receive, send, uploads, make_room=self._tabs.upload_totals.make_room)
        else:
            await self._app(scope, receive, send)

    def _is_missing(self, area: Area, path: str) -> bool:
        """Whether there is nothing at an address of this kind. For a page Streamlit would show its start page."""
        if area is Area.AUTH:
            return self._auth_paths is not None and path not in self._auth_paths
        return area is Area.PAGE and self._page_paths is not None and path.strip("/") not in self._page_paths

    def _answer_to_anybody(self, scope: Scope, area: Area) -> Response | None:
        """The answer to a request that goes no further, whoever sends it; None for one that may go on.

        It comes before any cookie is read and sets none, so that another site that had the browser send the request
        learns nothing and changes nothing.
        """
        if not self._site.is_asked(scope["headers"]):
            return PlainTextResponse("This address is not served here.\n", 421)
        closed = area in {Area.CLOSED, Area.STREAM} or (area is Area.FILES and self._foreign is None)
        if closed or self._is_missing(area, scope["path"]):
            return _not_found()
        if area is Area.PUBLIC:
            asks = scope["path"] == host_config.PATH and scope["method"] in {"GET", "HEAD"}
            return host_config.answer() if asks else None
        match initiator_of(scope["method"], scope["headers"], self._site):
            case Initiator.FOREIGN:
                return refusal()
            case Initiator.LINK if area is not Area.PAGE:
                return link_answer(scope["path"], scope["query_string"].decode("latin-1"))
        return None

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        bare, send = send, self._sending(send, private=True)
        if not self._site.is_asked(scope["headers"]):
            await _refuse(scope, receive, send, PlainTextResponse("This address is not served here.\n", 421))
            return
        if area_of(scope["path"]) is not Area.STREAM:
            await _refuse(scope, receive, send, PlainTextResponse("There is nothing here.\n", 404))
            return
        if not self._site.is_origin(scope["headers"]):
            await _refuse(scope, receive, send, PlainTextResponse("This is not for other sites.\n", 403))
            return
        try:
            place = self._admission.enter(self._addresses.of(scope))
        except CapacityExceeded:
            await _refuse(scope, receive, send, _full(), code=_TRY_AGAIN_LATER)
            return
        try:
            await self._counted_socket(scope, receive, send, bare, place)
        finally:
            place.leave()

    async def _counted_socket(self, scope: Scope, receive: Receive, send: Send, bare: Send, place: SocketSlot) -> None:
        sent = read_cookies(scope["headers"])
        browser, minted = self._browser(sent)
        if minted:
            send = _adding(send, "websocket.accept", self._cookies.set(self._cookies.browser, browser))
        try:
            session = await self._session(sent)
            expired = await self._expired(sent) if session is None else None
        except StorageUnavailable:
            await _refuse(scope, receive, send, _later(), code=_TRY_AGAIN_LATER)
            return
        if session is None and expired is None and self._is_renewed(sent):
            # The new cookie is on its way to this browser, which tries again by itself; nobody else has it.
            await _refuse(scope, receive, send, _later(), code=_TRY_AGAIN_LATER)
            return
        back_to = claimed = session_claims.claimed_session(scope["headers"])
        covered = session is None and expired is not None and self._tabs.may_resume(_owner(expired, ""), back_to)
        session = expired if covered else session
        owner, scope = _owner(session, browser), self._identified(scope, session, browser)
        if not self._tabs.may_resume(owner, back_to):
            back_to, scope = "", {**scope, "headers": session_claims.without_claim(scope["headers"])}
        person = json.dumps(list(session.person.subject)) if session is not None else ""
        try:
            place.take(person)
        except CapacityExceeded:
            await _refuse(scope, receive, send, _full(), code=_TRY_AGAIN_LATER)
            return
        paced = self._limited(scope, receive, person=person, address=place.address)
        # Headers go out with the acceptance, or with a refusal in its place: nothing is left to add afterwards.
        tab = self._tabs.open(
            session,
            owner,
            paced.receive,
            send,
            back_to=back_to,
            claimed=claimed,
            accepted=bare,
            covered=covered,
            charge=paced.charge,
        )
        try:
            await self._app(scope, tab.receive, tab.send)
        finally:
            await tab.close()
            paced.close()

    def _limited(self, scope: Scope, receive: Receive, *, person: str, address: str) -> PacedSocket:
        """The messages of a socket within its person's limits, or its address's where it is anonymous."""
        limits = self._tabs.limits
        reading: SocketReader | None = scope.get("extensions", {}).get(SOCKET_READER)
        if reading is not None:
            most = limits.message_bytes if person else limits.anonymous_message_bytes
            reading.allow(max_bytes=most, who=f"person {person}" if person else f"address {address}")
        gone = reading.gone if reading is not None else None
        return PacedSocket(self._throttle, receive, person=person, address=address, gone=gone)

    async def _is_theirs(self, path: str, session: Session | None, browser: str) -> bool:
        """Whether a file was shown to them, or an upload goes into their own Streamlit session. Nobody uploads."""
        owner = _owner(session, browser)
        if session is None:
            return await self._tabs.may_fetch(None, owner, path)
        if session.person.blocked:
            return False
        return self._tabs.may_upload(owner, path) or await self._tabs.may_fetch(session, owner, path)

    async def _may_enter(self, session: Session | None) -> bool:
        """Whether they may have what everybody may have who may enter the served app."""
        foreign = self._foreign
        if foreign is None or session is None:
            return False
        return await self._tabs.in_thread(lambda: foreign.may_enter(session))

    async def _session(self, cookies: dict[str, str]) -> Session | None:
        """Whose live session this is: one query, off the event loop. Raises ``StorageUnavailable``."""
        secret = cookies.get(self._cookies.session)
        if not secret:
            return None
        try:
            return await self._tabs.in_thread(lambda: self._tabs.sessions.resolve(secret))
        except Unauthenticated:
            return None

    async def _expired(self, cookies: dict[str, str]) -> Session | None:
        """Whose session has expired here, and can be revived. Raises ``StorageUnavailable``."""
        secret = cookies.get(self._cookies.session)
        return await self._tabs.in_thread(lambda: self._tabs.sessions.resumption.by_secret(secret)) if secret else None

    def _is_renewed(self, cookies: dict[str, str]) -> bool:
        """Whether the session of this cookie went on a moment ago, with a new secret."""
        secret = cookies.get(self._cookies.session)
        return bool(secret) and self._tabs.has_new_secret(secret_hash(secret or ""))

    def _browser(self, cookies: dict[str, str]) -> tuple[str, bool]:
        """The browser's own id, and whether it was made just now."""
        known = self._cookies.browser_id(cookies)
        return (known, False) if known else (secrets.token_urlsafe(32), True)

    def _identified(self, scope: Scope, session: Session | None, browser: str) -> Scope:
        """The scope as Streamlit sees it: who is there by our word only, and none of our cookies."""
        headers = self._cookies.hide(_unclaimed(scope["headers"]))
        return {**scope, "headers": headers + self._identity.headers(session, browser)}

    def _anonymous(self, scope: Scope) -> Scope:
        return {**scope, "headers": self._cookies.hide(_unclaimed(scope["headers"]))}

    def _for_routes(self, scope: Scope, minted: str) -> Scope:
        """The scope as our routes see it; a cookie made just now is in it, or a sign-in would not match its browser."""
        headers = _unclaimed(scope["headers"])
        return {**scope, "headers": self._cookies.with_browser(headers, minted) if minted else headers}

    def _sending(self, send: Send, *, private: bool, component: bool = False, page: bool = False) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                self._headers.apply(headers, private=private, component=component, page=page)
                if private:
                    headers[correlation.HEADER] = correlation.current()
            await send(message)

        return with_headers


def _owner(session: Session | None, browser: str) -> str:
    """Whose a tab is: a session's, or nobody's at a certain browser."""
    return f"session {session.ref}" if session is not None else f"browser {browser}"


def _unclaimed(headers: HeaderList) -> RawHeaders:
    """The headers without any that claims an identity."""
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in _CLAIMED and not name.lower().startswith(_CLAIMED_PREFIXES)
    ]


def _adding(send: Send, kind: str, cookie: str) -> Send:
    """``send`` that adds a ``Set-Cookie`` to messages of this kind, unless they refuse the request."""

    async def with_cookie(message: Message) -> None:
        if message["type"] == kind and message.get("status", 0) < _FIRST_REFUSAL:
            headers = [*message.get("headers", ()), (b"set-cookie", cookie.encode())]
            message = {**message, "headers": headers}
        await send(message)

    return with_cookie


def _not_found() -> Response:
    return notice("There is no such page", ("The address may be mistyped, or the page is no longer here.",), status=404)


def _full() -> Response:
    return PlainTextResponse(FULL, 503, headers={"Retry-After": str(RETRY_SECONDS)})


def _later() -> Response:
    log_server_error(StorageUnavailable.status, StorageUnavailable.code)
    return PlainTextResponse("Try again in a moment.\n", 503, headers={"Retry-After": str(RETRY_SECONDS)})


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Response, code: int = _POLICY_VIOLATION) -> None:
    """Refuse a handshake: by an HTTP answer where the server can, else by closing. The front end tries again itself."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await answer(scope, receive, send)  # Starlette turns it into the extension's messages
    else:
        await receive()
        await send({"type": "websocket.close", "code": code})
