"""The component's event contract, to be tried out: what its front end may say, what the host does, and the log of it.

For the API explorer. All text from events is shown as text (``texts.plain``).
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access, component_events, formatting
from app.component_events import Entry, EventLog
from app.core.assurance import Requirement
from app.sign_in import sign_in_address
from component.auth0 import Account, Call, console
from component.events import AppAuthRequest, EventName, EventSource

_LOG: Final = "gatehouse_event_log"
_SHOWN: Final = 12
_WORDS: Final = {EventSource.FRONT_END: "browser", EventSource.HOST: "host"}
CALLS: Final = (
    Call("Public ping", "GET", "/api/ping"),
    Call("Protected ping", "GET", "/api/pong"),
    Call("Scoped ping", "GET", "/api/pong-scoped"),
    Call("Who am I", "GET", "/api/v1/me"),
    Call("Echo", "POST", "/api/echo", '{"text": "Sent by the front end, carried out by its host."}'),
    Call("Another host, which is refused", "GET", "https://example.com/api/ping"),
    Call("A path that is on no list, which is refused", "GET", "/openapi.json"),
)
"""What the console offers to ask the host for; the last two to see them refused. The host has its own list."""


def front_end(key: str = "console") -> EventLog:
    """The component's side: buttons that send events. Returns the log, with what has just come in."""
    log: EventLog = st.session_state.setdefault(_LOG, EventLog())
    session = access.current_session()
    account = None
    if session is not None:
        who = access.caller_of(session).principal
        name = who.name or who.email or session.person.subject.subject
        account = Account(name, formatting.initials(name), "", (), valid_until=session.expires_at)
    console(
        key=key,
        account=account,
        calls=CALLS,
        events=frozenset(EventName),
        on_event=component_events.handler(sign_in=_sign_in_anew, call=component_events.call_api, log=log),
    )
    return log


def _sign_in_anew(asked: AppAuthRequest) -> str:
    """Where somebody who is signed in signs in once more; the session goes on."""
    return sign_in_address(return_to=asked.return_to, step_up=Requirement(max_age_seconds=0))


def event_log(log: EventLog) -> None:
    """The newest events, newest first, as a list of text; and the reports that were kept."""
    st.caption(f"{log.count} event{'' if log.count == 1 else 's'} so far. Nothing of it is stored.")
    with st.container(key="event-log"):
        entries = list(log)[:_SHOWN]
        if not entries:
            st.info("No event has come yet. Press a button above.", icon=":material/info:")
            return
        # A list, not a table: it can be read in a narrow window too.
        st.markdown("\n".join(f"- {_name(entry)}  \n  {formatting.plain(entry.said)}" for entry in entries))
    if log.reports:
        with st.container(key="reports", border=True):
            report = log.reports[0]
            st.markdown(f"**Last report kept: {formatting.plain(report.title)}**")
            st.text(report.text or "(no text)")


def _name(entry: Entry) -> str:
    """Which event, from whom and when."""
    code = f" {formatting.plain(entry.code)}" if entry.code else ""
    return f"**{entry.name.value}**{code} from the {_WORDS[entry.source]}, {entry.at:%H:%M:%S} UTC"
