"""The sidebar around every page: the logo, and the account of the signed-in user."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import formatting
from app.core.principal import Principal
from app.core.records import Session
from app.services import services
from component.auth0 import Account, auth0
from component.routes.session import session_tag
from component.session.lifetimes import SessionLifetimes

_LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 40" role="img" aria-label="Gatehouse">'
    '<g fill="none" stroke="#4b8f7c" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M5 36V10l4-4 4 4v26M27 36V10l4-4 4 4v26M3 36h34M13 16h14M13 36V26a7 7 0 0 1 14 0v10"/></g>'
    '<text x="48" y="28" font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="22" font-weight="700" '
    'fill="#4b8f7c">Gatehouse</text></svg>'
)
"""A gate between two towers. Its green has enough contrast on a light and on a dark background."""


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
    """Show the account area: the user, the end of the session, the sign-out, and a warning before the end.

    Args:
        principal: The caller; nothing is shown for an anonymous one.
        session: The caller's session.
        roles: Names of the user's roles.
        lifetimes: Lifetimes of sessions in this installation.
        picture_hosts: Hosts that the user's picture may come from.
        key: Key of the component; another one where the script of a hosted app may use ``account`` itself.
        rights: A text that changes with every change of the user's rights. The browser's other tabs compare it.
    """
    if principal.subject is None or session is None:
        return
    name = principal.name or principal.email or principal.subject.subject
    auth0(
        key=key,
        account=Account(
            name=name,
            initials=formatting.initials(name),
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
        broadcast_channel=services().cookies.broadcast_channel,
    )


def brand() -> None:
    """Show the product's logo above the navigation."""
    st.logo(_LOGO, size="large")
