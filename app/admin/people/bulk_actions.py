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
from app.admin.people.undo import undo_reason
from app.core.contract.grants import MAX_BULK_PEOPLE
from app.core.errors import ChangeUnconfirmed, GatehouseError, TooManyRequests
from app.core.permissions import Permission
from app.ui import confirmation, dialogs, failures, notices, table_parts, texts
from app.ui.dialogs import Dialog
from app.ui.notices import Undo

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
    """A bulk action: its button, the permission it requires, and its dialog."""

    name: str
    label: str
    icon: str
    permission: Permission
    title: str
    title_of_one: str
    """The title for a single person, with ``{}`` for the name."""
    submit: str
    """Label of the button that starts it; ``{}`` is the number of people."""
    effects: tuple[str, ...] = ()
    """What the dialog says will happen."""


ACTIONS: Final = (
    BulkAction(
        "grant",
        "Grant…",
        ":material/add_circle:",
        Permission.MANAGE_GRANTS,
        "Grant to several people",
        "Grant to {}",
        "Grant to {}",
    ),
    BulkAction(
        "revoke",
        "Revoke…",
        ":material/do_not_disturb_on:",
        Permission.MANAGE_GRANTS,
        "Revoke from several people",
        "Revoke from {}",
        "Revoke from {}",
        (
            "What a sign-in grants automatically is withheld: signing in again does not restore it.",
            "There is no undo, because the expiry of each grant is lost.",
        ),
    ),
    BulkAction(
        "block",
        "Block…",
        ":material/block:",
        Permission.BLOCK_PEOPLE,
        "Block several people",
        "Block {}?",
        "Block {}",
        (
            "They cannot open anything here until an administrator unblocks them.",
            "All their sessions end at once.",
            "Their roles stay as they are.",
        ),
    ),
    BulkAction(
        "unblock",
        "Unblock…",
        ":material/lock_open:",
        Permission.BLOCK_PEOPLE,
        "Unblock several people",
        "Unblock {}?",
        "Unblock {}",
        ("They can sign in again, with the roles they have.",),
    ),
    BulkAction(
        "end",
        "End sessions…",
        ":material/logout:",
        Permission.END_SESSIONS,
        "End the sessions of several people",
        "End all sessions of {}?",
        "End the sessions of {}",
        (
            "They are signed out everywhere at once.",
            "Input that they have not saved is lost.",
            "They can sign in again.",
        ),
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
    title = action.title
    if len(people) == 1:
        title = action.title_of_one.format(formatting.plain(next(iter(people.values())), cap=80))
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
        for sentence in action.effects:
            st.markdown(f"- {sentence}" if len(action.effects) > 1 else sentence)
        if action.name in _GRANT_ACTIONS:
            granting = action.name == "grant"
            data = grant_form.form(key, with_expiry=granting, grantable_only=granting)
        else:
            data = GrantInput(None, None, confirmation.reason_input(key))
        submit = action.submit.format(texts.quantity(len(people), "person", "people"))
        pressed = confirmation.buttons(key, submit, icon=action.icon, danger=action.name in _DESTRUCTIVE)
        if not pressed or (action.name in _GRANT_ACTIONS and not grant_form.complete(data)):
            return
        if confirmation.attempt(key, data.reason, lambda: None):
            _run(dialog, action, data)


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
        _report(action, data, results, dialog.page_url)
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


def _report(action: BulkAction, data: GrantInput, results: Sequence[PersonResult], page_url: str) -> None:
    """Report the results at the top of the page, with an undo for the people who were changed."""
    changed = [result.person for result in results if result.outcome == "done"]
    unchanged = sum(result.outcome == "unchanged" for result in results)
    refused = sum(result.outcome == "refused" for result in results)
    unknown = sum(result.outcome == "unknown" for result in results)
    item = confirmation.bold_name(data.item.name) if data.item is not None else ""
    verb = {
        "grant": f"Granted {item} to", "revoke": f"Revoked {item} from", "block": "Blocked",
        "unblock": "Unblocked", "end": "Ended the sessions of",
    }[action.name]  # fmt: skip
    parts = [f"{verb} {texts.quantity(len(changed), 'person', 'people')}."]
    if unchanged:
        parts.append(f"{unchanged:,} needed no change.")
    if refused:
        parts.append(f"{refused:,} not changed.")
    if unknown:
        parts.append(f"{unknown:,} may have been changed: check before you try again.")
    undo = None
    undo_change = UNDO_CHANGES.get(action.name)
    if undo_change is not None and changed:
        undo_data = GrantInput(data.item, None, undo_reason(data.reason))
        undo = Undo("Undo", partial(_undo, undo_change, changed, undo_data))
    notices.post(" ".join(parts), page_url, undo=undo, success=not refused and not unknown)


def _undo(undo_change: BulkChange, people: Sequence[int], data: GrantInput) -> str:
    results: list[PersonResult] = []
    for start in range(0, len(people), MAX_BULK_PEOPLE):
        results += undo_change(people[start : start + MAX_BULK_PEOPLE], data)
    refused = [result for result in results if result.outcome == "refused"]
    text = f"Undone for {texts.quantity(len(results) - len(refused), 'person', 'people')}."
    return f"{text} Not undone for {len(refused):,}: {refused[0].reason}" if refused else text


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
