"""The state of the audit chain in a line, and its verification."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import formatting
from app.admin.api import audit as audit_api
from app.core import logs
from app.core.clock import utc_now
from app.core.contract.audit import Chain
from app.core.errors import GatehouseError, TooManyRequests
from app.ui import failures, texts

_VERIFICATION: Final = "audit_verified"
_MAX_PROBLEMS: Final = 20


def show() -> Chain | None:
    """Draw the state from a quick check of the chain's end, and a button that verifies all of it; return the state."""
    head = None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="audit-chain"):
        try:
            with st.spinner("Reading the state of the audit…"):
                head = audit_api.chain_head()
        except GatehouseError as error:
            logs.report(error, where="the state of the audit")
            st.markdown(f":orange[:material/help:] The state of the chain is unknown. {failures.message(error)}")
        else:
            _head(head)
        verify = st.button("Verify all events", key="audit-verify", type="tertiary", icon=":material/fact_check:")
    if verify:
        _verify()
    verification: tuple[Chain, str] | None = st.session_state.get(_VERIFICATION)
    if verification is not None:
        _result(*verification)
    return head


def _head(head: Chain) -> None:
    if not head.sealed:
        st.error(
            "**The end of the audit is not as Gatehouse left it.** It may have been changed in the database. "
            "Verify all events to see where, and compare with a checkpoint kept elsewhere.",
            icon=":material/gpp_bad:",
        )
        return
    last = f"Event {head.seq:,} is the last, {texts.ago(head.last_at)}." if head.last_at else "There is no event yet."
    pruned = f" Events up to {head.boundary_seq:,} were deleted under a sealed boundary." if head.boundary_seq else ""
    st.markdown(f":green[:material/verified_user:] **The chain is sealed.** {last}{pruned}", width="content")


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
        st.session_state[_VERIFICATION] = (
            result,
            f"{texts.timestamp(started_at)}, in {texts.quantity(seconds, 'second')}",
        )


def _result(result: Chain, time_text: str) -> None:
    if result.good and result.verified:
        st.success(
            f"**All {result.events:,} events are intact:** none was changed, removed or inserted. "
            f"Verified on {time_text}.",
            icon=":material/verified:",
        )
        return
    if result.good:
        st.warning(
            f"**The chain has not been followed to its end.** The first {result.events:,} events are intact.",
            icon=":material/hourglass_bottom:",
        )
        return
    st.error(f"**The audit was tampered with.** Verified on {time_text}:", icon=":material/gpp_bad:")
    listed = "\n".join(f"- {formatting.plain(problem, cap=300)}" for problem in result.problems[:_MAX_PROBLEMS])
    st.markdown(listed)
    if len(result.problems) > _MAX_PROBLEMS:
        st.markdown(f"And {len(result.problems) - _MAX_PROBLEMS:,} more.")
    st.markdown("Keep the database as it is now, and compare it with a checkpoint and with a backup.")
