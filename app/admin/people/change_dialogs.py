"""The dialogs that change one person: grant, revoke, release, block, unblock, end sessions, erase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import streamlit as st

from app import access, panels
from app.admin.api.grants import Grantable, add_grant, release_withheld, revoke_grant
from app.admin.api.people import erase, person, set_blocked
from app.admin.api.sessions import end_sessions_of
from app.admin.people import grant_form
from app.admin.people.revocation import effects_of_revoking, expiry_of, grantable, grants_of
from app.admin.people.undo import undo_blocking, undo_grant, undo_revocation, undo_withholding
from app.admin.widgets import labels
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import PersonBody
from app.core.errors import StepUpRequired
from app.core.permissions import Permission
from app.ui import confirmation, dialogs, notices, texts
from app.ui.dialogs import Dialog
from app.ui.notices import Undo
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, write


@dataclass(frozen=True, slots=True)
class PersonDialog:
    """A dialog on the card of a person. Its title names the person, and the role or permission if it is about one."""

    title: DialogTitle
    icon: str
    permission: Permission
    body: Callable[[Dialog, PersonBody], None]


def show(dialog: Dialog, card: PersonBody) -> None:
    """Draw the open dialog; close it if the administrator may no longer use it."""
    person_dialog = _DIALOGS.get(dialog.name)
    if person_dialog is None or not access.decide(person_dialog.permission).allowed_after_step_up:
        dialogs.close()
        return
    row = next(iter(dialog.arguments), None)
    item = grantable(row) if isinstance(row, GrantBody | WithheldBody) else Grantable("role", "")
    dialogs.show(
        write(person_dialog.title, person=card.shown_name, people=[card.shown_name], item=item),
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
    key, name = "add-grant", card.shown_name
    data = grant_form.form(key)
    if data.item is not None:
        st.markdown(write(DialogText.GRANTS, item=data.item, people=[name], expiry=data.expires_at))
    confirmed = confirmation.buttons(key, write(ButtonText.GRANT), icon=":material/add_circle:")

    def update(current: PersonBody) -> None:
        item = data.item
        if item is None:
            return
        after, new = add_grant(
            current.id, item, expires_at=data.expires_at, reason=data.reason, version=current.version
        )
        old_ids = {grant.id for grant in current.grants}
        if not new:
            text = write(NoticeText.HAD_GRANT, person=name, item=item, expiry=expiry_of(item, after))
            notices.post(text, dialog.page_url)
            return
        added = next((grant for grant in grants_of(item, after) if grant.id not in old_ids), None)
        undo = Undo(partial(undo_grant, card.id, added.id, item, data.reason)) if added is not None else None
        text = write(NoticeText.GRANTED, person=name, item=item, expiry=data.expires_at)
        notices.post(text, dialog.page_url, undo=undo)

    confirmed = confirmed and grant_form.complete(data)
    _change(dialog, key, card, data.reason, confirmed=confirmed, update=update)


def _revoke(dialog: Dialog, card: PersonBody) -> None:
    key, name = "revoke", card.shown_name
    grant: GrantBody = dialog.arguments[0]
    item = grantable(grant)
    confirmation.show_effects(effects_of_revoking(grant, card))
    reason = confirmation.reason_input(key, placeholder="Such as: moved to another team")
    confirmed = confirmation.buttons(key, write(ButtonText.REVOKE), icon=":material/do_not_disturb_on:", danger=True)

    def update(current: PersonBody) -> None:
        after = revoke_grant(current.id, grant.id, reason=reason, version=current.version)
        remaining = next(iter(grants_of(item, after)), None)
        withheld = next((row for row in after.withheld if grantable(row) == item and row not in current.withheld), None)
        if withheld is not None:
            text = write(NoticeText.REVOKED_AND_WITHHELD, item=item, person=name, origin=grant)
            undo = Undo(partial(undo_withholding, card.id, withheld.id, item, reason))
        else:
            text = write(NoticeText.REVOKED, item=item, person=name, origin=grant)
            undo = Undo(partial(undo_revocation, card.id, item, grant.until, reason))
        if remaining is not None:
            text = write(NoticeText.REVOKED_IN_PART, item=item, person=name, origin=grant, other_origin=remaining)
        notices.post(text, dialog.page_url, undo=undo)

    _change(dialog, key, card, reason, confirmed=confirmed, update=update)


def _release(dialog: Dialog, card: PersonBody) -> None:
    key, name = "release", card.shown_name
    withheld: WithheldBody = dialog.arguments[0]
    item, sources = grantable(withheld), (withheld.from_token, withheld.from_default_role)
    effect = DialogText.RELEASES if any(sources) else DialogText.RELEASES_LATER
    confirmation.show_effects(
        (
            write(
                DialogText.IS_WITHHELD, item=item, person=name, withheld_by=withheld, since=withheld.since,
                reason=withheld.reason,
            ),
            write(effect, item=item, person=name, automatic=sources),
        )
    )  # fmt: skip
    reason = confirmation.reason_input(key, placeholder="Such as: the review is over")
    confirmed = confirmation.buttons(key, write(ButtonText.RELEASE), icon=":material/lock_open:")

    def update(current: PersonBody) -> None:
        release_withheld(current.id, withheld.id, reason=reason, version=current.version)
        notices.post(write(NoticeText.RELEASED, item=item, person=name, regrant=sources), dialog.page_url)

    _change(dialog, key, card, reason, confirmed=confirmed, update=update)


def _block(dialog: Dialog, card: PersonBody) -> None:
    people = [card.shown_name]
    confirmation.show_effects(
        (
            write(DialogText.BLOCKS, people=people),
            write(DialogText.ENDS_SESSIONS, people=people),
            write(DialogText.KEEPS_ROLES, people=people),
        )
    )
    _set_blocked(dialog, card, "block", blocked=True)


def _unblock(dialog: Dialog, card: PersonBody) -> None:
    confirmation.show_effects((write(DialogText.UNBLOCKS, people=[card.shown_name], roles=card.roles),))
    _set_blocked(dialog, card, "unblock", blocked=False)


def _set_blocked(dialog: Dialog, card: PersonBody, key: str, *, blocked: bool) -> None:
    reason = confirmation.reason_input(
        key, placeholder="Such as: the account was misused" if blocked else "Such as: the incident is resolved"
    )
    icon = ":material/block:" if blocked else ":material/lock_open:"
    label = write(ButtonText.BLOCK if blocked else ButtonText.UNBLOCK)
    confirmed = confirmation.buttons(key, label, icon=icon, danger=blocked)

    def update(current: PersonBody) -> None:
        outcome = set_blocked(current.id, blocked=blocked, reason=reason, version=current.version)
        text = NoticeText.BLOCKED if blocked else NoticeText.UNBLOCKED
        undo = Undo(partial(undo_blocking, card.id, reason, blocked=not blocked))
        notices.post(write(text, people=[card.shown_name], sessions=outcome.sessions_ended), dialog.page_url, undo=undo)

    _change(dialog, key, card, reason, confirmed=confirmed, update=update)


def _end_all(dialog: Dialog, card: PersonBody) -> None:
    people = [card.shown_name]

    def end_all(reason: str) -> None:
        ended = end_sessions_of(card.id, reason=reason)
        text = NoticeText.SESSIONS_ENDED if ended else NoticeText.NO_SESSION
        notices.post(write(text, person=card.shown_name, sessions=ended), dialog.page_url)

    confirmation.confirm(
        "end-all",
        (write(DialogText.ENDS_SESSIONS, people=people), write(DialogText.CAN_RETURN, people=people)),
        action=write(ButtonText.END_SESSIONS), on_confirm=end_all, icon=":material/logout:",
        placeholder="Such as: a device was lost",
    )  # fmt: skip


def _erase(dialog: Dialog, card: PersonBody) -> None:
    missing = access.missing(Permission.ERASE_PEOPLE)
    if isinstance(missing, StepUpRequired):  # before the administrator types: signing in again leaves this page
        panels.step_up(missing, within_page=True)
        return
    key, name, user_id = "erase", card.shown_name, card.subject.subject
    confirmation.show_effects(
        (
            write(DialogText.ERASES, person=name),
            write(DialogText.ERASES_GRANTS, person=name, grants=len(card.grants)),
            write(DialogText.ERASES_EVENTS, person=name, user_id=user_id),
            write(DialogText.ERASES_NO_SIGN_IN, person=name),
        )
    )
    sure = st.checkbox("I understand that this cannot be undone", key=f"{key}-sure")
    reason = confirmation.reason_input(key, placeholder="Such as: a request for erasure")
    confirmed = confirmation.buttons(key, write(ButtonText.ERASE), icon=":material/delete_forever:", danger=True)
    if confirmed and not sure:
        st.warning("Tick the box above first: this cannot be undone.", icon=":material/check_box:")

    def update(current: PersonBody) -> None:
        erase(current.id, reason=reason, version=current.version)
        notices.post(write(NoticeText.ERASED, user_id=user_id), dialog.page_url)  # the name must not stay on screen

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
        warning=write(DialogText.PERSON_CHANGED, person=card.shown_name),
        update=update,
        load=lambda: person(card.id),
        describe=described,
    )


_DIALOGS: Final[Mapping[str, PersonDialog]] = {
    "add-grant": PersonDialog(DialogTitle.GRANT, ":material/add_circle:", Permission.MANAGE_GRANTS, _grant),
    "revoke": PersonDialog(DialogTitle.REVOKE, ":material/do_not_disturb_on:", Permission.MANAGE_GRANTS, _revoke),
    "release": PersonDialog(DialogTitle.RELEASE, ":material/lock_open:", Permission.MANAGE_GRANTS, _release),
    "block": PersonDialog(DialogTitle.BLOCK, ":material/block:", Permission.BLOCK_PEOPLE, _block),
    "unblock": PersonDialog(DialogTitle.UNBLOCK, ":material/lock_open:", Permission.BLOCK_PEOPLE, _unblock),
    "end-all": PersonDialog(DialogTitle.END_SESSIONS, ":material/logout:", Permission.END_SESSIONS, _end_all),
    "erase": PersonDialog(DialogTitle.ERASE, ":material/delete_forever:", Permission.ERASE_PEOPLE, _erase),
}
"""Name → dialog."""
