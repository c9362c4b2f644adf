"""How administration says counts, times and where a grant came from. What people wrote is made safe to show here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from app import formatting
from app.core.clock import utc_now
from app.core.contract.grants import GrantBody
from app.core.directory import PersonState
from app.core.policy import Source

STATES: Final = {
    PersonState.ACTIVE: "Active",
    PersonState.PENDING: "Not signed in yet",
    PersonState.BLOCKED: "Blocked",
    PersonState.ERASED: "Erased",
}
"""What a person's state is called."""
_SOURCES: Final = {
    Source.REQUEST: "asked for and approved",
    Source.POLICY: "by a rule of this installation",
    Source.TOKEN: "from the sign-in provider",
    Source.SCOPE: "by a token's scope",
}
_MOST_NAMED: Final = 5


def counted(total: int, *, capped: bool) -> str:
    """``37``, or ``1,000+`` where counting stopped there."""
    return f"{total:,}{'+' if capped else ''}"


def many(count: int, one: str, more: str | None = None) -> str:
    """``1 person``, ``2 people``, ``1,200 sessions``."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def when(moment: datetime | None, *, never: str = "never") -> str:
    """``25 November 2026, 03:50 UTC``, as markdown-safe text."""
    return never if moment is None else f"{moment:%-d %B %Y, %H\\:%M} UTC"


def ago(moment: datetime | None, *, never: str = "never") -> str:
    """How long ago, in words."""
    return never if moment is None else formatting.ago(moment, utc_now())


def listed(names: Sequence[str], *, most: int = _MOST_NAMED) -> str:
    """Names in a row, as markdown-safe text: ``a, b and 3 more``."""
    shown = [formatting.plain(name, cap=80) for name in names[:most]]
    left = len(names) - len(shown)
    if left:
        return f"{', '.join(shown)} and {left:,} more"
    return " and ".join(shown) if len(shown) <= 2 else f"{', '.join(shown[:-1])} and {shown[-1]}"  # noqa: PLR2004 - a pair


def origin(grant: GrantBody) -> str:
    """Where a grant came from, since and until when, as markdown-safe text."""
    if grant.source is Source.POLICY and grant.automatic:
        text = "automatic, as the default role at each sign-in"
    elif grant.source is Source.ADMIN or grant.by.startswith("operator:"):
        text = f"given by {actor(grant.by)}"
    else:
        text = _SOURCES[grant.source]
    text = f"{text}, since {when(grant.since)}"
    return text if grant.until is None else f"{text}, until {when(grant.until)}"


def automatic_sources(from_token: bool, from_default_role: bool) -> str:  # noqa: FBT001 - the two flags of a row
    """Which automatic sources would give something that is withheld, as markdown-safe text; empty: none now."""
    sources = (("the sign-in provider", from_token), ("the default role", from_default_role))
    return " and ".join(name for name, gives in sources if gives)


def actor(name: str) -> str:
    """Who did something, from its audit name, as markdown-safe text: the subject, or who was at the command line."""
    if name.startswith("operator:"):
        return f"{formatting.plain(name.removeprefix('operator:'), cap=80)}, at the command line"
    return formatting.plain(name.partition(" at ")[0], cap=80) or "an administrator"


def note(text: str) -> None:
    """Show ``text`` (markdown-safe) small. Not as a caption, which is too pale to be read by everybody."""
    st.markdown(f":small[{text}]")
