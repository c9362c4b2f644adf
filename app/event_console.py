"""The console of the API explorer, which sends each kind of event to the host and shows the log.

All text from events is shown as plain text (``formatting.plain``).
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access, component_events, formatting
from app.component_events import Entry, EventLog
from app.core.assurance import SignInRequirement
from app.sign_in import sign_in_url
from component.auth0 import Account, Call, console
from component.events import AppAuthRequest, EventName, EventSource

_LOG: Final = "gatehouse_event_log"
_MAX_ENTRIES: Final = 12
_SIDES: Final = {EventSource.FRONT_END: "browser", EventSource.HOST: "host"}
CALLS: Final = (
    Call("Public ping", "GET", "/api/ping"),
    Call("Protected ping", "GET", "/api/pong"),
    Call("Scoped ping", "GET", "/api/pong-scoped"),
    Call("Who am I", "GET", "/api/v1/me"),
    Call("Echo", "POST", "/api/echo", '{"text": "Sent by the front end, called by its host."}'),
    Call("Another host, which is refused", "GET", "https://example.com/api/ping"),
    Call("A path that is on no list, which is refused", "GET", "/openapi.json"),
)
"""Calls that the console offers. The host has its own list and refuses the last two."""


def front_end(key: str = "console") -> EventLog:
    """Show buttons that send events and return the log with the events just received.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
    """
    log: EventLog = st.session_state.setdefault(_LOG, EventLog())
    session = access.current_session()
    account = None
    if session is not None:
        principal = access.caller_of(session).principal
        name = principal.name or principal.email or session.person.subject.subject
        account = Account(name, formatting.initials(name), "", (), valid_until=session.expires_at)
    console(
        key=key,
        account=account,
        calls=CALLS,
        events=frozenset(EventName),
        on_event=component_events.handler(sign_in=_step_up_url, call=component_events.call_api, log=log),
    )
    return log


def _step_up_url(request: AppAuthRequest) -> str:
    """The address of a new sign-in by a signed-in user, whose session continues."""
    return sign_in_url(return_to=request.return_to, step_up=SignInRequirement(max_age_seconds=0))


def event_log(log: EventLog) -> None:
    """Show the events, newest first, and the last report."""
    st.caption(f"{log.count} event{'' if log.count == 1 else 's'} so far. Events are not stored.")
    with st.container(key="event-log"):
        entries = list(log)[:_MAX_ENTRIES]
        if not entries:
            st.info("No event has been received yet. Press a button above.", icon=":material/info:")
            return
        # A list, not a table: it is readable in a narrow window too.
        st.markdown("\n".join(f"- {_name(entry)}  \n  {formatting.plain(entry.message)}" for entry in entries))
    if log.reports:
        with st.container(key="reports", border=True):
            report = log.reports[0]
            st.markdown(f"**Last report: {formatting.plain(report.title)}**")
            st.text(report.text or "(no text)")


def _name(entry: Entry) -> str:
    """Name, code, side and time of an event."""
    code = f" {formatting.plain(entry.code)}" if entry.code else ""
    return f"**{entry.name.value}**{code} from the {_SIDES[entry.source]}, {entry.at:%H:%M:%S} UTC"
