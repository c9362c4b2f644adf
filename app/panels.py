"""Views that every page shares: sign-in, step-up, no access, problem, filters of a table. They decide nothing.

Only this module imports ``streamlit_extras``. Foreign text goes through ``plain``, or a call that shows no markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped] # ships no types
import streamlit as st
import structlog
from streamlit.delta_generator import DeltaGenerator
from streamlit_extras.dataframe_explorer import dataframe_explorer

from app import access, component_events, drafts, formatting, page_registry
from app.core import correlation, logs
from app.core.assurance import SignInRequirement
from app.core.errors import (
    ChangeUnconfirmed,
    GatehouseError,
    PermissionDenied,
    ServiceUnavailable,
    SessionEnded,
    SessionExpired,
    SignInAgain,
    StepUpRequired,
    Unauthenticated,
)
from app.core.policy import Reason
from app.core.principal import Principal
from app.services import services
from app.sign_in import sign_in_url
from component.auth0 import another_account, auth0, confirm
from component.events import AppAuthRequest, EventName, OnEvent, SignInMode

_SIGN_IN_EVENTS: Final = frozenset({EventName.ACTION_REQUEST, EventName.ERROR})
_log = structlog.get_logger(__name__)
_NOT_IN_KEYS: Final = re.compile(r"[^a-z0-9-]")
_EXPLANATION: Final = re.compile(r"\\?:.*", re.DOTALL)
"""The rest of a permission's sentence after a colon, which may be escaped."""


def _card(key: str) -> DeltaGenerator:
    """A card in the middle of the page, for a view that replaces the page."""
    return st.container(horizontal_alignment="center").container(key=key, border=True, width=520)


def sign_in(error: Unauthenticated | None = None, *, path: str = "", app: str = "") -> None:
    """Show the sign-in page, which explains why and returns to the present address afterwards.

    Args:
        error: Why the user has no session; None for a user who was not signed in.
        path: Path of the requested page, without slashes; empty for the start page.
        app: Name of a hosted app; empty for Gatehouse itself.
    """
    if isinstance(error, SignInAgain):
        _sign_in_again(error)
        return
    with _card("sign-in-page"):
        if isinstance(error, SessionExpired):
            st.title("Your session has expired")
            st.write(
                "You were away for a while, so you were signed out to be safe. Sign in to continue where you were."
            )
        elif isinstance(error, SessionEnded):
            st.title("You were signed out")
            st.write(
                formatting.plain(error.detail)
                if error.detail
                else "Your session was ended. Sign in to continue where you were."
            )
        else:
            st.title(f"Sign in to {formatting.plain(app, cap=60)}" if app else "Sign in")
            start = "Sign in to continue." if app else "Sign in to Gatehouse to continue."
            st.write("Sign in to open this page. You'll come straight back." if path else start)
        _sign_in_component("sign-in", anonymous=error is None)


def may_submit(*, key: str, submitted: bool) -> bool:
    """Whether a form was submitted by a signed-in user, so that its action may run.

    If the user is anonymous, a submission shows a sign-in in this place. The values that the page keeps
    (``app.drafts.keep``) survive the sign-in, and the user submits the form again. Call it in every run:
    ``if panels.may_submit(key="send", submitted=submitted): send()``. The action has a guard of its own.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
        IdentityShared: The code runs inside something that users share.
    """
    state_key = f"gatehouse_submit_{key}"
    if access.principal().subject is not None:
        st.session_state.pop(state_key, None)
        return submitted
    if submitted:
        st.session_state[state_key] = True
    if state_key in st.session_state:
        with st.container(key=f"submit-{key}", border=True):
            st.markdown("**Sign in to send this**")
            st.write("Your input is kept. After the sign-in you return to this form and can send it.")
            _sign_in_component(f"{key}-sign-in")
    return False


def _sign_in_component(key: str, *, anonymous: bool = True) -> None:
    """The component with its sign-in button.

    Args:
        key: Key of the component.
        anonymous: Whether a sign-in in another tab draws this page again.
    """
    auth0(
        key=key,
        account=None,
        broadcast_channel=services().cookies.broadcast_channel,
        anonymous=anonymous,
        mode=SignInMode(services().settings.sign_in_mode),
        events=_SIGN_IN_EVENTS,
        on_event=_on_sign_in(),
    )


def _on_sign_in(step_up: SignInRequirement | None = None, *, another_account: bool = False) -> OnEvent:
    """The handler that answers a press of the sign-in button with the address of the sign-in."""

    def address(request: AppAuthRequest) -> str:
        return sign_in_url(request.mode, return_to=request.return_to, step_up=step_up, another_account=another_account)

    return component_events.handler(sign_in=address)


def _sign_in_again(error: SignInAgain) -> None:
    """Show one silent sign-in, or a sign-in button, in place of the element that needs new tokens."""
    with st.container(key="sign-in-again", border=True):
        st.subheader("One moment" if error.silent_sign_in else "Sign in once more")
        st.write(formatting.plain(error.detail, cap=500))
        auth0(
            key="sign-in",
            account=None,
            silent_sign_in=error.silent_sign_in,
            events=_SIGN_IN_EVENTS,
            on_event=_on_sign_in(),
        )


