"""Things done to several people at once: each alone, with progress, and a result for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import access, formatting
from app.admin.api.grants import Grantable, grant_to_many, revoke_from_many
from app.admin.api.people import person, set_blocked
from app.admin.api.sessions import end_sessions_of
from app.admin.people import grant_form
from app.admin.widgets import confirmation, dialogs, failures, labels, notices
from app.admin.widgets.dialogs import Dialog
from app.admin.widgets.notices import Undo
from app.core.contract.grants import MAX_BULK_PEOPLE, BulkResult
from app.core.directory import PersonState
from app.core.errors import (
    ChangeUnconfirmed,
    GatehouseError,
    InvalidInput,
    PermissionDenied,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from app.core.permissions import Permission

_CHUNK: Final = 20
"""People in one bulk call: few enough that progress is seen."""
_WAITS_MAX: Final = 5
_pause: Final = time.sleep
_WAIT_MAX_SECONDS: Final = 60
_REFUSED_SHOWN: Final = 50
_RESULTS: Final = "results"
_GRANTS: Final = frozenset({"give", "take"})


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done to several people: what it is called, what it asks for, what it says first."""

    name: str
    label: str
    icon: str
    permission: Permission
    title: str
    go: str
    """What the way on is called; ``{}``: how many people."""
    says: tuple[str, ...] = ()


