"""A press on "Sign in", seen from the host: what was typed is stored, and the front end gets the address.

Called in a script run, with Streamlit's public API only. The address is ours (``/auth/login``) and carries what its
caller chose; what reaches the provider, and in which form, ``component.oidc.provider`` decides again.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode, urlsplit

import streamlit as st

from app import drafts
from app.core.assurance import Requirement
from component.events import Mode
from component.http.return_to import safe_return_to
from component.oidc.provider import allowed_parameters

_LOGIN: Final = "/auth/login"


def sign_in_address(
    mode: Mode = Mode.REDIRECT,
    *,
    return_to: str = "",
    connection: str = "",
    organization: str = "",
    login_hint: str = "",
    screen_hint: str = "",
    ui_locales: str = "",
    another_account: bool = False,
    step_up: Requirement | None = None,
) -> str:
    """The address to go to, once what this page keeps (``app.drafts``) has been stored for it.

    To be opened in this tab, or for ``Mode.POPUP`` in a window of its own; good for one sign-in.

    ``return_to``: the page to come back to, query included; "" means the one this run is for. ``another_account``:
    whoever is signed in at the provider is not simply taken. ``step_up``: what somebody who is signed in has to do
    anew. A parameter whose form is not allowed is left out.
    """
    asked = {
        "connection": connection,
        "organization": organization,
        "login_hint": login_hint,
        "screen_hint": screen_hint,
        "ui_locales": ui_locales,
    }
    query = {"return_to": safe_return_to(return_to) if return_to else here()}
    query |= _MODES[mode] | allowed_parameters(asked)
    if another_account:
        query["another"] = "1"
    if step_up is not None:
        query |= {"step_up": "1"}
        if step_up.max_age_seconds is not None:
            query["max_age"] = str(step_up.max_age_seconds)
        if step_up.acr:
            query["acr_values"] = step_up.acr
    kept = drafts.store(query["return_to"].partition("?")[0].rstrip("/") or "/")
    if kept:
        query["draft"] = kept
    return f"{_LOGIN}?{urlencode(query)}"


def here() -> str:
    """The page and query that this run is for, as an address of this app."""
    path = urlsplit(st.context.url or "").path
    values = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    return safe_return_to(f"{path}?{urlencode(values)}" if values else path)


_MODES: Final = {Mode.REDIRECT: {}, Mode.POPUP: {"mode": "popup"}, Mode.SILENT: {"silent": "1"}}
