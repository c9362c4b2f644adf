"""Live sessions: who is here, from what, since when, on which page; ending one."""

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

PLACE: Final = "/sessions"
SIZE: Final = 25
END: Final = "end-session"


def page() -> None:
    """The whole page of sessions."""
    st.title("Sessions")
    labels.small("Who is signed in now, last used first. A person has one session per browser.")
    notices.show(PLACE)
    cursor = pagination.cursor("sessions", None)
    try:
        with st.spinner("Looking who is here…"):
            found = sessions(cursor=cursor, limit=SIZE)
    except GatehouseError as error:
        if cursor and isinstance(error, InvalidInput):  # what the cursor pointed to is gone: begin again
            pagination.restart("sessions")
            st.rerun()
        panels.problem(error)
        return
    if not found.rows:
        st.info("Nobody is here but you." if not cursor else "No more sessions.", icon=":material/hourglass_empty:")
    show(found.rows, PLACE, with_person=True)
    pagination.control("sessions", None, found, size=SIZE, singular="session", plural="sessions")
    st.button("Look again", key="refresh", icon=":material/refresh:", type="tertiary")
    dialog = dialogs.current(PLACE)
    if dialog is not None:
        show_dialog(dialog)


def show(found: Iterable[SessionItem], place: str, *, with_person: bool) -> None:
    """The rows, each with the way to end it where that may be done."""
    ending = access.allows(Permission.END_SESSIONS)
    linking = access.allows(Permission.READ_PEOPLE)
    for session in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"session-{session.ref}"):
            with st.container(gap=None):
                if with_person:
                    _person(session, linking=linking)
                here = " · **this is you, here**" if session.current else ""
                st.markdown(f"{formatting.plain(formatting.browser(session.browser))}{here}")
                labels.small(_about(session))
            if ending and not session.current:
                st.button("End…", key=f"end-{session.ref}", on_click=dialogs.open_dialog, args=(END, place, session))


def _person(session: SessionItem, *, linking: bool) -> None:
    name = f"**{formatting.plain(session.person.shown_name, cap=80)}**"
    if linking:
        st.page_link(
            BY_FILE["people.py"].script, label=name, icon=":material/person:",
            query_params={"person": str(session.person.id)},
        )  # fmt: skip
    else:
        st.markdown(name)


def _about(session: SessionItem) -> str:
    """Since when, from where, last used when and where, in one line of markdown-safe text."""
    # The title of a page that this administrator may not open is nobody's business here either.
    row = BY_PATH.get(session.page.strip("/")) if session.page else None
    where = f" on {row.title}" if row is not None and access.allows_row(row) else ""
    return (
        f"Signed in {labels.ago(session.since)} from {formatting.plain(session.address or 'an unknown address')} · "
        f"last used {labels.ago(session.last_seen_at)}{where}"
    )


def show_dialog(dialog: Dialog) -> None:
    """The dialog that ends a session, or all of a person; closed when that may not be done any more."""
    if not access.allows(Permission.END_SESSIONS) or dialog.name != END:
        dialogs.close()
        return
    dialogs.show("End this session?", partial(_body, dialog), icon=":material/logout:")


def _body(dialog: Dialog) -> None:
    session: SessionItem = dialog.about[0]
    who = confirmation.bold_name(session.person.shown_name)
    on = formatting.plain(formatting.browser(session.browser))
    whole = st.checkbox("End all sessions of this person", key="end-session-all")
    says = (
        f"{who} is signed out {'everywhere' if whole else f'there ({on})'} at once, and told so.",
        "What they had typed and not saved is lost.",
        "They can sign in again. To keep them out, block them.",
    )

    def do(reason: str) -> None:
        if whole:
            ended = end_sessions_of(session.person.id, reason=reason)
            notices.post(f"{labels.quantity(ended, 'session')} of {who} ended.", dialog.place)
            return
        try:
            end_session(session.ref, reason=reason)
        except NotFound:
            notices.post(f"That session of {who} had ended already.", dialog.place)
        else:
            notices.post(f"The session of {who} ({on}) has ended.", dialog.place)

    confirmation.confirm(
        "end-session",
        says,
        action="End it",
        on_confirm=do,
        icon=":material/logout:",
        placeholder="Such as: a lost device",
    )
