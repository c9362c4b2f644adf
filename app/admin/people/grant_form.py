"""The form of a grant: what, until when, why. Shared by one person's card and by several people at once."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple

import streamlit as st

from app.admin.api.grants import Grantable
from app.admin.widgets import confirmation, grant_picker, labels
from app.core.clock import utc_now

_KINDS: Final[dict[str, grant_picker.Kind]] = {"A role": "role", "A single permission": "permission"}
_NO_END: Final = "No end"
_A_DATE: Final = "Until a date"
_SPANS: Final = {"1 day": 1, "7 days": 7, "30 days": 30, "90 days": 90}


class Wish(NamedTuple):
    """What is to be given. ``what`` None: nothing is chosen yet."""

    what: Grantable | None
    until: datetime | None
    reason: str


def form(key: str, *, spans: bool = True, givable: bool = True) -> Wish:
    """Ask what to give, until when (``spans``) and why. Raises as the calls do."""
    kind = st.segmented_control(
        "What", list(_KINDS), default="A role", required=True, key=f"{key}-kind", label_visibility="collapsed"
    )
    what = grant_picker.choose(key, _KINDS[kind or "A role"], grantable_only=givable)
    until = _until(key) if spans else None
    return Wish(what, until, confirmation.reason_input(key))


def ready(wish: Wish) -> bool:
    """Whether something was chosen and lasts beyond now; says what is missing."""
    if wish.what is None:
        st.warning("Choose what it is about first.", icon=":material/touch_app:")
        return False
    if wish.until is not None and wish.until <= utc_now():
        st.warning("That date is over already. Choose a later one.", icon=":material/event_busy:")
        return False
    return True


def ending(until: datetime | None) -> str:
    """``without an end``, or until when, as markdown-safe text."""
    return "without an end" if until is None else f"until {labels.timestamp(until)}"


def _until(key: str) -> datetime | None:
    span = st.segmented_control(
        "For how long", [_NO_END, *_SPANS, _A_DATE], default=_NO_END, required=True, key=f"{key}-span"
    )
    if span in _SPANS:
        return (utc_now() + timedelta(days=_SPANS[span])).replace(microsecond=0)
    if span == _A_DATE:
        tomorrow = utc_now().date() + timedelta(days=1)
        last = st.date_input("Last day (UTC)", value=tomorrow, min_value=tomorrow, key=f"{key}-until")
        if last is not None:
            return datetime.combine(last + timedelta(days=1), time(), UTC)
    return None
