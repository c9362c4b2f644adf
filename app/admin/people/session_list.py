"""Live sessions: user, browser, start and page, with a dialog to end them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api.sessions import end_session, end_sessions_of, sessions
from app.admin.widgets import confirmation, dialogs, labels, notices, pagination
from app.admin.widgets.dialogs import Dialog
from app.core.contract.sessions import SessionItem
from app.core.errors import GatehouseError, InvalidInput, NotFound
from app.core.permissions import Permission
from app.navigation import BY_FILE, BY_PATH

PAGE_URL: Final = "/sessions"
SIZE: Final = 25
END: Final = "end-session"


def page() -> None:
    """Draw the page of all sessions."""
    st.title("Sessions")
    labels.small("Users who are signed in now, last used first. A user has one session per browser.")
    notices.show(PAGE_URL)
    cursor = pagination.cursor("sessions", None)
    try:
        with st.spinner("Loading sessions…"):
            listed = sessions(cursor=cursor, limit=SIZE)
    except GatehouseError as error:
        if cursor and isinstance(error, InvalidInput):  # its row is gone: start again at the first page
            pagination.restart("sessions")
            st.rerun()
        panels.problem(error)
        return
    if not listed.rows:
        st.info("No other sessions." if not cursor else "No more sessions.", icon=":material/hourglass_empty:")
    show(listed.rows, PAGE_URL, with_person=True)
    pagination.control("sessions", None, listed, size=SIZE, singular="session", plural="sessions")
    st.button("Refresh", key="refresh", icon=":material/refresh:", type="tertiary")
    dialog = dialogs.current(PAGE_URL)
    if dialog is not None:
        show_dialog(dialog)


def show(rows: Iterable[SessionItem], page_url: str, *, with_person: bool) -> None:
    """Draw a row per session, with a button to end it if the administrator may.

    Args:
        rows: The sessions.
        page_url: The path and query of the page that shows the dialog and its notices.
        with_person: Name the person of each session.
    """
    can_end = access.allows(Permission.END_SESSIONS)
    can_link = access.allows(Permission.READ_PEOPLE)
    for session in rows:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"session-{session.ref}"):
            with st.container(gap=None):
                if with_person:
                    _person(session, linked=can_link)
                current = " · **this browser**" if session.current else ""
                st.markdown(f"{formatting.plain(formatting.browser(session.browser))}{current}")
                labels.small(_summary(session))
            if can_end and not session.current:
                st.button("End…", key=f"end-{session.ref}", on_click=dialogs.open_dialog, args=(END, page_url, session))


def _person(session: SessionItem, *, linked: bool) -> None:
    name = f"**{formatting.plain(session.person.shown_name, cap=80)}**"
    if linked:
        st.page_link(
            BY_FILE["people.py"].script, label=name, icon=":material/person:",
            query_params={"person": str(session.person.id)},
        )  # fmt: skip
    else:
        st.markdown(name)


def _summary(session: SessionItem) -> str:
    """Start, address, last use and page, in one line of markdown-safe text."""
    # Titles of pages that this administrator may not open stay hidden.
    row = BY_PATH.get(session.page.strip("/")) if session.page else None
    where = f" on {row.title}" if row is not None and access.allows_row(row) else ""
    return (
        f"Signed in {labels.ago(session.since)} from {formatting.plain(session.address or 'an unknown address')} · "
        f"last used {labels.ago(session.last_seen_at)}{where}"
    )


def show_dialog(dialog: Dialog) -> None:
    """Draw the dialog that ends a session; close it if the administrator may no longer end sessions."""
    if not access.allows(Permission.END_SESSIONS) or dialog.name != END:
        dialogs.close()
        return
    dialogs.show("End this session?", partial(_body, dialog), icon=":material/logout:")


def _body(dialog: Dialog) -> None:
    session: SessionItem = dialog.arguments[0]
    person_name = confirmation.bold_name(session.person.shown_name)
    browser = formatting.plain(formatting.browser(session.browser))
    end_all = st.checkbox("End all sessions of this person", key="end-session-all")
    extent = "everywhere" if end_all else f"in that browser ({browser})"
    effects = (
        f"{person_name} is signed out {extent} at once, and sees why.",
        "Input that they have not saved is lost.",
        "They can sign in again. To keep them out, block them.",
    )

    def end(reason: str) -> None:
        if end_all:
            ended = end_sessions_of(session.person.id, reason=reason)
            notices.post(f"{labels.quantity(ended, 'session')} of {person_name} ended.", dialog.page_url)
            return
        try:
            end_session(session.ref, reason=reason)
        except NotFound:
            notices.post(f"That session of {person_name} had ended already.", dialog.page_url)
        else:
            notices.post(f"The session of {person_name} ({browser}) has ended.", dialog.page_url)

    confirmation.confirm(
        "end-session", effects, action="End session", on_confirm=end, icon=":material/logout:",
        placeholder="Such as: a lost device",
    )  # fmt: skip
