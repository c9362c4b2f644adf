"""Texts for counts, times and the origin of a grant in administration. Text entered by users is escaped here."""

from __future__ import annotations

from typing import Final

from app import formatting
from app.core.administration_records import PersonState
from app.core.contract.grants import GrantBody
from app.core.policy import Source
from app.ui import texts

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


def origin(grant: GrantBody) -> str:
    """Where a grant came from, when it began and when it expires, as markdown-safe text."""
    if grant.source is Source.INSTALLATION and grant.automatic:
        text = "automatic, as the default role at each sign-in"
    elif grant.source is Source.ADMIN or grant.by.startswith("operator:"):
        text = f"granted by {actor(grant.by)}"
    else:
        text = _SOURCES[grant.source]
    text = f"{text}, since {texts.timestamp(grant.since)}"
    return text if grant.until is None else f"{text}, until {texts.timestamp(grant.until)}"


def automatic_sources(from_token: bool, from_default_role: bool) -> str:  # noqa: FBT001 - the two flags of a row
    """The automatic sources that would grant a withheld item, as markdown-safe text; empty: none now."""
    sources = (("the sign-in provider", from_token), ("the default role", from_default_role))
    return " and ".join(name for name, grants in sources if grants)


def actor(name: str) -> str:
    """The actor of an event from its audit name, as markdown-safe text: the subject, or the operator of a command."""
    if name.startswith("operator:"):
        return f"{formatting.plain(name.removeprefix('operator:'), cap=80)}, at the command line"
    return formatting.plain(name.partition(" at ")[0], cap=80) or "an administrator"
