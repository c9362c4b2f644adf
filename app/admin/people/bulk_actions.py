"""Bulk actions on the selected people: each person is changed separately, with progress and a result for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import access, formatting
from app.admin.people import grant_form
from app.admin.people.bulk_changes import CHANGES, UNDO_CHANGES, BulkChange, PersonResult
from app.admin.people.grant_form import GrantInput
from app.core.contract.grants import MAX_BULK_PEOPLE
from app.core.errors import ChangeUnconfirmed, GatehouseError, TooManyRequests
from app.core.permissions import Permission
from app.ui import confirmation, dialogs, failures, notices, table_parts, texts
from app.ui.confirmation import undo_reason
from app.ui.dialogs import Dialog
from app.ui.notices import Undo
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, Sentence, joined, write

_CHUNK: Final = 20
"""People in one bulk call: few enough for visible progress."""
_MAX_RETRIES: Final = 5
_MAX_WAIT_SECONDS: Final = 60
_MAX_FAILURES_LISTED: Final = 50
_pause: Final = time.sleep
_RESULTS: Final = "results"
_GRANT_ACTIONS: Final = frozenset({"grant", "revoke"})
_DESTRUCTIVE: Final = frozenset({"revoke", "block", "end"})


@dataclass(frozen=True, slots=True)
class BulkAction:
    """A bulk action: its button, the permission it requires, and the texts of its dialog and notices."""

    name: str
    label: str
    icon: str
    permission: Permission
    title: DialogTitle
    submit: ButtonText
    effects: tuple[DialogText, ...]
    changed: NoticeText
    """For the people who were changed."""
    unchanged: NoticeText
    """For the people who needed no change."""
    undone: NoticeText | None = None
    """None if it cannot be undone."""


ACTIONS: Final = (
    BulkAction(
        "grant",
        "Grant…",
        ":material/add_circle:",
        Permission.MANAGE_GRANTS,
        DialogTitle.GRANT,
        ButtonText.GRANT_MANY,
        (DialogText.GRANTS,),
        NoticeText.GRANTED_MANY,
        NoticeText.HAD_GRANT_MANY,
        NoticeText.UNDONE_GRANT_MANY,
    ),
    BulkAction(
        "revoke",
        "Revoke…",
        ":material/do_not_disturb_on:",
        Permission.MANAGE_GRANTS,
        DialogTitle.REVOKE_MANY,
        ButtonText.REVOKE_MANY,
        (DialogText.REVOKES_MANY, DialogText.WITHHOLDS_MANY, DialogText.NO_UNDO),
        NoticeText.REVOKED_MANY,
        NoticeText.HAD_NO_GRANT_MANY,
    ),
    BulkAction(
        "block",
        "Block…",
        ":material/block:",
        Permission.BLOCK_PEOPLE,
        DialogTitle.BLOCK,
        ButtonText.BLOCK_MANY,
        (DialogText.BLOCKS, DialogText.ENDS_SESSIONS, DialogText.KEEPS_ROLES),
        NoticeText.BLOCKED,
        NoticeText.WAS_BLOCKED_MANY,
        NoticeText.UNDONE_BLOCK,
    ),
    BulkAction(
        "unblock",
        "Unblock…",
        ":material/lock_open:",
        Permission.BLOCK_PEOPLE,
        DialogTitle.UNBLOCK,
        ButtonText.UNBLOCK_MANY,
        (DialogText.UNBLOCKS, DialogText.KEEPS_ROLES),
        NoticeText.UNBLOCKED,
        NoticeText.WAS_UNBLOCKED_MANY,
        NoticeText.UNDONE_UNBLOCK,
    ),
    BulkAction(
        "end",
        "End sessions…",
        ":material/logout:",
        Permission.END_SESSIONS,
        DialogTitle.END_SESSIONS,
        ButtonText.END_MANY,
        (DialogText.ENDS_SESSIONS, DialogText.CAN_RETURN),
        NoticeText.ENDED_MANY,
        NoticeText.NO_SESSION_MANY,
    ),
)


def offered() -> list[table_parts.Action]:
    """The actions that the administrator may use, for the table of people."""
    return [
        table_parts.Action(
            action.name, action.label, action.icon.split("/")[-1].rstrip(":"), danger=action.name in _DESTRUCTIVE
        )
        for action in ACTIONS
        if access.allows(action.permission)
    ]


def show(dialog: Dialog) -> None:
    """Draw the open dialog of a bulk action; close it if the administrator may no longer use it."""
    action = next((action for action in ACTIONS if action.name == dialog.name), None)
    if action is None or not access.allows(action.permission):
        dialogs.close()
        return
    people: Mapping[int, str] = dialog.arguments[0]
    title = write(action.title, people=list(people.values()))
    dialogs.show(title, partial(_body, dialog, action), icon=action.icon, wide=action.name in _GRANT_ACTIONS)


def _body(dialog: Dialog, action: BulkAction) -> None:
    people: Mapping[int, str] = dialog.arguments[0]
    if _RESULTS in dialog.memory:
        _show_failures(dialog.memory[_RESULTS], people)
        return
    if len(people) > 1:
        texts.small(texts.listed(list(people.values())))
    key = f"many-{action.name}"
    with failures.show_errors(f"{key}-failed"):
        effects = st.container(key=f"{key}-effects")
        if action.name in _GRANT_ACTIONS:
            granting = action.name == "grant"
            data = grant_form.form(key, with_expiry=granting, grantable_only=granting)
        else:
            data = GrantInput(None, None, confirmation.reason_input(key))
        with effects:
            _show_effects(action, data, list(people.values()))
        submit = write(action.submit, count=len(people))
        pressed = confirmation.buttons(key, submit, icon=action.icon, danger=action.name in _DESTRUCTIVE)
        if not pressed or (action.name in _GRANT_ACTIONS and not grant_form.complete(data)):
            return
        if confirmation.attempt(key, data.reason, lambda: None):
            _run(dialog, action, data)


def _show_effects(action: BulkAction, data: GrantInput, names: list[str]) -> None:
    """What the action will do; about a role or permission only once it is chosen."""
    item = data.item or ("role", "")
    effects = [effect for effect in action.effects if data.item is not None or "{item}" not in effect]
    confirmation.show_effects(
        [write(effect, people=names, item=item, expiry=data.expires_at, roles=None) for effect in effects]
    )


def _run(dialog: Dialog, action: BulkAction, data: GrantInput) -> None:
    """Change all the people in chunks. The results so far are kept and reported, even if an error stops the rest."""
    people: Mapping[int, str] = dialog.arguments[0]
    results: list[PersonResult] = []
    progress = st.progress(0.0, text=f"0 of {len(people):,}")
    size = _CHUNK if action.name in _GRANT_ACTIONS else 1
    try:
        for start in range(0, len(people), size):
            chunk = list(people)[start : start + size]
            results += _retrying(partial(CHANGES[action.name], chunk, data), progress, len(results) / len(people))
            progress.progress(len(results) / len(people), text=f"{len(results):,} of {len(people):,}")
    except GatehouseError as error:
        reason = failures.message(error)
        remaining = list(people)[len(results) :]
        in_doubt = size if isinstance(error, ChangeUnconfirmed) else 0
        results += [
            PersonResult(number, "unknown", f"May have been changed: {reason}") for number in remaining[:in_doubt]
        ]
        results += [PersonResult(number, "refused", f"Not tried: {reason}") for number in remaining[in_doubt:]]
    finally:
        dialog.memory[_RESULTS] = results
        _report(action, data, results, dialog)
    if not _failed(results):
        dialogs.close()
    st.rerun()


def _failed(results: Sequence[PersonResult]) -> list[PersonResult]:
    """The results of the people who were not changed, or may not have been."""
    return [result for result in results if result.outcome in {"refused", "unknown"}]


def _retrying(change: Callable[[], list[PersonResult]], progress: DeltaGenerator, share: float) -> list[PersonResult]:
    """Make a change; while the API answers that there are too many requests, wait as long as it says and try again."""
    for _ in range(_MAX_RETRIES):
        try:
            return change()
        except TooManyRequests as error:
            for seconds in range(min(_MAX_WAIT_SECONDS, max(1, error.retry_after_seconds)), 0, -1):
                text = (
                    f"The remote API limits the number of requests. Continuing in {texts.quantity(seconds, 'second')}."
                )
                progress.progress(share, text=text)
                _pause(1)
    return change()


def _report(action: BulkAction, data: GrantInput, results: Sequence[PersonResult], dialog: Dialog) -> None:
    """Report the results at the top of the page, with an undo for the people who were changed."""
    names: Mapping[int, str] = dialog.arguments[0]
    item = data.item or ("role", "")
    sentences = []
    for outcome, text in (
        ("done", action.changed),
        ("unchanged", action.unchanged),
        ("refused", NoticeText.UNCHANGED_MANY),
        ("unknown", NoticeText.UNKNOWN_MANY),
    ):
        people = _names(results, outcome, names)
        if people:
            sentences.append(write(text, people=people, item=item, expiry=data.expires_at, sessions=0))
    undo = None
    undo_change = UNDO_CHANGES.get(action.name)
    changed = {result.person: names[result.person] for result in results if result.outcome == "done"}
    if undo_change is not None and action.undone is not None and changed:
        undo_data = GrantInput(data.item, None, undo_reason(data.reason))
        undo = Undo(partial(_undo, undo_change, action.undone, changed, undo_data))
    if sentences:
        notices.post(joined(sentences), dialog.page_url, undo=undo, success=not _failed(results))


def _names(results: Sequence[PersonResult], outcome: str, names: Mapping[int, str]) -> list[str]:
    """The names of the people with this outcome."""
    return [names.get(result.person, "") for result in results if result.outcome == outcome]


def _undo(undo_change: BulkChange, undone: NoticeText, names: Mapping[int, str], data: GrantInput) -> Sentence:
    people, results = list(names), list[PersonResult]()
    for start in range(0, len(people), MAX_BULK_PEOPLE):
        results += undo_change(people[start : start + MAX_BULK_PEOPLE], data)
    refused = [result for result in results if result.outcome == "refused"]
    changed = [names.get(result.person, "") for result in results if result.outcome != "refused"]
    sentences = [write(undone, people=changed, item=data.item or ("role", ""))] if changed or not refused else []
    if refused:
        failed = _names(refused, "refused", names)
        sentences.append(write(NoticeText.NOT_UNDONE_MANY, people=failed, cause=refused[0].reason))
    return joined(sentences)


def _show_failures(results: Sequence[PersonResult], people: Mapping[int, str]) -> None:
    """The people who were not changed, or may not have been, with the reason."""
    failed = _failed(results)
    verb = "may not have been" if any(result.outcome == "unknown" for result in failed) else "could not be"
    st.markdown(f"**{len(failed):,} of {texts.quantity(len(results), 'person', 'people')} {verb} changed:**")
    listed = failed[:_MAX_FAILURES_LISTED]
    st.table(
        [
            {"Person": formatting.plain(people.get(result.person, "?"), cap=80), "Reason": result.reason}
            for result in listed
        ],
        border="horizontal",
        hide_index=True,
    )
    if len(failed) > len(listed):
        texts.small(f"And {len(failed) - len(listed):,} more.")
    if st.button("Close", key="many-close"):
        dialogs.close_and_rerun()
