"""What did not work, at the place where it did not: why, and what to do. What was typed stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app import formatting, panels
from app.admin.widgets import labels
from app.core import correlation, logs
from app.core.errors import (
    ChangeUnconfirmed,
    Conflict,
    GatehouseError,
    InvalidInput,
    NotFound,
    NotHeld,
    PermissionDenied,
    RuleViolated,
    SignInAgain,
    StepUpRequired,
    TooManyRequests,
    Unauthenticated,
)


def show(error: GatehouseError, *, key: str, kept: bool = False) -> None:
    """Say what did not work. ``kept``: something was typed, and is still there to be sent again."""
    if isinstance(error, StepUpRequired):
        panels.step_up(error, within_page=True)
        return
    if isinstance(error, SignInAgain):
        panels.problem(error)
        return
    logs.report(error, where="a part of a page")
    with st.container(key=key):
        refused = isinstance(error, PermissionDenied | RuleViolated | Conflict | NotFound | InvalidInput)
        text = sentences(error)
        if kept and not refused:
            again = "." if isinstance(error, ChangeUnconfirmed) else ": try again in a moment."
            text = f"{text} What you entered is still here{again}"
        if refused:
            st.warning(text, icon=":material/block:")
        else:
            st.error(text, icon=":material/error:")
            labels.note(f"If it goes on, tell an administrator this number: `{correlation.current()}`")


def sentences(error: GatehouseError) -> str:
    """Why something did not work, in a sentence or more, as markdown-safe text."""
    title, detail = f"**{formatting.plain(error.title)}.**", formatting.plain(error.detail, cap=500)
    match error:
        case NotHeld() if error.permissions:
            named = "; ".join(formatting.clause(formatting.sentence(name)) for name in error.permissions[:5])
            more = len(error.permissions) - 5
            return f"{title} It includes what you do not hold: {named}{f'; and {more} more' if more > 0 else ''}."
        case PermissionDenied():
            return f"{title} It needs a permission that you do not have: {formatting.sentence(error.permission)}"
        case InvalidInput() if error.problems:
            problems = " ".join(_ended(formatting.plain(text, cap=300)) for text in error.problems.values())
            return f"{title} {problems}"
        case TooManyRequests():
            seconds = max(1, error.retry_after_seconds)
            return f"{title} Wait {seconds} second{'s' if seconds != 1 else ''}, then try again."
        case Unauthenticated():
            why = "The remote API did not accept your sign-in."
            return f"{title} {why} Reload the page; if that does not help, sign out and in again."
        case _:
            return f"{title} {detail}".rstrip()


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


@contextmanager
def shown(key: str) -> Iterator[None]:
    """Show what goes wrong inside at its place, so that the rest of the page stays."""
    try:
        yield
    except GatehouseError as error:
        show(error, key=key)
