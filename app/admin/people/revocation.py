"""What the revocation of a grant changes for a person, in the sentences of its dialog."""

from __future__ import annotations

from datetime import datetime

from app.admin.api.grants import Grantable
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import PersonBody
from app.core.permissions import ADMINISTRATOR
from app.core.policy import Source
from app.ui.sentences import DialogText, Sentence, write


def grantable(row: GrantBody | WithheldBody) -> Grantable:
    """The role or permission of a grant, or one that is withheld."""
    return Grantable("role" if row.role else "permission", row.name)


def grants_of(item: Grantable, card: PersonBody) -> list[GrantBody]:
    """The grants of a role or permission to a person."""
    return [grant for grant in card.grants if grantable(grant) == item]


def expiry_of(item: Grantable, card: PersonBody) -> datetime | None:
    """When what an administrator granted expires."""
    return next((grant.until for grant in grants_of(item, card) if not grant.automatic), None)


def effects_of_revoking(grant: GrantBody, card: PersonBody) -> list[Sentence]:
    """Where a grant comes from, and what revoking it changes."""
    item, name = grantable(grant), card.shown_name
    revoked = {grant.id}
    if grant.automatic:  # it is withheld from every automatic source
        revoked |= {other.id for other in grants_of(item, card) if other.automatic}
    kept = next((other for other in grants_of(item, card) if other.id not in revoked), None)
    effects = [
        write(
            DialogText.HAS_GRANT, person=name, item=item, origin=grant, since=grant.since, expiry=grant.until,
            reason="" if grant.automatic else grant.reason,
        ),
        write(DialogText.LOSES_GRANT, person=name, item=item)
        if kept is None
        else write(DialogText.KEEPS_GRANT, person=name, item=item, other_origin=kept),
    ]  # fmt: skip
    if grant.automatic:
        by_default = any(other.id in revoked and other.source is not Source.TOKEN for other in card.grants)
        by_token = any(other.id in revoked and other.source is Source.TOKEN for other in card.grants)
        effects.append(write(DialogText.WITHHOLDS, item=item, person=name, automatic=(by_token, by_default)))
    if kept is None:
        effects.append(_effect_on_permissions(grant, card, revoked))
    return effects


def _effect_on_permissions(grant: GrantBody, card: PersonBody, revoked: set[int]) -> Sentence:
    """The permissions that the person loses, or what includes them too."""
    item, name = grantable(grant), card.shown_name
    lost = [permission.name for permission in card.permissions if set(permission.grants) <= revoked]
    if lost and grant.role == ADMINISTRATOR:
        roles = sorted({other.role for other in card.grants if other.role and other.id not in revoked})
        return write(DialogText.LOSES_ADMINISTRATION, person=name, roles=roles)
    if lost:
        return write(DialogText.LOSES, person=name, lost=lost)
    ids = {number for row in card.permissions if revoked & set(row.grants) for number in row.grants} - revoked
    items = sorted({grantable(other) for other in card.grants if other.id in ids})
    if items:
        return write(DialogText.LOSES_NOTHING, person=name, items=items)
    return write(DialogText.EMPTY_GRANT, person=name, item=item)
