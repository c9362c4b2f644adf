"""The Streamlit component: sign-in for an anonymous user, account and sign-out for a user, typed events to the host.

The only module here that knows more of Streamlit than its messages. The front end gets names and times, never a token.
Its texts come from claims, so it shows them as text only. ``component.event_schemas`` validates what it sends.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st

from app.core.assurance import SignInRequirement
from component.event_channel import EventChannel
from component.events import EventName, Json, OnEvent, SignInMode

_MAX_SHOWN_CHARACTERS: Final = 200
_MAX_ROLES: Final = 20
_CHANNELS: Final = "gatehouse_event_channels"
_STATE_KEYS: Final = ("events", "background")
"""Where events arrive: in a state, which stays, or in a trigger, which does not count as activity of the user."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account that is shown. ``valid_until`` is aware UTC: the end of the session's absolute lifetime."""

    name: str
    initials: str
    picture: str
    """An https address, or empty; shown only when its host is among ``picture_hosts``, else the initials are."""
    roles: tuple[str, ...]
    valid_until: datetime
    ends_at: datetime | None = None
    """When the session ends without further use; aware UTC, never after ``valid_until``. None: no warning is shown."""
    idle_seconds: int = 0
    """The idle lifetime of the session."""
    warning_seconds: float = 0
    """How long before ``ends_at`` the account area shows a warning."""
    session: str = ""
    """Identifies the session without revealing its reference: ``session_tag``."""
    rights: str = ""
    """A value that changes whenever the user's rights change."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the API that the event console offers."""

    name: str
    method: str
    path: str
    body: str = ""


def auth0(
    *,
    key: str,
    account: Account | None,
    return_to: str = "/",
    picture_hosts: Sequence[str] = (),
    silent_sign_in: bool = False,
    broadcast_channel: str = "",
    anonymous: bool = False,
    mode: SignInMode = SignInMode.REDIRECT,
    events: Collection[EventName] = (),
    on_event: OnEvent | None = None,
) -> None:
    """Show the component. Its controls carry the classes ``st-key-sign-in``, ``st-key-sign-out`` and ``st-key-stay``.

    Args:
        key: The component's key in Streamlit.
        account: The user's account; None shows "Sign in".
        return_to: The page to return to after the sign-in; ``/`` means where the browser is now, query included.
        picture_hosts: The hosts that pictures may come from.
        silent_sign_in: Whether the browser starts a silent sign-in (``prompt=none``) at once.
        broadcast_channel: The name of the ``BroadcastChannel`` on which the tabs of this browser ask each other to
            check the session; empty for none.
        anonymous: Whether this browser has no session, so that a sign-in in another tab reloads the page.
        mode: How the sign-in button leads to the provider.
        events: The events that the front end may send.
        on_event: Called once for each of them, in order, and for every error. Without it no event is accepted, and
            the sign-in is a plain link.
    """
    data = component_data(account, return_to=return_to, picture_hosts=picture_hosts, silent_sign_in=silent_sign_in)
    _show(key, data | {"tabs": broadcast_channel, "anonymous": anonymous, "mode": mode.value}, events, on_event)


def confirm(
    *, key: str, step_up: SignInRequirement, events: Collection[EventName] = (), on_event: OnEvent | None = None
) -> None:
    """Show the button for a step-up: it leads a signed-in user to a new sign-in or a second factor, and back here.

    It carries the class ``st-key-step-up``. ``events``, ``on_event``: as for ``auth0``.
    """
    _show(key, confirm_data(step_up), events, on_event)


def console(
    *, key: str, account: Account | None, calls: Sequence[Call], events: Collection[EventName], on_event: OnEvent
) -> None:
    """Show the event console: it sends every event of the contract, and shows the replies.

    ``account``: what the front end reports of the session, as an ``onStatusUpdate``.
    """
    offered = [{"name": c.name, "method": c.method, "path": c.path, "body": c.body} for c in calls]
    _show(key, component_data(account) | {"console": {"calls": offered}}, events, on_event)


def another_account(
    *, key: str, mode: SignInMode, events: Collection[EventName] = (), on_event: OnEvent | None = None
) -> None:
    """Show the button that leads a signed-in user to the provider to choose another account, and back here.

    It carries the class ``st-key-another-account``. ``mode``, ``events``, ``on_event``: as for ``auth0``.
    """
    _show(key, component_data(None) | {"anotherAccount": True, "mode": mode.value}, events, on_event)


def confirm_data(step_up: SignInRequirement) -> dict[str, Any]:
    """The front end's payload for ``step_up``; JSON-ready. Any maximum age asks for a sign-in now."""
    requirement = {"fresh": step_up.max_age_seconds is not None, "acr": step_up.acr}
    return component_data(None) | {"stepUp": requirement}


def _show(key: str, data: dict[str, Any], events: Collection[EventName], on_event: OnEvent | None) -> None:
    if on_event is not None:
        data["channel"] = _channel_payload(key, events, on_event)
    _component()(key=key, data=data)


def _channel_payload(key: str, events: Collection[EventName], on_event: OnEvent) -> Json:
    """Handle the events that arrived, before the component is drawn, so that this run sends the replies.

    This happens in the script's body, not in Streamlit's callbacks: those run before the guard of any page, and can be
    interrupted.
    """
    channels: dict[str, EventChannel] = st.session_state.setdefault(_CHANNELS, {})
    if key not in channels:
        channels[key] = EventChannel()
    channel = channels[key]
    sent = st.session_state.get(key) or {}
    for state_key in _STATE_KEYS:
        channel.receive(state_key, sent.get(state_key), events, on_event)
    return channel.payload(events)


@cache
def _component() -> Any:
    """The registered component. Not at import: Streamlit knows packaged components only once its runtime exists."""
    return st.components.v2.component("streamlit-gatehouse.auth0", js="auth0.js")


def component_data(
    account: Account | None, *, return_to: str = "/", picture_hosts: Sequence[str] = (), silent_sign_in: bool = False
) -> dict[str, Any]:
    """The front end's payload; JSON-ready, bounded."""
    if account is None:
        return {"returnTo": return_to, "account": None, "silent": silent_sign_in}
    return {
        "returnTo": return_to,
        "account": {
            "name": account.name[:_MAX_SHOWN_CHARACTERS],
            "initials": account.initials[:3],
            "picture": account.picture if _is_allowed(account.picture, picture_hosts) else "",
            "roles": [role[:_MAX_SHOWN_CHARACTERS] for role in account.roles[:_MAX_ROLES]],
            "validUntil": account.valid_until.isoformat(),
            "expiresAt": account.ends_at.isoformat() if account.ends_at is not None else "",
            "idleSeconds": account.idle_seconds,
            "warnSeconds": account.warning_seconds,
            "session": account.session,
            "rights": account.rights,
        },
    }


def _is_allowed(picture: str, hosts: Sequence[str]) -> bool:
    try:
        parts = urlsplit(picture)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.username is None and (parts.hostname or "") in hosts
