"""The app as an ASGI application: Streamlit's ``st.App`` with the routes of sign-in and the identity middleware.

``python -m app serve`` starts it with the options that the middleware needs (``streamlit_options``). Started in any
other way, ``app.main`` detects that the middleware is missing and shows no page.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st
import structlog
from starlette.middleware import Middleware
from starlette.routing import Route
from streamlit import runtime

from app import access
from app.cleanup import Cleanup
from app.core.errors import GatehouseError
from app.core.guard_scanner import publish_guards
from app.core.hosted_app_config import HostedAppConfig
from app.core.policy import decide
from app.core.records import Session
from app.guard_inventory import PROCESS, guards_of, identity_leaks, own_guards
from app.navigation import served
from app.runtime.deferred_calls import bind_background_refreshes, bind_deferred_downloads, bind_lazy_dataframes
from app.runtime.disconnected_sessions import DisconnectedSessions, RuntimeSessions, expire_regularly, store_sessions_in
from app.runtime.media_files import observe_media, observe_runs
from app.runtime.watched_sources import examine_modules_once
from app.server import accept_few
from app.services import Services
from component.routes.auth import auth_routes
from component.socket.middleware import IdentityMiddleware
from component.socket.request_context import HostedApp, MiddlewareConfig
from component.socket.watcher import Watcher

SCRIPT: Final = Path(__file__).resolve().parent / "main.py"
_FILE_WATCHER: Final = "STREAMLIT_SERVER_FILE_WATCHER_TYPE"

_log = structlog.get_logger(__name__)


def create_app(services: Services, *, script: Path = SCRIPT, hosted: HostedAppConfig | None = None) -> st.App:
    """Create the application over ``services``, which it closes when it stops.

    Args:
        services: The services of this process.
        script: The script that Streamlit reruns.
        hosted: The ``gatehouse.toml`` of a hosted app; None for the product's own app.
    """

    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
        accept_few(asyncio.get_running_loop())
        streamlit = runtime.get_instance()
        observe_runs(streamlit.dataframe_source_mgr, services.tabs.media)
        observe_media(streamlit.media_file_mgr, services.tabs.media)
        services.tabs.is_active = streamlit.is_active_session
        uploads = services.tabs.upload_totals
        disconnected = DisconnectedSessions(
            ttl_seconds=st.get_option("server.disconnectedSessionTTL"),
            per_user=services.tabs.limits.per_person,
            signed_in=services.tabs.limits.sockets,
            uploaded_bytes=uploads.size_of,
        )
        store_sessions_in(streamlit, disconnected)
        uploads.sessions = RuntimeSessions(streamlit, disconnected)
        bind_deferred_downloads(streamlit.media_file_mgr)
        bind_lazy_dataframes(streamlit.dataframe_source_mgr)
        bind_background_refreshes()
        examine_modules_once(script)
        gc.collect()
        gc.freeze()  # imported modules live as long as the process: no collection has to examine them again
        expiring = asyncio.create_task(expire_regularly(disconnected, uploads), name="disconnected sessions")
        cleaning = asyncio.create_task(Cleanup(services.storage).run(), name="cleanup")
        watching = asyncio.create_task(
            Watcher(services.storage.read.change_counters, services.tabs).run(), name="watcher"
        )
        publishing = asyncio.create_task(asyncio.to_thread(_publish, services, script, hosted), name="publishing")
        try:
            yield {}
        finally:
            watching.cancel()
            cleaning.cancel()
            expiring.cancel()
            await asyncio.wait([publishing])  # it writes to the storage, which closes next
            services.close()

    routes = auth_routes(
        base_url=services.settings.app_base_url,
        sessions=services.sessions,
        logins=services.logins,
        provider=services.provider,
        cookies=services.cookies,
        refusals=services.refusals,
        addresses=services.addresses,
        step_ups=services.step_ups,
        logouts=services.logouts,
        drafts=services.drafts,
    )
    rows = served(production=services.settings.production)
    return st.App(
        script,
        routes=routes,
        middleware=[
            Middleware(
                IdentityMiddleware,
                tabs=services.tabs,
                cookies=services.cookies,
                identity=services.identity,
                config=MiddlewareConfig(
                    base_url=services.settings.app_base_url,
                    production=services.settings.production,
                    picture_hosts=services.settings.picture_hosts,
                    auth_paths=[route.path for route in routes if isinstance(route, Route)],
                    page_paths=[row.path for row in rows] if script == SCRIPT else None,
                    hosted_app=_hosted_app(hosted) if hosted is not None else None,
                ),
                addresses=services.addresses,
                admission=services.admission,
            )
        ],
        lifespan=lifespan,
        on_script_error=partial(show_error, details=not services.settings.production),
    )


def _publish(services: Services, script: Path, hosted: HostedAppConfig | None) -> None:
    """Publish the guard inventory for the access matrix, and log each identity leak."""
    publish_guards(services.storage, PROCESS, own_guards() if hosted is None else guards_of(script, hosted))
    for leak in identity_leaks(script if hosted is not None else None):
        _log.error("identity shared between users", function=leak.name, at=leak.at, problem=leak.problem)


def _hosted_app(hosted: HostedAppConfig) -> HostedApp:
    """What the identity middleware needs of the hosted app."""

    def may_enter(session: Session) -> bool:
        caller = access.caller_of(session)
        return decide(caller.principal, hosted.enter, caller.grants).allowed

    return HostedApp(may_enter, inline_scripts=hosted.inline_scripts)


def show_error(error: Exception, *, details: bool = False) -> bool:
    """Show an error that a page, a callback or a fragment raised.

    Args:
        error: The error.
        details: Whether Streamlit shows the traceback of a bug to the developer of the page; never in production.

    Returns:
        Whether the error is handled, so that Streamlit shows nothing more of it.
    """
    from app import panels  # noqa: PLC0415 - drawn only inside a script run

    if isinstance(error, GatehouseError):
        panels.failure(error, access.principal)
        return True
    panels.internal(error)
    return not details


def streamlit_options(services: Services, *, address: str, port: int, hosted: bool = False) -> dict[str, Any]:
    """The options for ``App.run`` that must not depend on a configuration file beside the program or a hosted app.

    Args:
        services: The services of this process.
        address: Address of the network interface to listen on.
        port: TCP port.
        hosted: Whether the script is a hosted app, which decides itself whether its tables can be downloaded.
    """
    development = not services.settings.production
    # Streamlit exports the cells of a table unchanged, and a spreadsheet evaluates those that start like a formula. The
    # product's own downloads escape them (app.core.spreadsheet), so the export is disabled.
    own = {} if hosted else {"client.disableDataExport": True}
    return own | {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        # app.drafts restores the value of a widget that has a default too.
        "global.disableWidgetStateDuplicationWarning": True,
        "server.baseUrlPath": "",
        # Otherwise Streamlit requests its public address from a server on the internet at start.
        "browser.serverAddress": urlsplit(services.settings.app_base_url).hostname,
        # In development an edited page runs at the next rerun, and its errors are shown.
        "server.fileWatcherType": (os.environ.get(_FILE_WATCHER) or "auto") if development else "none",
        # Compression would allow zip bombs and take time on the event loop, for messages that are short anyway.
        "server.enableWebsocketCompression": False,
        # Limits one message, and all messages that wait for a run; in MB.
        "server.maxWidgetStateSize": max(1, ceil(services.settings.message_max_bytes / 1e6)),
        "server.trustedUserHeaders": services.identity.trusted_user_headers(),
        "client.showErrorDetails": "full" if development else "none",
        "logger.enableRich": False,
        "runner.postScriptGC": False,
        "browser.gatherUsageStats": False,
        "logger.hideWelcomeMessage": True,
    }
