"""Views that every page shares: the account in the sidebar, sign-in, no access, problem. They decide nothing.

``streamlit_extras`` lives here only. All text from people, claims, errors and URLs goes through ``plain`` or a call
that shows text as text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped] # ships no types
import streamlit as st
import structlog
from streamlit.delta_generator import DeltaGenerator
from streamlit_extras.dataframe_explorer import dataframe_explorer

from app import access, component_events, formatting, page_registry
from app.core import correlation, logs
from app.core.assurance import Requirement
from app.core.errors import (
    ChangeUnconfirmed,
    GatehouseError,
    PermissionDenied,
    SessionEnded,
    SessionExpired,
    SignInAgain,
    StepUpRequired,
    Unauthenticated,
)
from app.core.policy import Reason
from app.core.principal import Principal
from app.core.records import Session
from app.services import services
from app.sign_in import sign_in_address
from component.auth0 import Account, another_account, auth0, confirm
from component.events import AppAuthRequest, EventName, Mode, OnEvent
from component.routes.session import session_tag
from component.session.lifetimes import SessionLifetimes

_SIGN_IN_EVENTS: Final = frozenset({EventName.ACTION_REQUEST, EventName.ERROR})
_log = structlog.get_logger(__name__)
_MARK: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 40" role="img" aria-label="Gatehouse">'
    '<g fill="none" stroke="#4b8f7c" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M5 36V10l4-4 4 4v26M27 36V10l4-4 4 4v26M3 36h34M13 16h14M13 36V26a7 7 0 0 1 14 0v10"/></g>'
    '<text x="48" y="28" font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="22" font-weight="700" '
    'fill="#4b8f7c">Gatehouse</text></svg>'
)
"""A gate between two towers; its green reads on light and on dark."""
_DARK: Final = (
    "<style>[data-tag], [data-tag] *, [data-testid=stBaseButton-primary], [data-testid=stBaseButton-primaryFormSubmit] "
    "{ color: #10201b; }</style>"
)
"""Streamlit (1.67) writes white on the primary colour, which in the dark theme is pale; ends with a setting for it."""
_NOT_IN_KEYS: Final = re.compile(r"[^a-z0-9-]")


def account(
    principal: Principal,
    session: Session | None,
    roles: list[str],
    *,
    lifetimes: SessionLifetimes,
    picture_hosts: Sequence[str] = (),
    key: str = "account",
    rights: str = "",
) -> None:
    """The account corner of the sidebar: who is signed in, until when, the way out, and a warning before the end.

    ``key``: another one where the script that runs is not ours and may use this itself. ``rights``: a text that changes
    whenever what one may do has changed, for the browser's other tabs to compare.
    """
    if principal.subject is None or session is None:
        return
    shown = principal.name or principal.email or principal.subject.subject
    auth0(
        key=key,
        account=Account(
            name=shown,
            initials=formatting.initials(shown),
            picture=principal.picture,
            roles=tuple(roles),
            valid_until=session.expires_at,
            ends_at=lifetimes.ends_at(session),
            idle_seconds=lifetimes.idle_seconds,
            warning_seconds=lifetimes.warning_seconds,
            session=session_tag(session.ref),
            rights=hashlib.sha256(rights.encode()).hexdigest()[:16],
        ),
        picture_hosts=picture_hosts,
        tabs=services().cookies.tabs,
    )


def brand() -> None:
    """The product's mark, above everything."""
    st.logo(_MARK, size="large")
    if st.context.theme.type == "dark":
        st.html(_DARK)


def _card(key: str) -> DeltaGenerator:
    """A card in the middle: for what is all there is to see."""
    return st.container(horizontal_alignment="center").container(key=key, border=True, width=520)


