"""What changed in what one may do since this Streamlit session last ran, and the line that says so.

Names only, remembered for display only: nothing is decided by them.
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

_KEY: Final = "gatehouse_held"
_SHOWN: Final = timedelta(seconds=20)
"""Runs within this time of a change still tell of it: the next may come by itself, before anybody has read."""


class Changed(NamedTuple):
    """What was lost and what was gained; both empty when nothing changed."""

    lost: tuple[Permission, ...]
    gained: tuple[Permission, ...]


_NOTHING: Final = Changed((), ())


class _Known(NamedTuple):
    """What was held before the change that is being shown, what was held at the last run, and when it changed."""

    before: Sequence[str]
    last: Sequence[str]
    at: datetime


def changed_since_last_run(caller: Caller, now: datetime) -> Changed:
    """Compare what is held now with what was held before; nothing on the first run."""
    held = [p.value for p in CATALOGUE.values() if decide(caller.principal, p, caller.grants).allowed_after_step_up]
    known: _Known | None = st.session_state.get(_KEY)
    if known is None:
        known = _Known(held, held, now)
    elif held == known.last == known.before:
        return _NOTHING
    else:
        was_shown = now - known.at >= _SHOWN
        before = known.last if was_shown else known.before
        known = _Known(before, held, now if held != known.last else known.at)
    st.session_state[_KEY] = known
    return Changed(
        tuple(p for p in CATALOGUE.values() if p.value in known.before and p.value not in held),
        tuple(p for p in CATALOGUE.values() if p.value in held and p.value not in known.before),
    )


def show_changes(changed: Changed) -> None:
    """One quiet line above the page that says what one may do no longer, or also now; nothing when nothing changed.

    Its place is taken in every run, so that a page keeps what was typed in it when the line comes and goes.
    """
    place = st.empty()
    lines = []
    if changed.lost:
        lines.append(f"Your access has changed: you can no longer {_in_a_row(changed.lost, 'or')}.")
    if changed.gained:
        lines.append(f"You can now also {_in_a_row(changed.gained, 'and')}.")
    if lines:
        # Small, but not a caption: that is too pale to be read by everybody.
        place.container(key="access-changed").markdown(f":small[:material/key: {' '.join(lines)}]")


def _in_a_row(permissions: Sequence[Permission], word: str) -> str:
    """Their sentences as parts of one."""
    parts = [formatting.clause(permission.sentence) for permission in permissions]
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; {word} {parts[-1]}"
