"""The dialogs that change one person: grant, revoke, release, block, unblock, end sessions, erase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api.grants import Grantable, add_grant, release_withheld, revoke_grant
from app.admin.api.people import erase, person, set_blocked
from app.admin.api.sessions import end_sessions_of
from app.admin.people import grant_form
from app.admin.people.undo import undo_blocking, undo_grant, undo_revocation, undo_withholding
from app.admin.widgets import labels
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import PersonBody
from app.core.errors import StepUpRequired
from app.core.permissions import ADMINISTRATOR, Permission
from app.core.policy import Source
from app.ui import confirmation, dialogs, notices, texts
from app.ui.dialogs import Dialog
from app.ui.notices import Undo

_MAX_LOST_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class PersonDialog:
    """A dialog on the card of a person. Its title is a format of ``person`` and ``item``."""

    title: str
    icon: str
    permission: Permission
    body: Callable[[Dialog, PersonBody], None]


def show(dialog: Dialog, card: PersonBody) -> None:
    """Draw the open dialog; close it if the administrator may no longer use it."""
    person_dialog = _DIALOGS.get(dialog.name)
    if person_dialog is None or not access.decide(person_dialog.permission).allowed_after_step_up:
        dialogs.close()
        return
    dialogs.show(
        person_dialog.title.format(
            person=formatting.plain(card.shown_name, cap=80),
            item=formatting.plain(getattr(next(iter(dialog.arguments), None), "name", ""), cap=80),
        ),
        partial(person_dialog.body, dialog, card),
        icon=person_dialog.icon,
        wide=dialog.name == "add-grant",
    )


def described(card: PersonBody) -> Mapping[str, str]:
    """The parts of a card that administrators change, to compare two versions: name → markdown-safe text."""
    names = sorted({grant.name for grant in card.grants})
    return {
        "State": labels.STATES[card.state],
        "Roles and permissions": texts.listed(names, limit=20),
        "Withheld": texts.listed(sorted(row.name for row in card.withheld), limit=20),
    }


def _grant(dialog: Dialog, card: PersonBody) -> None:
    key = "add-grant"
    person_name = confirmation.bold_name(card.shown_name)
    data = grant_form.form(key)
    confirmed = confirmation.buttons(key, "Grant", icon=":material/add_circle:") and grant_form.complete(data)

    def update(current: PersonBody) -> None:
        item = data.item
        if item is None:
            return
        item_name = confirmation.bold_name(item.name)
        after, new = add_grant(
            current.id, item, expires_at=data.expires_at, reason=data.reason, version=current.version
        )
        if not new:
            notices.post(f"{person_name} already had {item_name}.", dialog.page_url)
            return
        old_ids = {grant.id for grant in current.grants}
        added = next((grant for grant in after.grants if grant.name == item.name and grant.id not in old_ids), None)
        undo = Undo("Undo", partial(undo_grant, card.id, added.id, data.reason)) if added is not None else None
        text = f"{person_name} has {item_name} now, {grant_form.expiry_text(data.expires_at)}."
        notices.post(f"{text} It applies at once, in open tabs too.", dialog.page_url, undo=undo)

    _change(dialog, key, card, data.reason, confirmed=confirmed, update=update)


def _revoke(dialog: Dialog, card: PersonBody) -> None:
    key = "revoke"
    grant: GrantBody = dialog.arguments[0]
    for sentence in _effects_of_revoking(grant, card):
        st.markdown(f"- {sentence}")
    reason = confirmation.reason_input(key, placeholder="Such as: moved to another team")
    confirmed = confirmation.buttons(key, "Revoke", icon=":material/do_not_disturb_on:", danger=True)

    def update(current: PersonBody) -> None:
        after = revoke_grant(current.id, grant.id, reason=reason, version=current.version)
        item = Grantable("role" if grant.role else "permission", grant.name)
        person_name, item_name = confirmation.bold_name(card.shown_name), confirmation.bold_name(item.name)
        if any(remaining.name == item.name for remaining in after.grants):
            text = f"This grant of {item_name} is revoked; {person_name} still has it through another grant."
        else:
            text = f"{person_name} no longer has {item_name}. It applies at once."
        withheld = next((row for row in after.withheld if row.name == item.name and row not in current.withheld), None)
        if withheld is None:
            undo = Undo("Undo", partial(undo_revocation, card.id, item, grant.until, reason))
        else:
            text += " It is withheld: signing in again does not restore it."
            undo = Undo("Undo", partial(undo_withholding, card.id, withheld.id, reason))
        notices.post(text, dialog.page_url, undo=undo)

    _change(dialog, key, card, reason, confirmed=confirmed, update=update)


def _effects_of_revoking(grant: GrantBody, card: PersonBody) -> list[str]:
    """What revoking a grant changes, in markdown-safe sentences."""
    person_name, item_name = confirmation.bold_name(card.shown_name), confirmation.bold_name(grant.name)
    revoked = {grant.id}
    if grant.automatic:  # it is withheld from every automatic source
        revoked |= {other.id for other in card.grants if other.automatic and other.name == grant.name}
    effects = [f"{person_name} loses {item_name} at once, in open tabs too."]
    if any(other.name == grant.name and other.id not in revoked for other in card.grants):
        effects = [f"{person_name} keeps {item_name} through another grant; this grant ends at once."]
    if grant.automatic:
        by_default = any(other.id in revoked and other.source is not Source.TOKEN for other in card.grants)
        by_token = any(other.id in revoked and other.source is Source.TOKEN for other in card.grants)
        effects.append(
            f"It is granted automatically by {labels.automatic_sources(by_token, by_default)}. From now on it is "
            "withheld: signing in again does not restore it, until an administrator releases it."
        )
    lost = [permission for permission in card.permissions if set(permission.grants) <= revoked]
    if not lost:
        effects.append("Their permissions stay the same: their other grants include all of them.")
    elif grant.role == ADMINISTRATOR:
        effects.append("They can no longer administer anything, and keep only the permissions of their other roles.")
    else:
        clauses = (formatting.clause(formatting.sentence(permission.name)) for permission in lost[:_MAX_LOST_NAMED])
        more = f"; and {len(lost) - _MAX_LOST_NAMED:,} more" if len(lost) > _MAX_LOST_NAMED else ""
        effects.append(f"They can no longer: {'; '.join(clauses)}{more}.")
    return effects


def _release(dialog: Dialog, card: PersonBody) -> None:
    key = "release"
    withheld: WithheldBody = dialog.arguments[0]
    person_name, item_name = confirmation.bold_name(card.shown_name), confirmation.bold_name(withheld.name)
    sources = labels.automatic_sources(withheld.from_token, withheld.from_default_role)
    if sources:
        st.markdown(f"{person_name} has {item_name} again at once, from {sources}.")
    else:
        st.markdown(f"{person_name} gets {item_name} again when a sign-in grants it.")
    reason = confirmation.reason_input(key, placeholder="Such as: the review is over")
    confirmed = confirmation.buttons(key, "Release", icon=":material/lock_open:")

    def update(current: PersonBody) -> None:
        release_withheld(current.id, withheld.id, reason=reason, version=current.version)
        notices.post(f"{item_name} is no longer withheld from {person_name}.", dialog.page_url)

    _change(dialog, key, card, reason, confirmed=confirmed, update=update)


def _block(dialog: Dialog, card: PersonBody) -> None:
    person_name = confirmation.bold_name(card.shown_name)
    st.markdown(f"- {person_name} cannot open anything here until an administrator unblocks them.")
    st.markdown("- All their sessions end at once. Input that they have not saved is lost.")
    st.markdown("- Their roles stay as they are.")
    _set_blocked(dialog, card, "block", blocked=True)


def _unblock(dialog: Dialog, card: PersonBody) -> None:
    roles = texts.listed(list(card.roles), limit=8) if card.roles else "no role"
    st.markdown(f"- {confirmation.bold_name(card.shown_name)} can sign in again, with {roles}.")
    _set_blocked(dialog, card, "unblock", blocked=False)


def _set_blocked(dialog: Dialog, card: PersonBody, key: str, *, blocked: bool) -> None:
    reason = confirmation.reason_input(
        key, placeholder="Such as: the account was misused" if blocked else "Such as: the incident is resolved"
    )
    icon = ":material/block:" if blocked else ":material/lock_open:"
    confirmed = confirmation.buttons(key, "Block" if blocked else "Unblock", icon=icon, danger=blocked)

    def update(current: PersonBody) -> None:
        outcome = set_blocked(current.id, blocked=blocked, reason=reason, version=current.version)
        person_name = confirmation.bold_name(card.shown_name)
        ended = f" {texts.quantity(outcome.sessions_ended, 'session')} ended." if outcome.sessions_ended else ""
        text = f"{person_name} is blocked.{ended}" if blocked else f"{person_name} can sign in again."
        undo = Undo("Undo", partial(undo_blocking, card.id, reason, blocked=not blocked))
        notices.post(text, dialog.page_url, undo=undo)

    _change(dialog, key, card, reason, confirmed=confirmed, update=update)


def _end_all(dialog: Dialog, card: PersonBody) -> None:
    person_name = confirmation.bold_name(card.shown_name)
    effects = (
        f"{person_name} is signed out everywhere at once. Input that they have not saved is lost.",
        "They can sign in again. To keep them out, block them.",
    )

    def end_all(reason: str) -> None:
        ended = end_sessions_of(card.id, reason=reason)
        text = (
            f"{texts.quantity(ended, 'session')} of {person_name} ended." if ended else f"{person_name} had no session."
        )
        notices.post(text, dialog.page_url)

    confirmation.confirm(
        "end-all", effects, action="End all sessions", on_confirm=end_all, icon=":material/logout:",
        placeholder="Such as: a device was lost",
    )  # fmt: skip


def _erase(dialog: Dialog, card: PersonBody) -> None:
    missing = access.missing(Permission.ERASE_PEOPLE)
    if isinstance(missing, StepUpRequired):  # before the administrator types: signing in again leaves this page
        panels.step_up(missing, within_page=True)
        return
    key = "erase"
    person_name = confirmation.bold_name(card.shown_name)
    st.markdown(f"- The name, e-mail and picture of {person_name} are permanently deleted.")
    st.markdown("- All their roles and permissions are revoked, and all their sessions end.")
    st.markdown("- The audit keeps what they did, with the provider's identifier only.")
    st.markdown("- If they sign in again, they start with what a sign-in grants; what is withheld stays withheld.")
    sure = st.checkbox("I understand that this cannot be undone", key=f"{key}-sure")
    reason = confirmation.reason_input(key, placeholder="Such as: a request for erasure")
    confirmed = confirmation.buttons(key, "Erase permanently", icon=":material/delete_forever:", danger=True)
    if confirmed and not sure:
        st.warning("Tick the box above first: this cannot be undone.", icon=":material/check_box:")

    def update(current: PersonBody) -> None:
        erase(current.id, reason=reason, version=current.version)
        notices.post("The person's data is erased. The audit records who erased it, and the reason.", dialog.page_url)

    _change(dialog, key, card, reason, confirmed=confirmed and sure, update=update)


def _change(
    dialog: Dialog, key: str, card: PersonBody, reason: str, *, confirmed: bool, update: Callable[[PersonBody], None]
) -> None:
    confirmation.save(
        dialog,
        key,
        card,
        reason=reason,
        confirmed=confirmed,
        update=update,
        load=lambda: person(card.id),
        describe=described,
    )


_DIALOGS: Final[Mapping[str, PersonDialog]] = {
    "add-grant": PersonDialog("Grant to {person}", ":material/add_circle:", Permission.MANAGE_GRANTS, _grant),
    "revoke": PersonDialog(
        "Revoke {item} from {person}?", ":material/do_not_disturb_on:", Permission.MANAGE_GRANTS, _revoke
    ),
    "release": PersonDialog("Release {item} for {person}?", ":material/lock_open:", Permission.MANAGE_GRANTS, _release),
    "block": PersonDialog("Block {person}?", ":material/block:", Permission.BLOCK_PEOPLE, _block),
    "unblock": PersonDialog("Unblock {person}?", ":material/lock_open:", Permission.BLOCK_PEOPLE, _unblock),
    "end-all": PersonDialog("End all sessions of {person}?", ":material/logout:", Permission.END_SESSIONS, _end_all),
    "erase": PersonDialog("Erase {person}?", ":material/delete_forever:", Permission.ERASE_PEOPLE, _erase),
}
"""Name → dialog."""
