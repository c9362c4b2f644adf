"""The middleware for HTTP requests: which of them reach our routes or Streamlit, and with whose identity."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.core.errors import StorageUnavailable
from app.core.records import Session
from component.http import host_config, request_bodies
from component.http.frontend_modules import FrontendModules
from component.http.static_pages import notice, storage_unavailable, too_many_tabs
from component.limits.admission import Admission
from component.socket.cross_site import Initiator, initiator_of, link_answer, refusal
from component.socket.path_kinds import COMPONENT_PREFIX, PathKind, path_kind
from component.socket.request_context import MiddlewareContext, RequestContext, try_again
from component.socket.upload_limits import forward_upload


class HttpMiddleware:
    """Handles every HTTP request of a process; keeps nothing of a request."""

    def __init__(self, context: MiddlewareContext, admission: Admission) -> None:
        """``admission``: counts the sockets of this process; no page is loaded while all are taken."""
        self._context = context
        self._app = context.app
        self._tabs = context.tabs
        self._admission = admission
        self._frontend_modules = FrontendModules()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, for scopes of the type ``http``."""
        kind = path_kind(scope["path"])
        send = self._context.with_headers(
            send,
            private=kind is not PathKind.PUBLIC,
            component=scope["path"].startswith(COMPONENT_PREFIX),
            page=kind is PathKind.PAGE,
        )
        if (response := self._response_to_any_client(scope, kind) or self._limit_response(scope, kind)) is not None:
            await response(scope, receive, send)
            return
        if kind is not PathKind.PRIVATE:
            receive = request_bodies.BoundedBody(receive).receive
        if kind is PathKind.PUBLIC:
            app = self._frontend_modules.answer(scope) or self._app
            await app(self._context.anonymous(scope), receive, send)
            return
        request = RequestContext(self._context, scope)
        if kind not in {PathKind.PRIVATE, PathKind.FILES}:
            send = request.with_browser_cookie(send, "http.response.start")
        if kind is PathKind.AUTH:
            await self._app(request.for_routes(), receive, send)
            return
        await self._page_or_file(scope, receive, send, kind, request)

    def _response_to_any_client(self, scope: Scope, kind: PathKind) -> Response | None:
        """The response to a request that goes no further, the same for every client; None for one that may proceed.

        It comes before any cookie is read and sets none, so that another site that had the browser send the request
        learns nothing and changes nothing.
        """
        if not self._context.site.is_host(scope["headers"]):
            return PlainTextResponse("This address is not served here.\n", 421)
        closed = kind in {PathKind.CLOSED, PathKind.STREAM} or (
            kind is PathKind.FILES and self._context.config.hosted_app is None
        )
        if closed or self._is_missing(kind, scope["path"]):
            return _not_found()
        if kind is PathKind.PUBLIC:
            is_host_config = scope["path"] == host_config.PATH and scope["method"] in {"GET", "HEAD"}
            return host_config.answer() if is_host_config else None
        match initiator_of(scope["method"], scope["headers"], self._context.site):
            case Initiator.FOREIGN:
                return refusal()
            case Initiator.NAVIGATION if kind is not PathKind.PAGE:
                return link_answer(scope["path"], scope["query_string"].decode("latin-1"))
        return None

    def _is_missing(self, kind: PathKind, path: str) -> bool:
        """Whether no route or page has this path. For a missing page Streamlit would show its start page."""
        config = self._context.config
        if kind is PathKind.AUTH:
            return config.auth_paths is not None and path not in config.auth_paths
        return kind is PathKind.PAGE and config.page_paths is not None and path.strip("/") not in config.page_paths

    def _limit_response(self, scope: Scope, kind: PathKind) -> Response | None:
        """The response to a request with too long a body, or for which there is no capacity; None for any other."""
        if kind is PathKind.PAGE and self._admission.is_full:
            return too_many_tabs()
        # Uploads have limits of their own.
        return request_bodies.refusal(scope["headers"]) if kind is not PathKind.PRIVATE else None

    async def _page_or_file(
        self, scope: Scope, receive: Receive, send: Send, kind: PathKind, request: RequestContext
    ) -> None:
        """What Streamlit answers by identity: a page, an upload, a file that a tab was shown."""
        try:
            session = await request.session()
            allowed = kind is PathKind.PAGE or (
                await self._may_enter(session)
                if kind is PathKind.FILES
                else await self._is_owner(scope["path"], session, request)
            )
        except StorageUnavailable:
            await (storage_unavailable() if kind is PathKind.PAGE else try_again())(scope, receive, send)
            return
        if not allowed:
            await _not_found()(scope, receive, send)
            return
        uploads = self._tabs.uploads(request.owner(session), scope["path"]) if kind is PathKind.PRIVATE else None
        scope = request.identified(session)
        if uploads is not None:
            make_room = self._tabs.upload_totals.make_room
            await forward_upload(self._app, scope, receive, send, uploads, make_room=make_room)
        else:
            await self._app(scope, receive, send)

    async def _is_owner(self, path: str, session: Session | None, request: RequestContext) -> bool:
        """Whether a file was shown to this owner, or an upload is for its Streamlit session.

        Anonymous users cannot upload.
        """
        owner = request.owner(session)
        if session is None:
            return await self._tabs.may_fetch(None, owner, path)
        if session.person.blocked:
            return False
        return self._tabs.may_upload(owner, path) or await self._tabs.may_fetch(session, owner, path)

    async def _may_enter(self, session: Session | None) -> bool:
        """Whether the session's user may enter the hosted app, and so get its static files."""
        hosted_app = self._context.config.hosted_app
        if hosted_app is None or session is None:
            return False
        return await self._tabs.in_thread(lambda: hosted_app.may_enter(session))


def _not_found() -> Response:
    return notice("There is no such page", ("The address may be mistyped, or the page is no longer here.",), status=404)
