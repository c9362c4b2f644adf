"""The Streamlit component: sign-in for nobody, the person and sign-out for somebody.

The only module here that knows Streamlit. The front end gets names and times, never a token; its texts come from
claims, so it shows them as text only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st

from app.core.assurance import Requirement

_SHOWN_MAX_CHARACTERS: Final = 200
_ROLES_MAX: Final = 20


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


def auth0(
    *,
    key: str,
    account: Account | None,
    return_to: str = "/",
    picture_hosts: Sequence[str] = (),
    silent: bool = False,
) -> None:
    """Show the component. ``account`` None shows "Sign in".

    ``silent``: go to the provider at once, to be let in again without being asked anything, if it can be done so.

    ``return_to``: the page to come back to; ``/`` means where the browser is now, query included. The controls inside
    carry the classes ``st-key-sign-in``, ``st-key-sign-out`` and ``st-key-stay``.
    """
    data = component_data(account, return_to=return_to, picture_hosts=picture_hosts, silent=silent)
    _component()(key=key, data=data)


def confirm(*, key: str, step_up: Requirement) -> None:
    """Show the one button that leads a signed-in person to a fresh sign-in, or a second factor, and back to here.

    It carries the class ``st-key-step-up``.
    """
    _component()(key=key, data=confirm_data(step_up))


def confirm_data(step_up: Requirement) -> dict[str, Any]:
    """What the front end is told of ``step_up``; JSON-ready. Whoever has to sign in anew has to do so now."""
    asked = {"fresh": step_up.max_age_seconds is not None, "acr": step_up.acr}
    return component_data(None) | {"stepUp": asked}


@cache
def _component() -> Any:
    """The registered component. Not at import: Streamlit knows packaged components only once its runtime is there."""
    return st.components.v2.component("gatehouse.auth0", js="auth0.js")


def component_data(
    account: Account | None, *, return_to: str = "/", picture_hosts: Sequence[str] = (), silent: bool = False
) -> dict[str, Any]:
    """What the front end is told; JSON-ready, bounded."""
    if account is None:
        return {"returnTo": return_to, "account": None, "silent": silent}
    return {
        "returnTo": return_to,
        "account": {
            "name": account.name[:_SHOWN_MAX_CHARACTERS],
            "initials": account.initials[:3],
            "picture": account.picture if _is_shown(account.picture, picture_hosts) else "",
            "roles": [role[:_SHOWN_MAX_CHARACTERS] for role in account.roles[:_ROLES_MAX]],
            "validUntil": account.valid_until.isoformat(),
            "expiresAt": account.ends_at.isoformat() if account.ends_at is not None else "",
            "idleSeconds": account.idle_seconds,
            "warnSeconds": account.warning_seconds,
        },
    }


def _is_shown(picture: str, hosts: Sequence[str]) -> bool:
    try:
        parts = urlsplit(picture)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.username is None and (parts.hostname or "") in hosts
