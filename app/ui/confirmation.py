"""The confirmation part of a dialog: the effects, the reason recorded in the audit, the buttons, and the errors.

After a version conflict (412) both versions are shown, and the input applies to the newer one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import streamlit as st

from app.core.errors import GatehouseError, StaleVersion
from app.core.records import MAX_REASON_CHARACTERS
from app.ui import dialogs, failures
from app.ui.dialogs import Dialog
from app.ui.sentences import Sentence

T = TypeVar("T")
_OPENED: Final = "opened"  # in a dialog's memory: the resource as it was when the dialog was opened
_LATEST: Final = "latest"  # the latest version that the user was shown; a change names it in If-Match


def reason_input(key: str, *, placeholder: str = "Such as: joins the reporting team", before: str = "") -> str:
    """Show the input for the reason; return its trimmed text. The audit records it with the change.

    Args:
        key: Prefix of the widget's key.
        placeholder: Example of a reason.
        before: The reason that was entered before, where a run may have omitted the input.
    """
    text = st.text_input(
        "Reason", before, key=f"{key}-reason", max_chars=MAX_REASON_CHARACTERS, placeholder=placeholder,
        help="The reason is recorded in the audit log with the change.", autocomplete="off",
    )  # fmt: skip
    return (text or "").strip()


def buttons(
    key: str, action: Sentence, *, icon: str | None = None, disabled: bool = False, danger: bool = False
) -> bool:
    """Show the primary button named ``action`` and Cancel; return whether ``action`` was pressed.

    ``danger``: the action revokes, ends or deletes something, and its button looks like it.
    """
    with st.container(horizontal=True, key=f"{'danger' if danger else 'confirm'}-{key}"):
        pressed = st.button(action, key=f"{key}-go", icon=icon, disabled=disabled, type="primary")
        if st.button("Cancel", key=f"{key}-cancel"):
            dialogs.close_and_rerun()
    return pressed


def confirm(
    key: str,
    effects: Sequence[Sentence],
    *,
    action: Sentence,
    on_confirm: Callable[[str], None],
    icon: str | None = None,
    placeholder: str = "Such as: left the company",
) -> None:
    """Show the body of a dialog that confirms the end of something without a version, such as a session.

    Args:
        key: Prefix of the widgets' keys.
        effects: What will happen.
        action: Label of the button that confirms.
        on_confirm: Makes the change; gets the reason. It may raise a ``GatehouseError``, which is shown; the dialog
            closes when it returns.
        icon: Icon of the button.
        placeholder: Example of a reason.
    """
    show_effects(effects)
    reason = reason_input(key, placeholder=placeholder)
    if not buttons(key, action, icon=icon, danger=True):
        return
    if attempt(key, reason, lambda: on_confirm(reason)):
        dialogs.close_and_rerun()


def attempt(key: str, reason: str, action: Callable[[], None], *, versioned: bool = False) -> bool:
    """Run ``action`` and return True; or show why it failed, keep the input, and return False.

    Args:
        key: Prefix of the widgets' keys.
        reason: The reason for the change; a warning asks for one when it is empty.
        action: Makes the change.
        versioned: Whether the caller handles ``StaleVersion`` itself, to show both versions.

    Raises:
        StaleVersion: The resource was changed meanwhile; only if ``versioned``.
    """
    if not reason:
        st.warning("Enter a reason. It is recorded in the audit log with the change.", icon=":material/edit_note:")
        return False
    try:
        with st.spinner("One moment…"):
            action()
    except GatehouseError as error:
        if versioned and isinstance(error, StaleVersion):
            raise
        failures.show(error, key=f"{key}-failed", input_kept=True)
        return False
    return True


def save(
    dialog: Dialog,
    key: str,
    resource: T,
    *,
    reason: str,
    confirmed: bool,
    warning: Sentence,
    update: Callable[[T], None],
    load: Callable[[], T],
    describe: Callable[[T], Mapping[str, str]],
) -> None:
    """Save a change of a resource with a version, and close the dialog.

    After a version conflict both versions are shown, and the next confirmation changes the newer one.

    Args:
        dialog: The open dialog.
        key: Prefix of the widgets' keys.
        resource: The resource as it is when the dialog opens; later runs use the one kept by the dialog.
        reason: The reason for the change.
        confirmed: Whether the user pressed the button that confirms.
        warning: What a version conflict means for the user.
        update: Makes the change to the version that it gets.
        load: Loads the current version.
        describe: The fields to compare: name → text, markdown-safe.
    """
    opened: T = dialog.memory.setdefault(_OPENED, resource)
    latest: T = dialog.memory.setdefault(_LATEST, opened)
    try:
        if confirmed and attempt(key, reason, lambda: update(latest), versioned=True):
            dialogs.close_and_rerun()
    except StaleVersion:
        with failures.show_errors(f"{key}-failed"):
            latest = dialog.memory[_LATEST] = load()
    if latest is not opened:
        show_differences(warning, describe(opened), describe(latest))


def show_differences(warning: Sentence, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Show the fields that differ between two versions side by side, below a warning. Texts are markdown-safe."""
    names = [name for name in {**before, **now} if before.get(name, "") != now.get(name, "")]
    with st.container(border=True, key="changed-meanwhile"):
        st.warning(warning, icon=":material/difference:")
        if not names:
            st.write("The fields shown here are the same as before; another field has changed.")
            return
        rows = [
            {"Field": name, "When you began": before.get(name) or "none", "Now": now.get(name) or "none"}
            for name in names
        ]
        st.table(rows, border="horizontal", hide_index=True)


def show_effects(effects: Sequence[Sentence]) -> None:
    """Show what will happen, as a list where it is more than one sentence."""
    for effect in effects:
        st.markdown(effect if len(effects) == 1 else f"- {effect}")


def undo_reason(reason: str) -> str:
    """The audit reason of an undo: the reason of the change, marked as undone."""
    return f"Undone: {reason}"[:MAX_REASON_CHARACTERS]