def step_up(error: StepUpRequired, *, within_page: bool = False) -> None:
    """Ask a signed-in user to confirm the sign-in: the reason, and a button that leads to the provider and back.

    Args:
        error: The refusal.
        within_page: Whether the view replaces one element of a page rather than the whole page.
    """
    key = f"step-up-{_NOT_IN_KEYS.sub('-', error.permission)}"
    with st.container(key=key, border=True) if within_page else _card(key):
        if within_page:
            st.markdown("**Confirm it is you**")
        else:
            st.title("Confirm it is you")
        action = _EXPLANATION.sub("", formatting.clause(formatting.sentence(error.permission)))
        st.write(f"To {action}, {_explain(error)}, and you'll come back here.")
        requirement = SignInRequirement(error.max_age_seconds, error.acr)
        confirm(
            key=f"{key}-button",
            step_up=requirement,
            events=_SIGN_IN_EVENTS,
            on_event=_on_sign_in(_without_tolerance(requirement)),
        )


def _without_tolerance(requirement: SignInRequirement) -> SignInRequirement:
    """The requirement for the new sign-in: a user who has to sign in again has to do so now."""
    return SignInRequirement(None if requirement.max_age_seconds is None else 0, requirement.acr)


def _explain(error: StepUpRequired) -> str:
    """What the user needs and has to do, as the end of a sentence."""
    if error.acr:
        return "you need a second factor, such as a code from your phone. Confirm"
    return f"you need a sign-in within the last {formatting.span(error.max_age_seconds or 0)}. Sign in once more"


def denied(error: PermissionDenied, principal: Principal) -> None:
    """Show the "No access" page: the missing permission, the signed-in account, and links to continue."""
    with _card("no-access"):
        if error.reason == Reason.BLOCKED:
            st.title("Your account is blocked")
            st.write("You are signed in, but an administrator has blocked your account. Ask them if this is a mistake.")
        else:
            st.title("No access")
            st.write("You are signed in, but this requires a permission that you do not have:")
            with st.container(border=True):
                st.markdown(f"**{formatting.sentence(error.permission)}**")
                st.write(
                    formatting.plain(f"Permission {error.permission}")
                )  # not as code, whose colour has too little contrast
            st.write("If you need it for your work, ask an administrator for a role that includes it.")
        if principal.subject is not None:
            name = formatting.plain(principal.name or principal.email or principal.subject.subject)
            st.caption(f"You are signed in as {name}.")
            another_account(
                key="another-account",
                mode=SignInMode(services().settings.sign_in_mode),
                events=_SIGN_IN_EVENTS,
                on_event=_on_sign_in(another_account=True),
            )
        home = page_registry.navigation_state().home
        if home is not None and error.reason != Reason.BLOCKED:
            st.page_link(home, label="Back to Home", icon=":material/arrow_back:")


def problem(error: GatehouseError, *, input_kept: bool = False) -> None:
    """Show an error in place of a page: what went wrong, what to do next, and the correlation id.

    ``input_kept``: what the user entered is kept in another way than by ``drafts.keep``; Streamlit drops the rest.
    """
    if isinstance(error, SignInAgain):
        _sign_in_again(error)
        return
    if isinstance(error, StepUpRequired):
        step_up(error)
        return
    logs.report(error, where="a page")
    sentences = [formatting.plain(error.detail, cap=500)] if error.detail else []
    if isinstance(error, ServiceUnavailable) and (input_kept or drafts.are_kept()):
        sentences.append("Your input is kept.")
    with st.container(key="problem"):
        st.error(
            " ".join([f"**{formatting.plain(error.title)}.**", *sentences]),
            icon=":material/error:",
        )
        reference("Load again" if isinstance(error, ChangeUnconfirmed) else "Try again")


def reference(retry: str = "", *, key: str = "retry") -> None:
    """Show the correlation id of a failure, for the administrator, after a button to try again.

    ``retry`` is the button's label, empty for no button; ``key`` is its key, as a page can show several.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        if retry:
            st.button(retry, key=key, icon=":material/refresh:")
        st.caption(f"If this continues, give your administrator this reference: `{correlation.current()}`")


def failure(error: GatehouseError, principal: Callable[[], Principal]) -> None:
    """Show the view for an error of the application: step-up, no access, sign-in or problem."""
    if isinstance(error, StepUpRequired):
        step_up(error)
    elif isinstance(error, PermissionDenied):
        denied(error, principal())
    elif isinstance(error, Unauthenticated):
        sign_in(error, app="")
    else:
        problem(error)


def internal(error: BaseException) -> None:
    """Show that a bug was logged, with the correlation id of the log entry and no detail of the bug."""
    _log.error("a page failed", error=type(error).__name__, exc_info=error)
    with st.container(key="problem"):
        st.error(
            "**Something went wrong here.** It was not caused by your input, and it has been logged.",
            icon=":material/error:",
        )
        reference()


def unprotected() -> None:
    """Show the only view of an app that has no identity middleware in front of it."""
    st.error("Gatehouse is not guarding this app, so nothing is shown. Start it with `gatehouse serve`.")


def explorer(frame: pd.DataFrame) -> pd.DataFrame:
    """Show filters for a table's columns and return the matching rows.

    Args:
        frame: The table. Its index is unique.
    """
    searchable = frame.copy()
    for name in searchable.select_dtypes(include=["object", "string"]):
        # Arrow matches a pattern in linear time. Python's regular expressions can backtrack without end, and hold the
        # interpreter lock meanwhile.
        searchable[name] = searchable[name].astype("str").astype(pd.ArrowDtype(pa.string()))
    try:
        matching = dataframe_explorer(searchable, case=False)
    except pa.ArrowInvalid:
        st.warning("This pattern is not valid: all rows are shown.", icon=":material/filter_alt_off:")
        return frame
    return frame.loc[matching.index]


def figures(numbers: Mapping[str, int]) -> None:
    """Show a row of cards, one for each name and number."""
    for column, (name, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(name, f"{number:,}", border=True)
