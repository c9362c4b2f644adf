"""Which permissions the user lost or gained since this Streamlit session last ran, and the line that reports it.

Only names of permissions are stored, for display only: no decision reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import streamlit as st

from app import formatting
from app.core.guard import Caller
from app.core.permissions import CATALOGUE, Permission
from app.core.policy import decide

_KEY: Final = "gatehouse_permissions"
_DISPLAY_TIME: Final = timedelta(seconds=20)
"""Runs within this time of a change still report it: an automatic rerun may come before the user has read the line."""
_MAX_NAMED: Final = 3
"""How many permissions are named, if there are at least two more."""


class Changed(NamedTuple):
    """Lost and gained permissions; both empty when nothing changed."""

    lost: tuple[Permission, ...]
    gained: tuple[Permission, ...]


_NOTHING: Final = Changed((), ())


class _Known(NamedTuple):
    """The permissions before the reported change, those of the last run, and the time of the change."""

    before: Sequence[str]
    last: Sequence[str]
    at: datetime


def changed_since_last_run(caller: Caller, now: datetime) -> Changed:
    """Compare the caller's permissions with those of earlier runs; the first run reports no change."""
    current = [p.value for p in CATALOGUE.values() if decide(caller.principal, p, caller.grants).allowed_after_step_up]
    known: _Known | None = st.session_state.get(_KEY)
    if known is None:
        known = _Known(current, current, now)
    elif current == known.last == known.before:
        return _NOTHING
    else:
        was_reported = now - known.at >= _DISPLAY_TIME
        before = known.last if was_reported else known.before
        known = _Known(before, current, now if current != known.last else known.at)
    st.session_state[_KEY] = known
    return Changed(
        tuple(p for p in CATALOGUE.values() if p.value in known.before and p.value not in current),
        tuple(p for p in CATALOGUE.values() if p.value in current and p.value not in known.before),
    )


def show_changes(changed: Changed) -> None:
    """Show one line above the page about lost and gained permissions; nothing when nothing changed.

    Every run creates the element, so that the page keeps its input when the line appears and disappears.
    """
    place = st.empty()
    lines = []
    if changed.lost:
        lines.append(f"Your access has changed: you can no longer {_joined(changed.lost, 'or')}.")
    if changed.gained:
        lines.append(f"You can now also {_joined(changed.gained, 'and')}.")
    if lines:
        # Small, but not a caption, whose colour has too little contrast.
        place.container(key="access-changed").markdown(f":small[:material/key: {' '.join(lines)}]")


def _joined(permissions: Sequence[Permission], word: str) -> str:
    """The sentences of the permissions, joined into one; of many, the first and a number."""
    parts = [formatting.clause(permission.sentence) for permission in permissions]
    others = len(parts) - _MAX_NAMED
    if others > 1:
        parts[_MAX_NAMED:] = [f"do {others} other things"]
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; {word} {parts[-1]}"
