"""The one dialog that confirms: what will happen, the reason that the audit keeps, and what to do when it cannot be.

When the thing was changed meanwhile (412), both versions are shown, and what was typed goes on to the newer one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import streamlit as st

from app import formatting
from app.admin.widgets import dialogs, failures
from app.admin.widgets.dialogs import Dialog
from app.core.errors import GatehouseError, StaleVersion

T = TypeVar("T")
REASON_MAX: Final = 500
_BEGAN: Final = "began"  # in a dialog's memory: the thing as it was when the dialog was opened
_SEEN: Final = "seen"  # the newest that the person was shown: a change names its version


def reason(key: str, *, placeholder: str = "Such as: joins the reporting team") -> str:
    """Ask why; returns what was typed, trimmed. The audit keeps it."""
    typed = st.text_input(
        "Reason", key=f"{key}-reason", max_chars=REASON_MAX, placeholder=placeholder,
        help="It stands in the audit beside the change.", autocomplete="off",
    )  # fmt: skip
    return (typed or "").strip()


def buttons(key: str, action: str, *, icon: str | None = None, disabled: bool = False) -> bool:
    """The way on and the way out of a dialog; True when the way on was pressed.

    Neither is a "primary" button: Streamlit 1.67 writes white on the theme's colour, which nobody can read in the dark.
    """
    with st.container(horizontal=True, key=f"{key}-buttons"):
        pressed = st.button(action, key=f"{key}-go", icon=icon, disabled=disabled)
        if st.button("Cancel", key=f"{key}-cancel"):
            dialogs.done()
    return pressed


def confirm(
    key: str,
    says: Sequence[str],
    *,
    action: str,
    do: Callable[[str], None],
    icon: str | None = None,
    placeholder: str = "Such as: left the company",
) -> None:
    """The body of a dialog that confirms something without a version (ending is idempotent).

    ``says``: what will happen, each a markdown-safe sentence. ``do`` gets the reason, and may raise any of our errors;
    the dialog closes when it returns.
    """
    _tell(says)
    why = reason(key, placeholder=placeholder)
    if not buttons(key, action, icon=icon):
        return
    if attempt(key, why, lambda: do(why)):
        dialogs.done()


def attempt(key: str, why: str, do: Callable[[], None], *, versioned: bool = False) -> bool:
    """Do it and return True; or show why it could not be done, with everything that was typed still there.

    ``versioned``: a ``StaleVersion`` goes through to the caller, who can show both versions.
    """
    if not why:
        st.warning("Say why: the reason stands in the audit beside the change.", icon=":material/edit_note:")
        return False
    try:
        with st.spinner("One moment…"):
            do()
    except GatehouseError as error:
        if versioned and isinstance(error, StaleVersion):
            raise
        failures.show(error, key=f"{key}-failed", kept=True)
        return False
    return True


def change(
    dialog: Dialog,
    key: str,
    first: T,
    *,
    why: str,
    go: bool,
    do: Callable[[T], None],
    load: Callable[[], T],
    describe: Callable[[T], Mapping[str, str]],
) -> None:
    """Carry a change of something with a version through, for the body of a dialog. Closes it when it was done.

    ``first``: as it was when the dialog was opened. ``go``: whether the person pressed the way on. ``do`` changes the
    version it is given. When somebody else was faster, both are shown (``describe``: name → text, markdown-safe), and
    pressing again goes on from the newer one, which the person then has seen.
    """
    began: T = dialog.memory.setdefault(_BEGAN, first)
    seen: T = dialog.memory.setdefault(_SEEN, began)
    try:
        if go and attempt(key, why, lambda: do(seen), versioned=True):
            dialogs.done()
    except StaleVersion:
        with failures.shown(f"{key}-failed"):
            seen = dialog.memory[_SEEN] = load()
    if seen is not began:
        changed_meanwhile(describe(began), describe(seen))


def changed_meanwhile(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Both versions of what differs, side by side. Texts are markdown-safe."""
    names = [name for name in {**before, **now} if before.get(name, "") != now.get(name, "")]
    with st.container(border=True, key="changed-meanwhile"):
        st.warning(
            "**It was changed meanwhile**, by somebody else or in another tab. Nothing of yours was saved yet, and "
            "what you entered is still here. Look at what is different now; then press again to go on, or cancel.",
            icon=":material/difference:",
        )
        if not names:
            st.write("What you see here is the same as before; something else about it has changed.")
            return
        rows = [
            {"": name, "When you began": before.get(name) or "none", "Now": now.get(name) or "none"} for name in names
        ]
        st.table(rows, border="horizontal", hide_index=True)


def _tell(says: Sequence[str]) -> None:
    for sentence in says:
        st.markdown(sentence if len(says) == 1 else f"- {sentence}")


def quoted(name: str) -> str:
    """A name as it stands in a sentence, bold and markdown-safe."""
    return f"**{formatting.plain(name, cap=80)}**"
