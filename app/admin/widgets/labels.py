"""Texts for counts, times and the origin of a grant in administration. Text entered by users is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from app import formatting
from app.core.administration_records import PersonState
from app.core.clock import utc_now
from app.core.contract.grants import GrantBody
from app.core.policy import Source

STATES: Final = {
    PersonState.ACTIVE: "Active",
    PersonState.PENDING: "Not signed in yet",
    PersonState.BLOCKED: "Blocked",
    PersonState.ERASED: "Erased",
}
"""The label of each state of a person."""
_SOURCES: Final = {
    Source.REQUEST: "requested and approved",
    Source.INSTALLATION: "by a rule of this installation",
    Source.TOKEN: "from the sign-in provider",
    Source.SCOPE: "by a token's scope",
}
_MAX_NAMES: Final = 5


def counted(total: int, *, capped: bool) -> str:
    """``37``, or ``1,000+`` if counting stopped at 1,000."""
    return f"{total:,}{'+' if capped else ''}"


def quantity(count: int, singular: str, plural: str | None = None) -> str:
    """``1 person``, ``2 people``, ``1,200 sessions``."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def timestamp(moment: datetime | None, *, never: str = "never") -> str:
    """``25 November 2026, 03:50 UTC``, as markdown-safe text."""
    return never if moment is None else f"{moment:%-d %B %Y, %H\\:%M} UTC"


def ago(moment: datetime | None, *, never: str = "never") -> str:
    """How long ago, in words."""
    return never if moment is None else formatting.ago(moment, utc_now())


def listed(names: Sequence[str], *, limit: int = _MAX_NAMES) -> str:
    """The first ``limit`` names as markdown-safe text: ``a, b and 3 more``."""
    texts = [formatting.plain(name, cap=80) for name in names[:limit]]
    more = len(names) - len(texts)
    if more:
        return f"{', '.join(texts)} and {more:,} more"
    return " and ".join(texts) if len(texts) <= 2 else f"{', '.join(texts[:-1])} and {texts[-1]}"  # noqa: PLR2004 - a pair


def origin(grant: GrantBody) -> str:
    """Where a grant came from, when it began and when it expires, as markdown-safe text."""
    if grant.source is Source.INSTALLATION and grant.automatic:
        text = "automatic, as the default role at each sign-in"
    elif grant.source is Source.ADMIN or grant.by.startswith("operator:"):
        text = f"granted by {actor(grant.by)}"
    else:
        text = _SOURCES[grant.source]
    text = f"{text}, since {timestamp(grant.since)}"
    return text if grant.until is None else f"{text}, until {timestamp(grant.until)}"


def automatic_sources(from_token: bool, from_default_role: bool) -> str:  # noqa: FBT001 - the two flags of a row
    """The automatic sources that would grant a withheld item, as markdown-safe text; empty: none now."""
    sources = (("the sign-in provider", from_token), ("the default role", from_default_role))
    return " and ".join(name for name, grants in sources if grants)


def actor(name: str) -> str:
    """The actor of an event from its audit name, as markdown-safe text: the subject, or the operator of a command."""
    if name.startswith("operator:"):
        return f"{formatting.plain(name.removeprefix('operator:'), cap=80)}, at the command line"
    return formatting.plain(name.partition(" at ")[0], cap=80) or "an administrator"


def small(text: str) -> None:
    """Show ``text`` (markdown-safe) small. Not as a caption, which has too little contrast."""
    st.markdown(f":small[{text}]")
