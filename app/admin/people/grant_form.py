"""The grant form: role or permission, expiry and reason. Used by the card of a person and by bulk actions."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple

import streamlit as st

from app.admin.api.grants import Grantable
from app.admin.widgets import grant_picker
from app.core.clock import utc_now
from app.ui import confirmation

_KINDS: Final[dict[str, grant_picker.Kind]] = {"A role": "role", "A single permission": "permission"}
_NO_EXPIRY: Final = "No expiry"
_UNTIL_DATE: Final = "Until a date"
_SPANS: Final = {"1 day": 1, "7 days": 7, "30 days": 30, "90 days": 90}


class GrantInput(NamedTuple):
    """The input of the form. ``item`` is None while nothing is chosen, and in dialogs that only ask for a reason."""

    item: Grantable | None
    expires_at: datetime | None
    reason: str


def form(key: str, *, with_expiry: bool = True, grantable_only: bool = True) -> GrantInput:
    """Draw the form and return its input.

    Args:
        key: Prefix of the widgets' keys.
        with_expiry: Ask for an expiry too.
        grantable_only: Offer only what the signed-in administrator can grant.
    """
    choice, terms = st.columns(2, gap="medium")
    with choice:
        kind = st.segmented_control(
            "What",
            list(_KINDS),
            default="A role",
            required=True,
            key=f"{key}-kind",
            label_visibility="collapsed",
            wrap=True,
        )
        item = grant_picker.choose(key, _KINDS[kind or "A role"], grantable_only=grantable_only)
    with terms:
        expires_at = _expiry(key) if with_expiry else None
        return GrantInput(item, expires_at, confirmation.reason_input(key))


def complete(data: GrantInput) -> bool:
    """Whether an item is chosen and its expiry is in the future; warns about what is missing."""
    if data.item is None:
        st.warning("Choose a role or permission first.", icon=":material/touch_app:")
        return False
    if data.expires_at is not None and data.expires_at <= utc_now():
        st.warning("That date is in the past. Choose a later one.", icon=":material/event_busy:")
        return False
    return True


def _expiry(key: str) -> datetime | None:
    span = st.pills(
        "For how long",
        [_NO_EXPIRY, *_SPANS, _UNTIL_DATE],
        default=_NO_EXPIRY,
        required=True,
        key=f"{key}-span",
        wrap=True,
    )
    if span in _SPANS:
        return (utc_now() + timedelta(days=_SPANS[span])).replace(microsecond=0)
    if span == _UNTIL_DATE:
        tomorrow = utc_now().date() + timedelta(days=1)
        last = st.date_input("Last day (UTC)", value=tomorrow, min_value=tomorrow, key=f"{key}-until")
        if last is not None:
            return datetime.combine(last + timedelta(days=1), time(), UTC)
    return None