ACTIONS: Final = (
    Action(
        "give",
        "Give…",
        ":material/add_circle:",
        Permission.MANAGE_GRANTS,
        "Give to several people",
        "Give to {}",
    ),
    Action(
        "take",
        "Take away…",
        ":material/do_not_disturb_on:",
        Permission.MANAGE_GRANTS,
        "Take away from several people",
        "Take away from {}",
        (
            "What a sign-in gives by itself is withheld: signing in again does not bring it back.",
            "There is no undo: until when each of them had it would be lost.",
        ),
    ),
    Action(
        "block",
        "Block…",
        ":material/block:",
        Permission.BLOCK_PEOPLE,
        "Block several people",
        "Block {}",
        (
            "They can open nothing here any more, until somebody lets them in again.",
            "All their sessions end at once.",
            "Their roles stay as they are.",
        ),
    ),
    Action(
        "let-in",
        "Let in…",
        ":material/lock_open:",
        Permission.BLOCK_PEOPLE,
        "Let several people in again",
        "Let {} in again",
        ("Who is blocked can sign in again, with the roles they have.",),
    ),
    Action(
        "end",
        "End sessions…",
        ":material/logout:",
        Permission.END_SESSIONS,
        "End the sessions of several people",
        "End the sessions of {}",
        (
            "They are signed out everywhere at once.",
            "What they had typed and not saved is lost.",
            "They can sign in again.",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one person."""

    person: int
    outcome: Literal["done", "unchanged", "refused", "unknown"]
    why: str = ""
    """Markdown-safe; empty where it is done or unchanged."""


def bar(place: str, chosen: Mapping[int, str], *, clear: Callable[[], None]) -> None:
    """What can be done to the people chosen, above the list."""
    with st.container(border=True, key="chosen-bar"):
        st.markdown(f"**{labels.quantity(len(chosen), 'person', 'people')} chosen**")
        with st.container(horizontal=True):
            for action in ACTIONS:
                if access.allows(action.permission) and st.button(
                    action.label, key=f"many-{action.name}", icon=action.icon
                ):
                    dialogs.open_dialog(action.name, place, dict(chosen))
                    st.rerun()  # all of it: a dialog stands outside the list
            st.button("Clear", key="clear-chosen", type="tertiary", on_click=clear)


def show(dialog: Dialog) -> None:
    """The open dialog of one of the actions."""
    action = next((action for action in ACTIONS if action.name == dialog.name), None)
    if action is None or not access.allows(action.permission):
        dialogs.close()
        return
    dialogs.show(action.title, partial(_body, dialog, action), icon=action.icon)


def _body(dialog: Dialog, action: Action) -> None:
    people: Mapping[int, str] = dialog.about[0]
    if _RESULTS in dialog.memory:
        _refused(dialog.memory[_RESULTS], people)
        return
    labels.small(labels.listed(list(people.values())))
    key = f"many-{action.name}"
    with failures.show_errors(f"{key}-failed"):
        for sentence in action.says:
            st.markdown(f"- {sentence}" if len(action.says) > 1 else sentence)
        if action.name in _GRANTS:
            wish = grant_form.form(key, spans=action.name == "give", givable=action.name == "give")
        else:
            wish = grant_form.Wish(None, None, confirmation.reason_input(key))
        go = action.go.format(labels.quantity(len(people), "person", "people"))
        pressed = confirmation.buttons(key, go, icon=action.icon)
        if not pressed or (action.name in _GRANTS and not grant_form.ready(wish)):
            return
        if confirmation.attempt(key, wish.reason, lambda: None):
            _carry_out(dialog, action, wish)


def _carry_out(dialog: Dialog, action: Action, wish: grant_form.Wish) -> None:
    """Do it to everybody; what is known of the results is kept and told, whatever stops the rest."""
    people: Mapping[int, str] = dialog.about[0]
    results: list[Done] = []
    progress = st.progress(0.0, text=f"0 of {len(people):,}")
    size = _CHUNK if action.name in _GRANTS else 1
    try:
        for start in range(0, len(people), size):
            chunk = list(people)[start : start + size]
            results += _patiently(partial(_DO[action.name], chunk, wish), progress, len(results) / len(people))
            progress.progress(len(results) / len(people), text=f"{len(results):,} of {len(people):,}")
    except GatehouseError as error:
        why = failures.message(error)
        left = list(people)[len(results) :]
        in_doubt = size if isinstance(error, ChangeUnconfirmed) else 0
        results += [Done(one, "unknown", f"It may have been done: {why}") for one in left[:in_doubt]]
        results += [Done(one, "refused", f"Not tried: {why}") for one in left[in_doubt:]]
    finally:
        dialog.memory[_RESULTS] = results
        _tell(action, wish, results, dialog.place)
    if not _not_done(results):
        dialogs.close()
    st.rerun()


def _not_done(results: Sequence[Done]) -> list[Done]:
    """Those of whom it is not known, or known not, that it was done."""
    return [done for done in results if done.outcome in {"refused", "unknown"}]


def _patiently(do: Callable[[], list[Done]], progress: DeltaGenerator, so_far: float) -> list[Done]:
    """Do it, waiting for as long as the API asks to when it is asked too often."""
    for _ in range(_WAITS_MAX):
        try:
            return do()
        except TooManyRequests as error:
            for left in range(min(_WAIT_MAX_SECONDS, max(1, error.retry_after_seconds)), 0, -1):
                text = f"The remote API asks to go slower: on in {labels.quantity(left, 'second')}."
                progress.progress(so_far, text=text)
                _pause(1)
    return do()


def _give(people: Sequence[int], wish: grant_form.Wish) -> list[Done]:
    return _of(grant_to_many(people, _chosen(wish), until=wish.until, reason=wish.reason))


def _take(people: Sequence[int], wish: grant_form.Wish) -> list[Done]:
    return _of(revoke_from_many(people, _chosen(wish), reason=wish.reason))


def _take_given(people: Sequence[int], wish: grant_form.Wish) -> list[Done]:
    """The way back of giving: what they have automatically is not touched."""
    return _of(revoke_from_many(people, _chosen(wish), automatic=False, reason=wish.reason))


def _block(people: Sequence[int], wish: grant_form.Wish, *, blocked: bool = True) -> list[Done]:
    return [_one(one, partial(_set_blocked, one, wish.reason, blocked=blocked)) for one in people]


def _let_in(people: Sequence[int], wish: grant_form.Wish) -> list[Done]:
    return _block(people, wish, blocked=False)


def _end(people: Sequence[int], wish: grant_form.Wish) -> list[Done]:
    return [_one(one, partial(_end_all, one, wish.reason)) for one in people]


_DO: Final[Mapping[str, Callable[[Sequence[int], grant_form.Wish], list[Done]]]] = {
    "give": _give, "take": _take, "block": _block, "let-in": _let_in, "end": _end,
}  # fmt: skip


def _set_blocked(person_id: int, reason: str, *, blocked: bool) -> bool:
    card = person(person_id)
    if (card.state is PersonState.BLOCKED) is blocked:
        return False
    set_blocked(person_id, blocked=blocked, reason=reason, version=card.version)
    return True


def _end_all(person_id: int, reason: str) -> bool:
    return end_sessions_of(person_id, reason=reason) > 0


def _one(person_id: int, do: Callable[[], bool]) -> Done:
    """Do it to one person. What would refuse everybody else too is raised."""
    try:
        return Done(person_id, "done" if do() else "unchanged")
    except (ServiceUnavailable, TooManyRequests, Unauthenticated, PermissionDenied):
        raise
    except GatehouseError as error:
        return Done(person_id, "refused", failures.message(error))


def _of(results: Sequence[BulkResult]) -> list[Done]:
    """What a bulk call answered, in words."""
    done = []
    for result in results:
        why = "" if result.problem is None else f"{result.problem.title}. {result.problem.detail}".strip()
        done.append(Done(result.person, result.outcome, formatting.plain(why, cap=300)))
    return done


def _chosen(wish: grant_form.Wish) -> Grantable:
    if wish.what is None:
        raise InvalidInput({"what": "Choose what it is about first."})
    return wish.what


def _tell(action: Action, wish: grant_form.Wish, results: Sequence[Done], place: str) -> None:
    """Say what happened, with the way back for those it happened to."""
    done = [one.person for one in results if one.outcome == "done"]
    unchanged = sum(one.outcome == "unchanged" for one in results)
    refused = sum(one.outcome == "refused" for one in results)
    unknown = sum(one.outcome == "unknown" for one in results)
    what = confirmation.bold_name(wish.what.name) if wish.what is not None else ""
    said = {
        "give": f"{what} given to", "take": f"{what} taken away from", "block": "Blocked",
        "let-in": "Let in again:", "end": "Sessions ended of",
    }[action.name]  # fmt: skip
    parts = [f"{said} {labels.quantity(len(done), 'person', 'people')}."]
    if unchanged:
        parts.append(f"For {unchanged:,} nothing had to change.")
    if refused:
        parts.append(f"{refused:,} not done.")
    if unknown:
        parts.append(f"Of {unknown:,} it is not known: look before you try again.")
    # Not of taking away: given back from here it would have no end, whatever it had before.
    back = {"give": _take_given, "block": _let_in, "let-in": _block}.get(action.name)
    undo = None
    if back is not None and done:
        again = grant_form.Wish(wish.what, None, f"Taken back: {wish.reason}"[: confirmation.MAX_REASON_LENGTH])
        undo = Undo("Undo", partial(_undo, back, done, again))
    notices.post(" ".join(parts), place, undo=undo, success=not refused and not unknown)


def _undo(
    back: Callable[[Sequence[int], grant_form.Wish], list[Done]], people: Sequence[int], wish: grant_form.Wish
) -> str:
    results: list[Done] = []
    for start in range(0, len(people), MAX_BULK_PEOPLE):
        results += back(people[start : start + MAX_BULK_PEOPLE], wish)
    refused = [one for one in results if one.outcome == "refused"]
    text = f"Taken back for {labels.quantity(len(results) - len(refused), 'person', 'people')}."
    return f"{text} For {len(refused):,} it could not be: {refused[0].why}" if refused else text


def _refused(results: Sequence[Done], people: Mapping[int, str]) -> None:
    """Who it was not done to, or may not have been, and why; the rest is told at the top of the page."""
    refused = _not_done(results)
    verb = "may not have been" if any(one.outcome == "unknown" for one in refused) else "could not be"
    st.markdown(f"**{labels.quantity(len(refused), 'person', 'people')} of {len(results):,} {verb} changed:**")
    shown = refused[:_REFUSED_SHOWN]
    rows = [{"Person": formatting.plain(people.get(one.person, "?"), cap=80), "Why not": one.why} for one in shown]
    st.table(rows, border="horizontal", hide_index=True)
    if len(refused) > len(shown):
        labels.small(f"And {len(refused) - len(shown):,} more.")
    if st.button("Close", key="many-close"):
        dialogs.close_and_rerun()
