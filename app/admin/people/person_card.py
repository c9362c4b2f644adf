"""The card of a person: identity, grants, effective permissions, sessions and recent audit events."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api.audit import events
from app.admin.api.people import person
from app.admin.api.sessions import sessions_of
from app.admin.people import change_dialogs, grant_table, people_list, session_list
from app.admin.people.effective_permissions import show_permissions
from app.admin.widgets import audit_events
from app.core.administration_records import PersonState
from app.core.audit_rows import AuditQuery
from app.core.contract.people import PersonBody
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import Permission
from app.core.principal import Subject
from app.navigation import BY_PATH
from app.ui import cells, dialogs, failures, notices, texts
from app.ui.layout import header
from app.ui.table import Table
from app.ui.table_parts import OPEN, Column, Row

_RECENT_EVENTS: Final = 8
_BADGES: Final = {
    PersonState.ACTIVE: ":green-badge[:material/check_circle: Active]",
    PersonState.PENDING: ":gray-badge[:material/hourglass_empty: Not signed in yet]",
    PersonState.BLOCKED: ":red-badge[:material/block: Blocked: can open nothing]",
    PersonState.ERASED: ":gray-badge[:material/delete: Erased]",
}
_EVENTS: Final = Table(
    "events-of-person",
    columns=(Column("when", "When", kind="short"), Column("what", "What happened", kind="prose", opens=True)),
    singular="event",
    plural="events",
)


def requested_person() -> int | None:
    """The id of the person in the page's address; 0 if it is not an id, None for the list of people."""
    text = st.query_params.get("person")
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004 - fits the storage's number


def page_url_of(person_id: int) -> str:
    """The path and query of the page of a person, which shows its notices and dialogs."""
    return f"/people?person={person_id}"


def show(person_id: int) -> None:
    """Draw the card."""
    page_url = page_url_of(person_id)
    st.button(
        "All people", key="all-people", icon=":material/arrow_back:", type="tertiary", on_click=people_list.back_to_list
    )
    try:
        with st.spinner("Loading the person…"):
            card = person(person_id)
    except NotFound:
        st.title("Person not found")
        notices.show(page_url)
        st.write("There is no person with this id. The address may be old or incomplete.")
        return
    except GatehouseError as error:
        st.title("Person")
        panels.problem(error)
        return
    own = access.principal().subject == Subject(card.subject.issuer, card.subject.subject)
    with header(formatting.plain(card.shown_name, cap=80)):
        _buttons(card, own=own, page_url=page_url)
    notices.show(page_url)
    _identity(card, own=own)
    grant_table.show(card, changing=not own and access.allows(Permission.MANAGE_GRANTS), page_url=page_url)
    show_permissions(card)
    if access.allows(Permission.READ_SESSIONS):
        _sessions(card, own=own, page_url=page_url)
    if access.allows(Permission.READ_AUDIT):
        _audit(card)
    dialog = dialogs.current(page_url)
    if dialog is not None and dialog.name == session_list.END:
        session_list.show_dialog(dialog)
    elif dialog is not None:
        change_dialogs.show(dialog, card)


def _buttons(card: PersonBody, *, own: bool, page_url: str) -> None:
    """What can be done with the person; an action that would be refused has no button."""
    if own:
        return
    blocked, erased = card.state is PersonState.BLOCKED, card.state is PersonState.ERASED
    offered = (
        ("erase", "Erase…", ":material/delete_forever:", Permission.ERASE_PEOPLE, not erased, "secondary"),
        ("block", "Block…", ":material/block:", Permission.BLOCK_PEOPLE, not blocked, "secondary"),
        ("unblock", "Unblock…", ":material/lock_open:", Permission.BLOCK_PEOPLE, blocked, "secondary"),
        ("add-grant", "Grant…", ":material/add_circle:", Permission.MANAGE_GRANTS, True, "primary"),
    )
    for name, label, icon, permission, fits, kind in offered:
        if fits and access.decide(permission).allowed_after_step_up:
            st.button(label, key=name, icon=icon, type=kind, on_click=dialogs.open_dialog, args=(name, page_url))  # type: ignore[arg-type] # one of Streamlit's kinds


def _identity(card: PersonBody, *, own: bool) -> None:
    badges = [_BADGES[card.state]]
    if card.machine:
        badges.append(":blue-badge[:material/smart_toy: Machine]")
    if card.counts_as_administrator:
        badges.append(":violet-badge[:material/shield_person: Administrator]")
    if own:
        badges.append(":green-badge[You]")
    st.markdown(" ".join(badges))
    lines = []
    if card.email:
        verified = "" if card.email_verified else " (not verified by the provider)"
        lines.append(f"{formatting.plain(card.email)}{verified}")
    if card.first_seen_at is None:
        lines.append("Has not signed in yet. Grants take effect at the first sign-in.")
    else:
        lines.append(f"Last seen {texts.ago(card.last_seen_at)}, first on {texts.timestamp(card.first_seen_at)}")
    st.markdown(" · ".join(lines))
    with st.expander("User ID", icon=":material/fingerprint:"):
        st.code(card.subject.subject, language=None, wrap_lines=True)
        texts.small(f"At the sign-in provider {formatting.plain(card.subject.issuer, cap=255)}")
    if own:
        st.info(
            "This is you. You cannot change your own permissions: ask another administrator.", icon=":material/info:"
        )


def _sessions(card: PersonBody, *, own: bool, page_url: str) -> None:
    with failures.show_errors("sessions-failed"):
        sessions = sessions_of(card.id)
        with header("Signed in now", level=2, key="sessions"):
            if len(sessions) > 1 and access.allows(Permission.END_SESSIONS):
                label = "End all other sessions…" if own else "End all sessions…"
                st.button(
                    label, key="end-all", icon=":material/logout:",
                    on_click=dialogs.open_dialog, args=("end-all", page_url, len(sessions)),
                )  # fmt: skip
        if sessions:
            session_list.show_of_person(sessions, page_url)
        else:
            st.write("No active sessions.")


def _audit(card: PersonBody) -> None:
    row = BY_PATH.get("audit")
    with failures.show_errors("audit-failed"):
        page = events(AuditQuery(name=card.audit_name), limit=_RECENT_EVENTS)
        with header("Recent activity", level=2, key="activity"):
            if page.rows and row is not None and access.allows_row(row):
                st.page_link(
                    row.script, label="All activity", icon=":material/history:", query_params={"name": card.audit_name}
                )
        if not page.rows:
            st.write("Nothing yet.")
            return
        rows = [
            Row(
                str(event.seq),
                event.sentence,
                (cells.time(event.at), audit_events.sentence(event)),
                href=f"audit?event={event.seq}",
            )
            for event in page.rows
        ]
        pressed = _EVENTS.show("Recent activity", rows)
        if pressed is not None and pressed.name == OPEN and row is not None:
            st.switch_page(row.script, query_params={"event": pressed.row})
