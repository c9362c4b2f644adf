"""The Streamlit component: a way in for nobody, the person and a way out for somebody; typed events to its host.

The only module here that knows Streamlit beyond its messages. The front end gets names and times, never a token; its
texts come from claims, so it shows them as text only. What it sends is read by ``component.event_schemas`` before anybody acts
on it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st

from app.core.assurance import Requirement
from component.event_channel import EventChannel
from component.events import EventName, Json, Mode, OnEvent

_MAX_SHOWN_CHARACTERS: Final = 200
_MAX_ROLES: Final = 20
_CHANNELS: Final = "gatehouse_event_channels"
_LANES: Final = ("events", "quiet")
"""Where events come in: as state, which stays, or by a trigger, which does not count as somebody's doing."""


@dataclass(frozen=True, slots=True)
class Account:
    """The person as shown. ``valid_until`` is aware UTC: when the session ends at the latest."""

    name: str
    initials: str
    picture: str
    """An https address, or empty; shown only when its host is among ``picture_hosts``, else the initials are."""
    roles: tuple[str, ...]
    valid_until: datetime
    ends_at: datetime | None = None
    """When the session ends if nobody does anything; aware UTC, never after ``valid_until``. None: nobody is warned."""
    idle_seconds: int = 0
    """How long it lasts without use."""
    warning_seconds: float = 0
    """How long before ``ends_at`` the person is warned, in the account corner."""
    session: str = ""
    """Names the session without giving anything of it away: ``session_tag``."""
    rights: str = ""
    """Changes whenever what one may do has changed; says nothing else."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the console offers to ask its host for."""

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
    silent: bool = False,
    tabs: str = "",
    nobody: bool = False,
    mode: Mode = Mode.REDIRECT,
    events: Collection[EventName] = (),
    on_event: OnEvent | None = None,
) -> None:
    """Show the component. ``account`` None shows "Sign in".

    ``silent``: go to the provider at once, to be let in again without being asked anything, if it can be done so.

    ``return_to``: the page to come back to; ``/`` means where the browser is now, query included. The controls inside
    carry the classes ``st-key-sign-in``, ``st-key-sign-out`` and ``st-key-stay``.

    ``tabs``: the name of the ``BroadcastChannel`` on which this browser's tabs tell each other to look again; empty
    for none. ``nobody``: nobody is signed in in this browser, so a sign-in in another tab draws the page anew.
    ``mode``: how a press of sign-in leads to the provider.

    ``events``: which the front end may send; ``on_event`` is called for each of them, in order, once, and for every
    error. Without ``on_event`` nothing is taken, and sign-in is a plain link.
    """
    data = component_data(account, return_to=return_to, picture_hosts=picture_hosts, silent=silent)
    _show(key, data | {"tabs": tabs, "nobody": nobody, "mode": mode.value}, events, on_event)


def confirm(
    *, key: str, step_up: Requirement, events: Collection[EventName] = (), on_event: OnEvent | None = None
) -> None:
    """Show the one button that leads a signed-in person to a fresh sign-in, or a second factor, and back to here.

    It carries the class ``st-key-step-up``. ``events``, ``on_event``: as for ``auth0``.
    """
    _show(key, confirm_data(step_up), events, on_event)


def console(
    *, key: str, account: Account | None, calls: Sequence[Call], events: Collection[EventName], on_event: OnEvent
) -> None:
    """Show the component's own side of its contract: every event can be sent from here, and what comes back is shown.

    ``account``: what the front end says of the session, as an ``onStatusUpdate``.
    """
    offered = [{"name": c.name, "method": c.method, "path": c.path, "body": c.body} for c in calls]
    _show(key, component_data(account) | {"console": {"calls": offered}}, events, on_event)


def another_account(
    *, key: str, mode: Mode, events: Collection[EventName] = (), on_event: OnEvent | None = None
) -> None:
    """Show one button that leads a signed-in person to the provider to sign in as somebody else, and back to here.

    It carries the class ``st-key-another-account``. ``mode``, ``events``, ``on_event``: as for ``auth0``.
    """
    _show(key, component_data(None) | {"another": True, "mode": mode.value}, events, on_event)


def confirm_data(step_up: Requirement) -> dict[str, Any]:
    """What the front end is told of ``step_up``; JSON-ready. Whoever has to sign in anew has to do so now."""
    asked = {"fresh": step_up.max_age_seconds is not None, "acr": step_up.acr}
    return component_data(None) | {"stepUp": asked}


def _show(key: str, data: dict[str, Any], events: Collection[EventName], on_event: OnEvent | None) -> None:
    if on_event is not None:
        data["link"] = _channel_payload(key, events, on_event)
    _component()(key=key, data=data)


def _channel_payload(key: str, events: Collection[EventName], on_event: OnEvent) -> Json:
    """Handle what the front end has sent, before it is drawn: so that the answers go out with this very run.

    In the script's body, not in Streamlit's callbacks: those come before any page's gate, and can be cut off.
    """
    channels: dict[str, EventChannel] = st.session_state.setdefault(_CHANNELS, {})
    if key not in channels:
        channels[key] = EventChannel()
    channel = channels[key]
    sent = st.session_state.get(key) or {}
    for lane in _LANES:
        channel.receive(lane, sent.get(lane), events, on_event)
    return channel.payload(events)


@cache
def _component() -> Any:
    """The registered component. Not at import: Streamlit knows packaged components only once its runtime is there."""
    return st.components.v2.component("streamlit-gatehouse.auth0", js="auth0.js")


def component_data(
    account: Account | None, *, return_to: str = "/", picture_hosts: Sequence[str] = (), silent: bool = False
) -> dict[str, Any]:
    """What the front end is told; JSON-ready, bounded."""
    if account is None:
        return {"returnTo": return_to, "account": None, "silent": silent}
    return {
        "returnTo": return_to,
        "account": {
            "name": account.name[:_MAX_SHOWN_CHARACTERS],
            "initials": account.initials[:3],
            "picture": account.picture if _is_shown(account.picture, picture_hosts) else "",
            "roles": [role[:_MAX_SHOWN_CHARACTERS] for role in account.roles[:_MAX_ROLES]],
            "validUntil": account.valid_until.isoformat(),
            "expiresAt": account.ends_at.isoformat() if account.ends_at is not None else "",
            "idleSeconds": account.idle_seconds,
            "warnSeconds": account.warning_seconds,
            "session": account.session,
            "rights": account.rights,
        },
    }


def _is_shown(picture: str, hosts: Sequence[str]) -> bool:
    try:
        parts = urlsplit(picture)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.username is None and (parts.hostname or "") in hosts
