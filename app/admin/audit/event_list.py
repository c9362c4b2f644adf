"""The audit on the page: events by day, each a sentence with all of it on demand, and the state of its chain."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import formatting
from app.admin.api import audit as audit_api
from app.admin.audit import presentation
from app.admin.widgets import failures, labels, pagination
from app.admin.widgets.links import AUDIT, link
from app.core.audit_rows import AuditQuery
from app.core.clock import utc_now
from app.core.contract.audit import AuditItem, Chain
from app.core.errors import GatehouseError, NotFound, TooManyRequests

SIZE: Final = 30
_VERIFIED: Final = "audit_verified"
_COLORS: Final = {"done": "green", "refused": "orange", "failed": "red"}


def show(asked: AuditQuery) -> None:
    """One page of the events that match; raises as the call does."""
    with st.spinner("Looking for events…"):
        page = audit_api.events(asked, cursor=pagination.cursor("audit", asked), limit=SIZE)
    if not page.rows:
        everything = asked == AuditQuery()
        st.info(
            "Nothing has been recorded yet." if everything else "No event matches. Take away a filter.",
            icon=":material/search_off:",
        )
    for day in presentation.by_day(page.rows):
        st.markdown(f"**{day.day:%A, %-d %B %Y}**")
        with st.container(gap=None):
            for one in day.events:
                with st.expander(label(one), key=f"event-{one.seq}"):
                    facts(one)
    pagination.control("audit", asked, page, size=SIZE, singular="event", plural="events")


def show_one(seq: int) -> None:
    """One event, by its number; raises as the call does, but says itself that there is none."""
    link(AUDIT, "All events", icon=":material/arrow_back:")
    try:
        one = audit_api.event(seq)
    except NotFound:
        st.write("There is no event with this number. It may lie below the retention boundary.")
        return
    st.markdown(f"**{labels.timestamp(one.at)}**")
    st.markdown(label(one))
    facts(one)


def label(one: AuditItem) -> str:
    """Time, outcome and sentence, as markdown-safe text."""
    color = _COLORS.get(one.outcome, "gray")
    icon = presentation.outcome_icon(one.outcome)
    return f":{color}[{icon}] {one.at:%H\\:%M\\:%S} {formatting.plain(one.sentence, cap=500)}"


def facts(one: AuditItem) -> None:
    """What else is known of an event, in words, and all of it as it is kept."""
    lines = [("Outcome", presentation.outcome_word(one.outcome)), ("Reason", one.reason), ("By", one.actor)]
    lines += [("Done to", one.target), ("From", one.address), ("Request number", one.correlation_id)]
    st.markdown("\n".join(f"- {name}: {formatting.plain(text, cap=500)}" for name, text in lines if text))
    st.code(presentation.raw(one), language="json", wrap_lines=True)


def chain() -> None:
    """Whether the audit is whole, as far as a quick look tells; and a look at all of it on demand."""
    with st.container(border=True, key="audit-chain", gap="xsmall"):
        with failures.show_errors("audit-chain-failed"):
            _head(audit_api.chain_head())
        if st.button("Verify everything", key="audit-verify", icon=":material/fact_check:"):
            _verify()
        verified: tuple[Chain, str] | None = st.session_state.get(_VERIFIED)
        if verified is not None:
            _result(*verified)


def _head(head: Chain) -> None:
    if not head.sealed:
        st.error(
            "**The end of the audit is not as Gatehouse left it.** Somebody may have changed it in the database. "
            "Verify everything to see where, and compare with a checkpoint kept elsewhere.",
            icon=":material/gpp_bad:",
        )
        return
    last = f"Event {head.seq:,} is the last, {labels.ago(head.last_at)}." if head.last_at else "There is no event yet."
    st.markdown(f":green[:material/verified_user:] **The chain is sealed.** {last}")
    if head.boundary_seq:
        st.caption(f"Events up to number {head.boundary_seq:,} were deleted under a sealed retention boundary.")


def _verify() -> None:
    """Verify the whole chain, and remember what came of it."""
    begun = utc_now()
    st.session_state.pop(_VERIFIED, None)
    try:
        with st.spinner("Verifying every event. With a million of them this takes a minute or more…", show_time=True):
            found = audit_api.verify_chain()
    except TooManyRequests as error:
        st.info(f"The chain is being verified already. {failures.message(error)}", icon=":material/hourglass_empty:")
    except GatehouseError as error:
        failures.show(error, key="audit-verify-failed")
    else:
        seconds = max(1, round((utc_now() - begun).total_seconds()))
        st.session_state[_VERIFIED] = (found, f"{begun:%H\\:%M} UTC, in {labels.quantity(seconds, 'second')}")


def _result(found: Chain, when: str) -> None:
    if found.good and found.verified:
        st.success(
            f"**All {found.events:,} events are whole:** none was changed, taken out or put in. Verified at {when}.",
            icon=":material/verified:",
        )
        return
    if found.good:
        st.warning(
            f"**The chain has not been followed to its end.** The first {found.events:,} events are whole.",
            icon=":material/hourglass_bottom:",
        )
        return
    st.error(f"**The audit was tampered with.** Verified at {when}:", icon=":material/gpp_bad:")
    st.markdown("\n".join(f"- {formatting.plain(problem, cap=300)}" for problem in found.problems[:20]))
    if len(found.problems) > 20:  # noqa: PLR2004 - as many as are listed
        st.caption(f"And {len(found.problems) - 20:,} more.")
    st.write("Keep the database as it is now, and compare it with a checkpoint and with a backup.")
