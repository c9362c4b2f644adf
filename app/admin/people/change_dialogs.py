"""The changes of one person, as dialogs: giving, taking away, blocking, ending sessions, erasing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api.grants import Grantable, add_grant, release_withheld, revoke_grant
from app.admin.api.people import erase, person, set_blocked
from app.admin.api.sessions import end_sessions_of
from app.admin.people import grant_form
from app.admin.widgets import confirmation, dialogs, labels, notices
from app.admin.widgets.dialogs import Dialog
from app.admin.widgets.notices import Undo
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import PersonBody
from app.core.directory import PersonState
from app.core.errors import Conflict, StepUpRequired
from app.core.permissions import ADMINISTRATOR, Permission
from app.core.policy import Source

_LOST_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class Change:
    """One dialog: its title and icon, what it asks for, its body."""

    title: str
    icon: str
    permission: Permission
    body: Callable[[Dialog, PersonBody], None]


def show(dialog: Dialog, card: PersonBody) -> None:
    """The dialog that is open; closed when it may not be any more."""
    change = _CHANGES.get(dialog.name)
    if change is None or not access.decide(change.permission).allowed_after_step_up:
        dialogs.close()
        return
    dialogs.show(change.title, partial(change.body, dialog, card), icon=change.icon)


def described(card: PersonBody) -> Mapping[str, str]:
    """What of a card administrators change, name → markdown-safe text: for showing two versions."""
    named = sorted({grant.name for grant in card.grants})
    return {
        "State": labels.STATES[card.state],
        "Roles and permissions": labels.listed(named, limit=20),
        "Withheld": labels.listed(sorted(row.name for row in card.withheld), limit=20),
    }


def _give(dialog: Dialog, card: PersonBody) -> None:
    key = "give"
    st.markdown(f"To {confirmation.bold_name(card.shown_name)}:")
    wish = grant_form.form(key)
    go = confirmation.buttons(key, "Give", icon=":material/add_circle:") and grant_form.ready(wish)

    def do(seen: PersonBody) -> None:
        what = wish.what
        if what is None:
            return
        after, new = add_grant(seen.id, what, until=wish.until, reason=wish.reason, version=seen.version)
        if not new:
            notices.post(
                f"{confirmation.bold_name(card.shown_name)} had {confirmation.bold_name(what.name)} already.",
                dialog.place,
            )
            return
        given = next((one for one in after.grants if one.name == what.name and one.id not in _ids(seen)), None)
        undo = Undo("Undo", partial(_take_back, card.id, given.id, wish.reason)) if given is not None else None
        who = confirmation.bold_name(card.shown_name)
        text = f"{who} has {confirmation.bold_name(what.name)} now, {grant_form.ending(wish.until)}."
        notices.post(f"{text} It counts at once, in open tabs too.", dialog.place, undo=undo)

    _carry(dialog, key, card, wish.reason, go=go, do=do)


def _take(dialog: Dialog, card: PersonBody) -> None:
    key = "take"
    grant: GrantBody = dialog.about[0]
    for sentence in _loses(grant, card):
        st.markdown(f"- {sentence}")
    why = confirmation.reason_input(key, placeholder="Such as: moved to another team")
    go = confirmation.buttons(key, "Take away", icon=":material/do_not_disturb_on:")

    def do(seen: PersonBody) -> None:
        after = revoke_grant(seen.id, grant.id, reason=why, version=seen.version)
        who, what = (
            confirmation.bold_name(card.shown_name),
            Grantable("role" if grant.role else "permission", grant.name),
        )
        if any(one.name == what.name for one in after.grants):
            name = confirmation.bold_name(what.name)
            text = f"This grant of {name} is revoked at once; {who} still has it by another one."
        else:
            text = f"{who} no longer has {confirmation.bold_name(what.name)}. It holds at once."
        withheld = next((one for one in after.withheld if one.name == what.name and one not in seen.withheld), None)
        if withheld is None:
            undo = Undo("Give it back", partial(_give_back, card.id, what, grant.until, why))
        else:
            text += " It is withheld: signing in again does not bring it back."
            undo = Undo("Undo", partial(_release_again, card.id, withheld.id, why))
        notices.post(text, dialog.place, undo=undo)

    _carry(dialog, key, card, why, go=go, do=do)


def _loses(grant: GrantBody, card: PersonBody) -> list[str]:
    """What taking a grant away means, in sentences."""
    who = confirmation.bold_name(card.shown_name)
    gone = {grant.id}
    if grant.automatic:  # it is withheld from every automatic source
        gone |= {one.id for one in card.grants if one.automatic and one.name == grant.name}
    says = [f"{who} loses {confirmation.bold_name(grant.name)}, at once, in open tabs too."]
    if any(one.name == grant.name and one.id not in gone for one in card.grants):
        says = [
            f"{who} keeps {confirmation.bold_name(grant.name)}, which another grant gives too; this one ends at once."
        ]
    if grant.automatic:
        by_default = any(one.id in gone and one.source is not Source.TOKEN for one in card.grants)
        by_token = any(one.id in gone and one.source is Source.TOKEN for one in card.grants)
        says.append(
            f"It is given automatically, by {labels.automatic_sources(by_token, by_default)}. From now on it is "
            "withheld: signing in again does not bring it back, until an administrator releases it."
        )
    lost = [one for one in card.permissions if set(one.grants) <= gone]
    if not lost:
        says.append("What they may do stays the same: something else they hold gives all of it too.")
    elif grant.role == ADMINISTRATOR:
        says.append("They can administer nothing any more, and do only what their other roles give.")
    else:
        named = "; ".join(formatting.clause(formatting.sentence(one.name)) for one in lost[:_LOST_NAMED])
        more = f"; and {len(lost) - _LOST_NAMED:,} more" if len(lost) > _LOST_NAMED else ""
        says.append(f"They can no longer: {named}{more}.")
    return says


def _release(dialog: Dialog, card: PersonBody) -> None:
    key = "release"
    withheld: WithheldBody = dialog.about[0]
    who = confirmation.bold_name(card.shown_name)
    sources = labels.automatic_sources(withheld.from_token, withheld.from_default_role)
    if sources:
        st.markdown(f"{who} has {confirmation.bold_name(withheld.name)} again at once, by {sources}.")
    else:
        st.markdown(f"{who} gets {confirmation.bold_name(withheld.name)} again when a sign-in gives it.")
    why = confirmation.reason_input(key, placeholder="Such as: the review is over")
    go = confirmation.buttons(key, "Release", icon=":material/lock_open:")

    def do(seen: PersonBody) -> None:
        release_withheld(seen.id, withheld.id, reason=why, version=seen.version)
        notices.post(f"{confirmation.bold_name(withheld.name)} is no longer withheld from {who}.", dialog.place)

    _carry(dialog, key, card, why, go=go, do=do)


def _block(dialog: Dialog, card: PersonBody) -> None:
    key = "block"
    who = confirmation.bold_name(card.shown_name)
    st.markdown(f"- {who} can open nothing here any more, until somebody lets them in again.")
    st.markdown("- All their sessions end at once. What they had typed and not saved is lost.")
    st.markdown("- Their roles stay as they are.")
    _set(dialog, card, key, blocked=True)


def _let_in(dialog: Dialog, card: PersonBody) -> None:
    who = confirmation.bold_name(card.shown_name)
    roles = labels.listed(list(card.roles), limit=8) if card.roles else "no role"
    st.markdown(f"- {who} can sign in again, with {roles}.")
    _set(dialog, card, "let-in", blocked=False)


def _set(dialog: Dialog, card: PersonBody, key: str, *, blocked: bool) -> None:
    why = confirmation.reason_input(
        key, placeholder="Such as: the account was misused" if blocked else "Such as: all is clear"
    )
    action = "Block" if blocked else "Let in again"
    go = confirmation.buttons(key, action, icon=":material/block:" if blocked else ":material/lock_open:")

    def do(seen: PersonBody) -> None:
        outcome = set_blocked(seen.id, blocked=blocked, reason=why, version=seen.version)
        who = confirmation.bold_name(card.shown_name)
        ended = f" {labels.quantity(outcome.sessions_ended, 'session')} ended." if outcome.sessions_ended else ""
        text = f"{who} is blocked.{ended}" if blocked else f"{who} can sign in again."
        undo = Undo("Let in again" if blocked else "Block again", partial(_set_back, card.id, why, blocked=not blocked))
        notices.post(text, dialog.place, undo=undo)

    _carry(dialog, key, card, why, go=go, do=do)


def _end_all(dialog: Dialog, card: PersonBody) -> None:
    who = confirmation.bold_name(card.shown_name)
    says = (
        f"{who} is signed out everywhere at once. What they had typed and not saved is lost.",
        "They can sign in again. To keep them out, block them.",
    )

    def do(reason: str) -> None:
        ended = end_sessions_of(card.id, reason=reason)
        said = f"{labels.quantity(ended, 'session')} of {who} ended." if ended else f"{who} was not signed in any more."
        notices.post(said, dialog.place)

    confirmation.confirm(
        "end-all", says, action="End all sessions", on_confirm=do, icon=":material/logout:",
        placeholder="Such as: a device was lost",
    )  # fmt: skip


def _erase(dialog: Dialog, card: PersonBody) -> None:
    missing = access.missing(Permission.ERASE_PEOPLE)
    if isinstance(missing, StepUpRequired):  # before anything is typed: signing in again leads away from here
        panels.step_up(missing, within_page=True)
        return
    key = "erase"
    who = confirmation.bold_name(card.shown_name)
    st.markdown(f"- Name, e-mail and picture of {who} are removed, everywhere and for good.")
    st.markdown("- All their roles and permissions are taken away, and all their sessions end.")
    st.markdown("- The audit keeps what was done, under the provider's name for them only.")
    st.markdown("- Should they sign in again, they begin with what a sign-in gives; what is withheld stays withheld.")
    sure = st.checkbox("I know that there is no way back", key=f"{key}-sure")
    why = confirmation.reason_input(key, placeholder="Such as: asked to be forgotten")
    go = confirmation.buttons(key, "Erase for good", icon=":material/delete_forever:")
    if go and not sure:
        st.warning("Tick the box above first: this cannot be undone.", icon=":material/check_box:")

    def do(seen: PersonBody) -> None:
        erase(seen.id, reason=why, version=seen.version)
        notices.post(
            "What was known of them is erased. The audit says that it was done, by whom and why.", dialog.place
        )

    _carry(dialog, key, card, why, go=go and sure, do=do)


def _carry(dialog: Dialog, key: str, card: PersonBody, why: str, *, go: bool, do: Callable[[PersonBody], None]) -> None:
    confirmation.save(
        dialog, key, card, reason=why, confirmed=go, update=do, load=lambda: person(card.id), describe=described
    )


def _ids(card: PersonBody) -> frozenset[int]:
    return frozenset(grant.id for grant in card.grants)


# The ways back: from whatever is there when they are taken


def _take_back(person_id: int, grant: int, reason: str) -> str:
    now = person(person_id)
    held = next((one for one in now.grants if one.id == grant), None)
    if held is None:
        return "It had been taken away already."
    revoke_grant(person_id, grant, reason=_again(reason), version=now.version)
    return f"{confirmation.bold_name(now.shown_name)} no longer has {confirmation.bold_name(held.name)}."


def _give_back(person_id: int, what: Grantable, until: datetime | None, reason: str) -> str:
    now = person(person_id)
    add_grant(person_id, what, until=until, reason=_again(reason), version=now.version)
    return f"{confirmation.bold_name(now.shown_name)} has {confirmation.bold_name(what.name)} again."


def _release_again(person_id: int, withheld: int, reason: str) -> str:
    now = person(person_id)
    row = next((one for one in now.withheld if one.id == withheld), None)
    if row is None:
        return "It had been released already."
    release_withheld(person_id, withheld, reason=_again(reason), version=now.version)
    return f"{confirmation.bold_name(row.name)} is no longer withheld from {confirmation.bold_name(now.shown_name)}."


def _set_back(person_id: int, reason: str, *, blocked: bool) -> str:
    now = person(person_id)
    if (now.state is PersonState.BLOCKED) is blocked:
        raise Conflict("Somebody else has done it already.")
    set_blocked(person_id, blocked=blocked, reason=_again(reason), version=now.version)
    return f"{confirmation.bold_name(now.shown_name)} {'is blocked again' if blocked else 'can sign in again'}."


def _again(reason: str) -> str:
    """The reason of a way back: the audit keeps why it was done, and that it was undone."""
    return f"Taken back: {reason}"[: confirmation.MAX_REASON_LENGTH]


_CHANGES: Final[Mapping[str, Change]] = {
    "give": Change("Give a role or permission", ":material/add_circle:", Permission.MANAGE_GRANTS, _give),
    "take": Change("Take it away?", ":material/do_not_disturb_on:", Permission.MANAGE_GRANTS, _take),
    "release": Change("Release it?", ":material/lock_open:", Permission.MANAGE_GRANTS, _release),
    "block": Change("Block this person?", ":material/block:", Permission.BLOCK_PEOPLE, _block),
    "let-in": Change("Let this person in again?", ":material/lock_open:", Permission.BLOCK_PEOPLE, _let_in),
    "end-all": Change("End all sessions?", ":material/logout:", Permission.END_SESSIONS, _end_all),
    "erase": Change("Erase this person?", ":material/delete_forever:", Permission.ERASE_PEOPLE, _erase),
}
"""Name of a dialog → what it is."""
