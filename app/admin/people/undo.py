"""The undo of each change of a person: it starts from the person's current state, and returns a markdown-safe text."""

from __future__ import annotations

from datetime import datetime

from app.admin.api.grants import Grantable, add_grant, release_withheld, revoke_grant
from app.admin.api.people import person, set_blocked
from app.core.administration_records import PersonState
from app.core.errors import Conflict
from app.core.records import MAX_REASON_CHARACTERS
from app.ui import confirmation


def undo_grant(person_id: int, grant_id: int, reason: str) -> str:
    """Revoke a grant that was added.

    Raises:
        GatehouseError: The grant cannot be revoked.
    """
    card = person(person_id)
    grant = next((grant for grant in card.grants if grant.id == grant_id), None)
    if grant is None:
        return "It was revoked already."
    revoke_grant(person_id, grant_id, reason=undo_reason(reason), version=card.version)
    return f"{confirmation.bold_name(card.shown_name)} no longer has {confirmation.bold_name(grant.name)}."


def undo_revocation(person_id: int, item: Grantable, expires_at: datetime | None, reason: str) -> str:
    """Grant again what was revoked, with the expiry that it had.

    Raises:
        GatehouseError: It cannot be granted.
    """
    card = person(person_id)
    add_grant(person_id, item, expires_at=expires_at, reason=undo_reason(reason), version=card.version)
    return f"{confirmation.bold_name(card.shown_name)} has {confirmation.bold_name(item.name)} again."


def undo_withholding(person_id: int, withheld_id: int, reason: str) -> str:
    """Release what was withheld when its automatic grant was revoked.

    Raises:
        GatehouseError: It cannot be released.
    """
    card = person(person_id)
    withheld = next((row for row in card.withheld if row.id == withheld_id), None)
    if withheld is None:
        return "It was released already."
    release_withheld(person_id, withheld_id, reason=undo_reason(reason), version=card.version)
    item_name, person_name = confirmation.bold_name(withheld.name), confirmation.bold_name(card.shown_name)
    return f"{item_name} is no longer withheld from {person_name}."


def undo_blocking(person_id: int, reason: str, *, blocked: bool) -> str:
    """Block or unblock the person: ``blocked`` is the state to restore.

    Raises:
        Conflict: The person is in that state already.
        GatehouseError: The person cannot be blocked or unblocked.
    """
    card = person(person_id)
    if (card.state is PersonState.BLOCKED) is blocked:
        raise Conflict("Another administrator has already done this.")
    set_blocked(person_id, blocked=blocked, reason=undo_reason(reason), version=card.version)
    return f"{confirmation.bold_name(card.shown_name)} {'is blocked again' if blocked else 'can sign in again'}."


def undo_reason(reason: str) -> str:
    """The audit reason of an undo: the reason of the change, marked as undone."""
    return f"Undone: {reason}"[:MAX_REASON_CHARACTERS]
