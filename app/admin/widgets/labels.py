"""Texts for the states of people and the sources of grants."""

from __future__ import annotations

from typing import Final

from app.core.administration_records import PersonState
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
    Source.REQUEST: "Requested and approved",
    Source.INSTALLATION: "A rule of this installation",
    Source.TOKEN: "The sign-in provider",
    Source.SCOPE: "A token's scope",
}


def source(grant: GrantBody) -> str:
    """Where a grant came from, as plain text: ``Granted by ada``, ``From the sign-in provider``."""
    if grant.source is Source.INSTALLATION and grant.automatic:
        return "The default role at each sign-in"
    if grant.source is Source.ADMIN or grant.by.startswith("operator:"):
        return f"Granted by {grant.by_name or actor_name(grant.by)}"
    return _SOURCES[grant.source]


def automatic_sources(from_token: bool, from_default_role: bool) -> str:  # noqa: FBT001 - the two flags of a row
    """The automatic sources that would grant a withheld item, as markdown-safe text; empty: none now."""
    sources = (("the sign-in provider", from_token), ("the default role", from_default_role))
    return " and ".join(name for name, grants in sources if grants)


def actor_name(name: str) -> str:
    """The actor of an event from its audit name, as plain text: the subject, or the operator of a command."""
    if name.startswith("operator:"):
        return f"{name.removeprefix('operator:')}, at the command line"
    return name.partition(" at ")[0] or "an administrator"