def sign_in(error: Unauthenticated | None = None, *, asked: str = "") -> None:
    """The sign-in page, at whatever path was asked: says why, and leads back to it afterwards."""
    if isinstance(error, SignInAgain):
        _sign_in_again(error)
        return
    with _card("sign-in-page"):
        if isinstance(error, SessionExpired):
            st.title("Your session has expired")
            st.write(
                "You were not here for a while, so you were signed out to be safe. Sign in to continue where you were."
            )
        elif isinstance(error, SessionEnded):
            st.title("You were signed out")
            st.write(
                formatting.plain(error.detail)
                if error.detail
                else "Your session was ended. Sign in to continue where you were."
            )
        else:
            st.title("Sign in")
            st.write(
                "This page is for people who are signed in. Afterwards you come right back to it."
                if asked
                else "Sign in to see what is here for you."
            )
        _sign_in_component("sign-in", anonymous=error is None)


def may_submit(*, key: str, submitted: bool) -> bool:
    """Whether what a form asks for may be done now: it was submitted, and by somebody who is signed in.

    Where nobody is, the submit asks for the sign-in, in this place, and what the page keeps (``app.drafts.keep``) comes
    along; afterwards the form is as it was, to be submitted again. Called in every run:
    ``if panels.may_submit(key="send", submitted=submitted): send()``. What is done there guards itself. Raises as
    ``access.principal``.
    """
    asked = f"gatehouse_submit_{key}"
    if access.principal().subject is not None:
        st.session_state.pop(asked, None)
        return submitted
    if submitted:
        st.session_state[asked] = True
    if asked in st.session_state:
        with st.container(key=f"submit-{key}", border=True):
            st.markdown("**Sign in to send this**")
            st.write("What you filled in comes along: afterwards you are back here, and send it.")
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
        tabs=services().cookies.tabs,
        anonymous=anonymous,
        mode=Mode(services().settings.sign_in_mode),
        events=_SIGN_IN_EVENTS,
        on_event=_leads_to_sign_in(),
    )


def _leads_to_sign_in(step_up: Requirement | None = None, *, another_account: bool = False) -> OnEvent:
    """Answers a press of sign-in with where to go."""

    def address(asked: AppAuthRequest) -> str:
        return sign_in_address(asked.mode, return_to=asked.return_to, step_up=step_up, another_account=another_account)

    return component_events.handler(sign_in=address)


def _sign_in_again(error: SignInAgain) -> None:
    """In place of what needs the provider's word: one silent try, or a way to sign in. The rest of the page stays."""
    with st.container(key="sign-in-again", border=True):
        st.subheader("One moment" if error.silent_sign_in else "Sign in once more")
        st.write(formatting.plain(error.detail, cap=500))
        auth0(
            key="sign-in",
            account=None,
            silent_sign_in=error.silent_sign_in,
            events=_SIGN_IN_EVENTS,
            on_event=_leads_to_sign_in(),
        )


def step_up(error: StepUpRequired, *, within_page: bool = False) -> None:
    """Ask somebody who is signed in to confirm that it is them: why, and one button that leads there and back.

    ``within_page``: in place of one control of a page, rather than of all of it.
    """
    key = f"step-up-{_NOT_IN_KEYS.sub('-', error.permission)}"
    with st.container(key=key, border=True) if within_page else _card(key):
        if within_page:
            st.markdown("**Confirm it is you**")
        else:
            st.title("Confirm it is you")
        action = formatting.clause(formatting.sentence(error.permission))
        st.write(f"You are signed in and may do this: {action}. {_asked(error)} You come right back to this page.")
        asked = Requirement(error.max_age_seconds, error.acr)
        confirm(
            key=f"{key}-button", step_up=asked, events=_SIGN_IN_EVENTS, on_event=_leads_to_sign_in(_from_now(asked))
        )


def _from_now(asked: Requirement) -> Requirement:
    """What a sign-in has to be like to meet ``asked``: a user who has to sign in again has to do so now."""
    return Requirement(None if asked.max_age_seconds is None else 0, asked.acr)


def _asked(error: StepUpRequired) -> str:
    """What has to be done, in a sentence."""
    if error.acr:
        return "For that a second proof is needed, such as a code from your phone."
    span = formatting.span(error.max_age_seconds or 0)
    return f"For that you must have signed in within the last {span}, so sign in once more."


