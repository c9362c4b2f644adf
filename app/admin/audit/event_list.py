"""The list of audit events by day, one event in full, and the state of the audit chain."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import formatting
from app.admin.api import audit as audit_api
from app.admin.audit import presentation
from app.admin.widgets import pagination
from app.admin.widgets.links import AUDIT, link
from app.core.audit_rows import AuditQuery
from app.core.clock import utc_now
from app.core.contract.audit import AuditItem, Chain
from app.core.errors import GatehouseError, NotFound, TooManyRequests
from app.ui import failures, texts

SIZE: Final = 30
_VERIFICATION: Final = "audit_verified"
_COLORS: Final = {"done": "green", "refused": "orange", "failed": "red"}


def show(query: AuditQuery) -> None:
    """Draw one page of the events that match.

    Raises:
        GatehouseError: The events cannot be loaded.
    """
    with st.spinner("Loading events…"):
        page = audit_api.events(query, cursor=pagination.cursor("audit", query), limit=SIZE)
    if not page.rows:
        st.info(
            "Nothing has been recorded yet." if query == AuditQuery() else "No event matches. Remove a filter.",
            icon=":material/search_off:",
        )
    for day in presentation.by_day(page.rows):
        st.markdown(f"**{day.day:%A, %-d %B %Y}**")
        with st.container(gap=None):
            for event in day.events:
                with st.expander(label(event), key=f"event-{event.seq}"):
                    details(event)
    pagination.control("audit", query, page, size=SIZE, singular="event", plural="events")


def show_event(seq: int) -> None:
    """Draw the event with this number, or a message that there is none.

    Raises:
        GatehouseError: The event cannot be loaded for another reason.
    """
    link(AUDIT, "All events", icon=":material/arrow_back:")
    try:
        event = audit_api.event(seq)
    except NotFound:
        st.write("There is no event with this number. It may lie below the retention boundary.")
        return
    st.markdown(f"**{texts.timestamp(event.at)}**")
    st.markdown(label(event))
    details(event)


def label(event: AuditItem) -> str:
    """Outcome, time and sentence of an event, as markdown-safe text."""
    color = _COLORS.get(event.outcome, "gray")
    icon = presentation.outcome_icon(event.outcome)
    return f":{color}[{icon}] {event.at:%H\\:%M\\:%S} {formatting.plain(event.sentence, cap=500)}"


def details(event: AuditItem) -> None:
    """Draw the other fields of an event as a list, and the whole event as JSON."""
    lines = [("Outcome", presentation.outcome_label(event.outcome)), ("Reason", event.reason), ("By", event.actor)]
    lines += [("Target", event.target), ("Address", event.address), ("Reference", event.correlation_id)]
    st.markdown("\n".join(f"- {name}: {formatting.plain(text, cap=500)}" for name, text in lines if text))
    st.code(presentation.event_json(event), language="json", wrap_lines=True)


def chain() -> None:
    """Draw the state of the chain from a quick check of its end, with a button that verifies all of it."""
    with st.container(border=True, key="audit-chain", gap="xsmall"):
        with failures.show_errors("audit-chain-failed"):
            _head(audit_api.chain_head())
        if st.button("Verify everything", key="audit-verify", icon=":material/fact_check:"):
            _verify()
        verification: tuple[Chain, str] | None = st.session_state.get(_VERIFICATION)
        if verification is not None:
            _result(*verification)


def _head(head: Chain) -> None:
    if not head.sealed:
        st.error(
            "**The end of the audit is not as Gatehouse left it.** It may have been changed in the database. "
            "Verify everything to see where, and compare with a checkpoint kept elsewhere.",
            icon=":material/gpp_bad:",
        )
        return
    last = f"Event {head.seq:,} is the last, {texts.ago(head.last_at)}." if head.last_at else "There is no event yet."
    st.markdown(f":green[:material/verified_user:] **The chain is sealed.** {last}")
    if head.boundary_seq:
        st.caption(f"Events up to number {head.boundary_seq:,} were deleted under a sealed retention boundary.")


def _verify() -> None:
    """Verify the whole chain; the result stays in the tab."""
    started_at = utc_now()
    st.session_state.pop(_VERIFICATION, None)
    try:
        with st.spinner("Verifying every event. With a million of them this takes a minute or more…", show_time=True):
            result = audit_api.verify_chain()
    except TooManyRequests as error:
        st.info(f"The chain is being verified already. {failures.message(error)}", icon=":material/hourglass_empty:")
    except GatehouseError as error:
        failures.show(error, key="audit-verify-failed")
    else:
        seconds = max(1, round((utc_now() - started_at).total_seconds()))
        st.session_state[_VERIFICATION] = (result, f"{started_at:%H\\:%M} UTC, in {texts.quantity(seconds, 'second')}")


def _result(result: Chain, time_text: str) -> None:
    if result.good and result.verified:
        st.success(
            f"**All {result.events:,} events are intact:** none was changed, removed or inserted. "
            f"Verified at {time_text}.",
            icon=":material/verified:",
        )
        return
    if result.good:
        st.warning(
            f"**The chain has not been followed to its end.** The first {result.events:,} events are intact.",
            icon=":material/hourglass_bottom:",
        )
        return
    st.error(f"**The audit was tampered with.** Verified at {time_text}:", icon=":material/gpp_bad:")
    st.markdown("\n".join(f"- {formatting.plain(problem, cap=300)}" for problem in result.problems[:20]))
    if len(result.problems) > 20:  # noqa: PLR2004 - as many as are listed
        st.caption(f"And {len(result.problems) - 20:,} more.")
    st.write("Keep the database as it is now, and compare it with a checkpoint and with a backup.")
