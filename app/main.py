"""The script that Streamlit reruns: it builds the navigation from the user's grants and runs or refuses the page.

Only pages that the user may open are registered. Any other known path gets a stand-in with a neutral title, so that the
page's own title does not reach the browser. The page checks its permission again in its first statement.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

import streamlit as st

from app import access, drafts, page_registry, panels, sidebar
from app.access_changes import changed_since_last_run, show_changes
from app.core import correlation
from app.core.clock import utc_now
from app.core.errors import GatehouseError, PermissionDenied, ServiceUnavailable, StepUpRequired, Unauthenticated
from app.core.guard import Caller, refusal
from app.core.policy import Decision, decide
from app.core.records import Session
from app.navigation import BY_PATH, PAGES, PageRow, served
from app.services import services
from app.ui.layout import style


def main() -> None:
    """One run."""
    correlation.begin()
    if not access.has_identity_middleware():
        panels.unprotected()
        return
    drafts.restore()
    drafts.capture()
    try:
        session = access.recently_checked_session()
        caller = access.caller_of(session)
    except Unauthenticated as error:
        _signed_out(error)
    except ServiceUnavailable as error:
        _register(page_registry.navigation_state(), (), stand_in="Not available")
        panels.problem(error)
    else:
        if session is None or caller.principal.subject is None:
            _signed_out(None)
        else:
            _signed_in(caller, session)


def _signed_out(error: Unauthenticated | None) -> None:
    """Show the sign-in page at the requested path."""
    page, _ = _register(page_registry.navigation_state(), (), stand_in="Sign in")
    panels.sign_in(error, path=page.url_path)


def _signed_in(caller: Caller, session: Session) -> None:
    """Register the pages that the user may open, and run or refuse the requested page."""
    rows = served(production=services().settings.production)
    decisions = {row.path: decide(caller.principal, row.permission, caller.grants) for row in rows}
    opened = {path for path, decision in decisions.items() if decision.allowed_after_step_up}
    state = page_registry.navigation_state()
    page, row = _register(state, opened, stand_in="No access")
    with st.sidebar:
        sidebar.account(
            caller.principal,
            session,
            sorted(caller.grants.roles),
            lifetimes=services().sessions.lifetimes,
            picture_hosts=services().settings.picture_hosts,
            rights=" ".join(sorted([*caller.grants.permissions, *caller.grants.roles])),
        )
    show_changes(changed_since_last_run(caller, utc_now()))
    try:
        services().sessions.sync_if_due(session)
        if decisions[row.path].allowed:
            state.refused = None
            services().page_views.count(f"/{row.path}")
            state.record(row.path)
            page.run()
        else:
            _refuse(state, row, decisions[row.path])
    except Unauthenticated as error:
        panels.sign_in(error, path=row.path)
    except StepUpRequired as error:
        panels.step_up(error)
    except PermissionDenied as error:
        panels.denied(error, caller.principal)
    except GatehouseError as error:
        panels.problem(error)


def _refuse(state: page_registry.NavigationState, row: PageRow, decision: Decision) -> None:
    """Show a refusal on every rerun. It is recorded once for as long as the user stays on the page."""
    if state.refused != row.path:
        state.refused = row.path
        access.require_row(row)
        st.rerun()  # the permission was granted between the two decisions
    raise refusal(row.permission, decision)


def _register(
    state: page_registry.NavigationState, opened: Collection[str], *, stand_in: str
) -> tuple[st.Page, PageRow]:
    """Register the pages of ``opened`` (paths) and the stand-ins; returns the requested page and its row."""
    requested_path = urlsplit(st.context.url or "").path.strip("/")
    pages: dict[str, list[st.Page]] = {}
    for row in served(production=services().settings.production):
        if row.path in opened:
            # The icon is part of the title: as `icon` the browser would fetch it from another host, as a favicon.
            page = page_registry.page(row, title=f"{row.icon} {row.title}", hidden=row.development_only)
            pages.setdefault(row.section, []).append(page)
        elif row is PAGES[0] or row.path == requested_path or row.path in state.paths:
            page = page_registry.page(row, title=stand_in, hidden=True)
            pages.setdefault("", []).append(page)
        if row is PAGES[0]:
            state.home = page
    page = st.navigation(pages, position="sidebar" if opened else "hidden", expanded=True)
    row = BY_PATH[page.url_path]
    sidebar.brand()
    style()
    title, layout = (row.title, row.layout) if row.path in opened else (stand_in, "centered")
    st.set_page_config(page_title=f"{title} · Gatehouse", page_icon="🏛️", layout=layout)
    if row.path not in state.paths:
        state.paths.append(row.path)
    return page, row


main()