def denied(error: PermissionDenied, principal: Principal) -> None:
    """The "No access" page: which permission is missing, who is signed in, and the way on."""
    with _card("no-access"):
        if error.reason == Reason.BLOCKED:
            st.title("Your account is blocked")
            st.write(
                "You are signed in, but an administrator has blocked your account here. Ask them if that is a mistake."
            )
        else:
            st.title("No access")
            st.write("You are signed in, but this needs a permission that you do not have:")
            with st.container(border=True):
                st.markdown(f"**{formatting.sentence(error.permission)}**")
                st.write(
                    formatting.plain(f"Permission {error.permission}")
                )  # not as code, which is too pale to be read
            st.write("If you need it for your work, ask an administrator for a role that includes it.")
        if principal.subject is not None:
            shown_name = formatting.plain(principal.name or principal.email or principal.subject.subject)
            st.caption(f"You are signed in as {shown_name}.")
            another_account(
                key="another-account",
                mode=Mode(services().settings.sign_in_mode),
                events=_SIGN_IN_EVENTS,
                on_event=_leads_to_sign_in(another_account=True),
            )
        home = page_registry.navigation_state().home
        if home is not None and error.reason != Reason.BLOCKED:
            st.page_link(home, label="Back to Home", icon=":material/arrow_back:")


def problem(error: GatehouseError) -> None:
    """Something did not work: what, what to do, and the id to quote. Nothing was lost."""
    if isinstance(error, SignInAgain):
        _sign_in_again(error)
        return
    if isinstance(error, StepUpRequired):
        step_up(error)
        return
    logs.report(error, where="a page")
    with st.container(key="problem"):
        st.error(
            f"**{formatting.plain(error.title)}.** {formatting.plain(error.detail, cap=500)}".rstrip(),
            icon=":material/error:",
        )
        columns = st.columns([1, 3], vertical_alignment="center")
        again = "Load again" if isinstance(error, ChangeUnconfirmed) else "Try again"
        columns[0].button(again, key="retry", icon=":material/refresh:")
        columns[1].caption(f"If it goes on, tell an administrator this number: `{correlation.current()}`")


def failure(error: GatehouseError, principal: Callable[[], Principal]) -> None:
    """Whatever was refused or went wrong on purpose, as what it is."""
    if isinstance(error, StepUpRequired):
        step_up(error)
    elif isinstance(error, PermissionDenied):
        denied(error, principal())
    elif isinstance(error, Unauthenticated):
        sign_in(error)
    else:
        problem(error)


def internal(error: BaseException) -> None:
    """A bug: nothing of it is shown but the id under which the log has it."""
    _log.error("a page failed", error=type(error).__name__, exc_info=error)
    with st.container(key="problem"):
        st.error(
            "**Something went wrong here.** It was not your doing, and it has been logged.", icon=":material/error:"
        )
        st.caption(f"If it happens again, tell an administrator this number: `{correlation.current()}`")


def unguarded() -> None:
    """Shown instead of everything when the socket guard is not in front of the app."""
    st.error("Gatehouse is not guarding this app, so nothing is shown. Start it with `gatehouse serve`.")


def explorer(frame: pd.DataFrame) -> pd.DataFrame:
    """Filters over a table's columns; returns the rows that are left. Its index names each row once."""
    searched = frame.copy()
    for name in searched.select_dtypes(include=["object", "string"]):
        # Searched by Arrow alone, in one pass: Python's own patterns can take for ever, and everybody waits meanwhile.
        searched[name] = searched[name].astype("str").astype(pd.ArrowDtype(pa.string()))
    try:
        left = dataframe_explorer(searched, case=False)
    except pa.ArrowInvalid:
        st.warning("That pattern cannot be searched for: all rows are shown.", icon=":material/filter_alt_off:")
        return frame
    return frame.loc[left.index]


def figures(numbers: Mapping[str, int]) -> None:
    """A row of numbers with their names, as cards."""
    for column, (name, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(name, f"{number:,}", border=True)
