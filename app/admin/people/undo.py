"""The undo of each change of a person: it starts from the person's current state, and returns what it did."""

from __future__ import annotations

from datetime import datetime

from app.admin.api.grants import Grantable, add_grant, release_withheld, revoke_grant
from app.admin.api.people import person, set_blocked
from app.admin.people.revocation import expiry_of
from app.core.administration_records import PersonState
from app.ui.confirmation import undo_reason
from app.ui.sentences import NoticeText, Sentence, write


def undo_grant(person_id: int, grant_id: int, item: Grantable, reason: str) -> Sentence:
    """Revoke a grant of ``item`` that was added.

    Raises:
        GatehouseError: The grant cannot be revoked.
    """
    card = person(person_id)
    if all(grant.id != grant_id for grant in card.grants):
        return write(NoticeText.GRANT_GONE, item=item, person=card.shown_name)
    revoke_grant(person_id, grant_id, reason=undo_reason(reason), version=card.version)
    return write(NoticeText.UNDONE_GRANT, item=item, person=card.shown_name)


def undo_revocation(person_id: int, item: Grantable, expires_at: datetime | None, reason: str) -> Sentence:
    """Grant again what was revoked, with the expiry that it had.

    Raises:
        GatehouseError: It cannot be granted.
    """
    card = person(person_id)
    reason = undo_reason(reason)
    after, new = add_grant(person_id, item, expires_at=expires_at, reason=reason, version=card.version)
    if not new:
        return write(NoticeText.REVOCATION_GONE, item=item, person=card.shown_name, expiry=expiry_of(item, after))
    return write(NoticeText.UNDONE_REVOCATION, item=item, person=card.shown_name, expiry=expires_at)


def undo_withholding(person_id: int, withheld_id: int, item: Grantable, reason: str) -> Sentence:
    """Release what was withheld when its automatic grant was revoked.

    Raises:
        GatehouseError: It cannot be released.
    """
    card = person(person_id)
    withheld = next((row for row in card.withheld if row.id == withheld_id), None)
    if withheld is None:
        return write(NoticeText.WITHHOLDING_GONE, item=item, person=card.shown_name)
    release_withheld(person_id, withheld_id, reason=undo_reason(reason), version=card.version)
    sources = (withheld.from_token, withheld.from_default_role)
    return write(NoticeText.UNDONE_WITHHOLDING, item=item, person=card.shown_name, regrant=sources)


def undo_blocking(person_id: int, reason: str, *, blocked: bool) -> Sentence:
    """Block or unblock the person: ``blocked`` is the state to restore.

    Raises:
        GatehouseError: The person cannot be blocked or unblocked.
    """
    card = person(person_id)
    if (card.state is PersonState.BLOCKED) is blocked:
        gone = NoticeText.UNBLOCK_GONE if blocked else NoticeText.BLOCK_GONE
        return write(gone, person=card.shown_name)
    set_blocked(person_id, blocked=blocked, reason=undo_reason(reason), version=card.version)
    undone = NoticeText.UNDONE_UNBLOCK if blocked else NoticeText.UNDONE_BLOCK
    return write(undone, people=[card.shown_name])
