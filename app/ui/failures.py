"""Errors of a part of a page, shown in its place: the reason and what to do next. The input is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app import formatting, panels
from app.core import logs
from app.core.errors import (
    Conflict,
    ExceedsOwnPermissions,
    GatehouseError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RuleViolated,
    SignInAgain,
    StepUpRequired,
    TooManyRequests,
    Unauthenticated,
)


def show(error: GatehouseError, *, key: str, input_kept: bool = False, retry: bool = False) -> None:
    """Show an error.

    Args:
        error: What failed.
        key: The key of the container.
        input_kept: The user's input is still in the widgets and can be sent again.
        retry: Show a button that runs the part again.
    """
    if isinstance(error, StepUpRequired):
        panels.step_up(error, within_page=True)
        return
    if isinstance(error, SignInAgain):
        panels.problem(error)
        return
    logs.report(error, where="a part of a page")
    with st.container(key=key):
        refused = isinstance(error, PermissionDenied | RuleViolated | Conflict | NotFound | InvalidInput)
        text = message(error)
        if input_kept and not refused:
            text = f"{text} Your input is kept."
        if refused:
            st.warning(text, icon=":material/block:")
        else:
            st.error(text, icon=":material/error:")
        if retry or not refused:
            panels.reference("Try again" if retry else "", key=f"{key}-retry")


def show_with_retry(error: GatehouseError, *, key: str) -> None:
    """Show an error of a list, whose search and filters keep their input, with a button that loads the list again."""
    show(error, key=key, input_kept=True, retry=True)


def message(error: GatehouseError) -> str:
    """The text for an error: what failed and why, in one or more sentences, markdown-safe."""
    title, detail = f"**{formatting.plain(error.title)}.**", formatting.plain(error.detail, cap=500)
    match error:
        case ExceedsOwnPermissions() if error.permissions:
            sentences = "; ".join(formatting.clause(formatting.sentence(name)) for name in error.permissions[:5])
            more = len(error.permissions) - 5
            return f"{title} It includes what you do not hold: {sentences}{f'; and {more} more' if more > 0 else ''}."
        case PermissionDenied():
            return f"{title} It needs a permission that you do not have: {formatting.sentence(error.permission)}"
        case InvalidInput() if error.problems:
            problems = " ".join(_with_full_stop(formatting.plain(text, cap=300)) for text in error.problems.values())
            return f"{title} {problems}"
        case TooManyRequests():
            seconds = max(1, error.retry_after_seconds)
            return f"{title} Wait {seconds} second{'s' if seconds != 1 else ''}, then try again."
        case Unauthenticated():
            text = "The remote API did not accept your sign-in."
            return f"{title} {text} Reload the page; if that does not help, sign out and in again."
        case _:
            return f"{title} {detail}".rstrip()


def _with_full_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


@contextmanager
def show_errors(key: str) -> Iterator[None]:
    """Show an error raised inside in this place, so that the rest of the page stays."""
    try:
        yield
    except GatehouseError as error:
        show(error, key=key)
