"""Texts for the states of people and the sources of grants."""

from __future__ import annotations

from typing import Final

from app.core.administration_records import PersonState
from app.core.contract.grants import GrantBody
from app.core.policy import Source
from app.ui.phrases import actor_name

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
