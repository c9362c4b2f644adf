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


def auth0(*, key: str, account: Account | None, return_to: str = "/", picture_hosts: Sequence[str] = ()) -> None:
    """Show the component. ``account`` None shows "Sign in".

    ``return_to``: the page to come back to; ``/`` means where the browser is now, query included. The controls inside
    carry the classes ``st-key-sign-in`` and ``st-key-sign-out``.
    """
    _component()(key=key, data=component_data(account, return_to=return_to, picture_hosts=picture_hosts))


@cache
def _component() -> Any:
    """The registered component. Not at import: Streamlit knows packaged components only once its runtime is there."""
    return st.components.v2.component("gatehouse.auth0", js="auth0.js")


def component_data(
    account: Account | None, *, return_to: str = "/", picture_hosts: Sequence[str] = ()
) -> dict[str, Any]:
    """What the front end is told; JSON-ready, bounded."""
    if account is None:
        return {"returnTo": return_to, "account": None}
    return {
        "returnTo": return_to,
        "account": {
            "name": account.name[:_SHOWN_MAX_CHARACTERS],
            "initials": account.initials[:3],
            "picture": account.picture if _is_shown(account.picture, picture_hosts) else "",
            "roles": [role[:_SHOWN_MAX_CHARACTERS] for role in account.roles[:_ROLES_MAX]],
            "validUntil": account.valid_until.isoformat(),
        },
    }


def _is_shown(picture: str, hosts: Sequence[str]) -> bool:
    try:
        parts = urlsplit(picture)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.username is None and (parts.hostname or "") in hosts
