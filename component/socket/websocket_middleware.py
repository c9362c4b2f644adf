"""The middleware for sockets: admits a handshake, binds it to its session, and puts a tab in front of Streamlit."""

from __future__ import annotations

import json
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.core.errors import StorageUnavailable
from component.http.client_address import ClientAddresses
from component.limits.admission import Admission, CapacityExceeded, SocketReader, SocketSlot
from component.limits.paced_socket import PacedSocket
from component.limits.throttle import Throttle
from component.protocol.requested_session import read_requested_session_id, without_requested_session
from component.server.http_protocol import TOO_MANY_CONNECTIONS
from component.server.websocket_protocol import SOCKET_READER
from component.socket.handshake import Handshake
from component.socket.path_kinds import PathKind, path_kind
from component.socket.request_context import RETRY_SECONDS, MiddlewareContext, RequestContext, owner_of, try_again

_TRY_AGAIN_LATER: Final = 1013
_POLICY_VIOLATION: Final = 1008


class WebSocketMiddleware:
    """Handles every handshake of a process."""

    def __init__(self, context: MiddlewareContext, *, addresses: ClientAddresses, admission: Admission) -> None:
        """``addresses``: the client's address of a request. ``admission``: counts the sockets of this process."""
        self._context = context
        self._tabs = context.tabs
        self._addresses = addresses
        self._admission = admission
        self._throttle = Throttle(context.tabs.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, for scopes of the type ``websocket``."""
        send_accepted, send = send, self._context.with_headers(send, private=True)
        if not self._context.site.is_host(scope["headers"]):
            await _refuse(scope, receive, send, PlainTextResponse("This address is not served here.\n", 421))
            return
        if path_kind(scope["path"]) is not PathKind.STREAM:
            await _refuse(scope, receive, send, PlainTextResponse("There is nothing here.\n", 404))
            return
        if not self._context.site.is_origin(scope["headers"]):
            await _refuse(scope, receive, send, PlainTextResponse("This is not for other sites.\n", 403))
            return
        try:
            slot = self._admission.enter(self._addresses.of(scope))
        except CapacityExceeded:
            await _refuse(scope, receive, send, _too_many_connections(), code=_TRY_AGAIN_LATER)
            return
        try:
            await self._admitted(scope, receive, send, send_accepted, slot)
        finally:
            slot.release()

    async def _admitted(
        self, scope: Scope, receive: Receive, send: Send, send_accepted: Send, slot: SocketSlot
    ) -> None:
        """A socket that has a slot: bind it to its session, and serve it until it ends."""
        request = RequestContext(self._context, scope)
        send = request.with_browser_cookie(send, "websocket.accept")
        try:
            session = await request.session()
            expired = await request.expired_session() if session is None else None
        except StorageUnavailable:
            await _refuse(scope, receive, send, try_again(), code=_TRY_AGAIN_LATER)
            return
        if session is None and expired is None and request.has_new_secret():
            # The new cookie is on its way to this browser, which tries again by itself; no other browser has it.
            await _refuse(scope, receive, send, try_again(), code=_TRY_AGAIN_LATER)
            return
        requested_session_id = read_requested_session_id(scope["headers"])
        is_expired = (
            session is None
            and expired is not None
            and self._tabs.may_reattach(owner_of(expired, ""), requested_session_id)
        )
        session = expired if is_expired else session
        owner, scope = request.owner(session), request.identified(session)
        is_reattached = self._tabs.may_reattach(owner, requested_session_id)
        if not is_reattached:
            scope = {**scope, "headers": without_requested_session(scope["headers"])}
        person = json.dumps(list(session.person.subject)) if session is not None else ""
        try:
            slot.take(person)
        except CapacityExceeded:
            await _refuse(scope, receive, send, _too_many_connections(), code=_TRY_AGAIN_LATER)
            return
        paced = self._paced(scope, receive, person=person, address=slot.address)
        # Headers are sent with the acceptance, or with a refusal in its place: there are none to add afterwards.
        handshake = Handshake(
            session,
            owner,
            requested_session_id=requested_session_id,
            is_reattached=is_reattached,
            is_expired=is_expired,
        )
        tab = self._tabs.open(
            handshake,
            paced.receive,
            send,
            send_accepted=send_accepted,
            charge=paced.charge,
        )
        try:
            await self._context.app(scope, tab.receive, tab.send)
        finally:
            await tab.close()
            paced.close()

    def _paced(self, scope: Scope, receive: Receive, *, person: str, address: str) -> PacedSocket:
        """The messages of a socket within the limits of its person, or of its address where it is anonymous."""
        limits = self._tabs.limits
        reader: SocketReader | None = scope.get("extensions", {}).get(SOCKET_READER)
        if reader is not None:
            max_bytes = limits.message_bytes if person else limits.anonymous_message_bytes
            reader.allow(max_bytes=max_bytes, client=f"person {person}" if person else f"address {address}")
        gone = reader.gone if reader is not None else None
        return PacedSocket(self._throttle, receive, person=person, address=address, gone=gone)


def _too_many_connections() -> Response:
    return PlainTextResponse(TOO_MANY_CONNECTIONS, 503, headers={"Retry-After": str(RETRY_SECONDS)})


async def _refuse(
    scope: Scope, receive: Receive, send: Send, response: Response, code: int = _POLICY_VIOLATION
) -> None:
    """Refuse a handshake by an HTTP response if the server can send one, else by closing. The front end retries."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)  # Starlette converts it to the extension's messages
    else:
        await receive()
        await send({"type": "websocket.close", "code": code})
