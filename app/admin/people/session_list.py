"""Live sessions: user, browser, start and page, with a dialog to end them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api.sessions import end_session, end_sessions_of, sessions
from app.core.contract.sessions import SessionItem
from app.core.errors import GatehouseError, NotFound
from app.core.list_orders import SessionSort
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.navigation import BY_FILE, BY_PATH
from app.ui import cells, confirmation, dialogs, notices
from app.ui.cells import Tone
from app.ui.dialogs import Dialog
from app.ui.layout import header
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, write
from app.ui.states import empty
from app.ui.table import Table
from app.ui.table_parts import OPEN, Action, Column, Row, TableEvent

PAGE_URL: Final = "/sessions"
END: Final = "end-session"


SESSIONS: Final = Table(
    "sessions",
    columns=(
        Column("person", "Person"),
        Column("browser", "Browser"),
        Column("address", "Address", kind="short", hides="late"),
        Column("since", "Signed in", sort="since", newest_first=True, kind="short", hides="late"),
        Column("used", "Last used", sort="last_seen_at", newest_first=True, kind="short"),
    ),
    singular="session",
    plural="sessions",
    sort="-last_seen_at",
    in_address=True,
)
OF_PERSON: Final = Table(
    "sessions-of-person",
    columns=tuple(replace(column, sort="") for column in SESSIONS.columns if column.key != "person"),
    singular="session",
    plural="sessions",
)
_END_ACTION: Final = Action(END, "End…", danger=True)


def page() -> None:
    """Draw the page of all sessions."""
    with header("Sessions", caption="Who is signed in now, from which browser. Each browser has a session of its own."):
        st.button("Refresh", key="refresh", icon=":material/refresh:")
    notices.show(PAGE_URL)
    text = st.text_input(
        "Search", key="sessions-q", type="search", live="250ms", placeholder="Name, e-mail or user ID of the person",
        autocomplete="off", max_chars=MAX_SEARCH_CHARACTERS, width=360,
    ).strip()  # fmt: skip
    try:
        with st.spinner("Loading sessions…"):
            listed = SESSIONS.load(
                text, lambda at: sessions(text, sort=SessionSort(at.sort), cursor=at.cursor, limit=at.size)
            )
    except GatehouseError as error:
        panels.problem(error, input_kept=True)
        return
    if listed.rows:
        event = SESSIONS.show(
            "Sessions", [_row(row, with_person=True) for row in listed.rows], listed, row_actions=_row_actions()
        )
        _handle(event, listed.rows, PAGE_URL)
    else:
        empty(
            "No match." if text else "No active sessions.",
            "No one with such a name, e-mail or user ID is signed in now." if text else "",
            icon="search_off" if text else "hourglass_empty",
            key="sessions",
        )
    dialog = dialogs.current(PAGE_URL)
    if dialog is not None:
        show_dialog(dialog)


def show_of_person(rows: Sequence[SessionItem], page_url: str) -> None:
    """Draw the table of one person's sessions. ``page_url``: the page that shows the dialog and its notices."""
    event = OF_PERSON.show("Sessions", [_row(row, with_person=False) for row in rows], row_actions=_row_actions())
    _handle(event, rows, page_url)


def _row_actions() -> list[Action]:
    return [_END_ACTION] if access.allows(Permission.END_SESSIONS) else []


def _handle(event: TableEvent | None, rows: Sequence[SessionItem], page_url: str) -> None:
    session = next((row for row in rows if event is not None and row.ref == event.row), None)
    if event is None or session is None:
        return
    if event.name == END:
        dialogs.open_dialog(END, page_url, session)
    elif event.name == OPEN:
        st.switch_page(BY_FILE["people.py"].script, query_params={"person": str(session.person.id)})


def _row(session: SessionItem, *, with_person: bool) -> Row:
    browser = cells.text(formatting.browser(session.browser))
    if session.current:
        browser = cells.with_badges(browser, [cells.badge("this browser", tone=Tone.INFORMATION)])
    # Titles of pages that this administrator may not open stay hidden.
    row = BY_PATH.get(session.page.strip("/")) if session.page else None
    where = f"on {row.title}" if row is not None and access.allows_row(row) else ""
    others = (
        browser,
        cells.text(session.address or "unknown"),
        cells.time(session.since),
        cells.time(session.last_seen_at, detail=where),
    )
    person = (cells.person(session.person.shown_name),) if with_person else ()
    return Row(
        session.ref,
        f"{session.person.shown_name}, {formatting.browser(session.browser)}",
        (*person, *others),
        href=f"people?person={session.person.id}" if with_person and access.allows(Permission.READ_PEOPLE) else "",
        actions=() if session.current else (END,),
    )


def show_dialog(dialog: Dialog) -> None:
    """Draw the dialog that ends a session; close it if the administrator may no longer end sessions."""
    if not access.allows(Permission.END_SESSIONS) or dialog.name != END:
        dialogs.close()
        return
    session: SessionItem = dialog.arguments[0]
    title = write(DialogTitle.END_SESSION, person=session.person.shown_name, browser=_browser(session))
    dialogs.show(title, partial(_body, dialog, session), icon=":material/logout:")


def _browser(session: SessionItem) -> str:
    return formatting.browser(session.browser)


def _body(dialog: Dialog, session: SessionItem) -> None:
    name, browser = session.person.shown_name, _browser(session)
    end_all = st.checkbox("End all sessions of this person", key="end-session-all")
    effect = (
        write(DialogText.ENDS_SESSIONS, people=[name])
        if end_all
        else write(DialogText.ENDS_SESSION, person=name, browser=browser)
    )

    def end(reason: str) -> None:
        if end_all:
            ended = end_sessions_of(session.person.id, reason=reason)
            text = NoticeText.SESSIONS_ENDED if ended else NoticeText.NO_SESSION
            notices.post(write(text, person=name, sessions=ended), dialog.page_url)
            return
        try:
            end_session(session.ref, reason=reason)
        except NotFound:
            notices.post(write(NoticeText.SESSION_GONE, person=name, browser=browser), dialog.page_url)
        else:
            notices.post(write(NoticeText.SESSION_ENDED, person=name, browser=browser), dialog.page_url)

    confirmation.confirm(
        "end-session", (effect, write(DialogText.CAN_RETURN, people=[name])),
        action=write(ButtonText.END_SESSIONS if end_all else ButtonText.END_SESSION), on_confirm=end,
        icon=":material/logout:", placeholder="Such as: a lost device",
    )  # fmt: skip
