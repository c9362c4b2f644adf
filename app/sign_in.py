"""The URL of a sign-in: the host stores the draft of the page and returns the URL to the front end.

Called in a script run, with Streamlit's public API only. The URL is ``/auth/login`` of this app with the caller's
parameters. ``component.oidc.provider`` decides again which of them reach the provider.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode, urlsplit

import streamlit as st

from app import drafts
from app.core.assurance import SignInRequirement
from component.events import SignInMode
from component.http.return_to import safe_return_to
from component.oidc.authorization_parameters import allowed_parameters

_LOGIN: Final = "/auth/login"


def sign_in_url(
    mode: SignInMode = SignInMode.REDIRECT,
    *,
    return_to: str = "",
    connection: str = "",
    organization: str = "",
    login_hint: str = "",
    screen_hint: str = "",
    ui_locales: str = "",
    another_account: bool = False,
    step_up: SignInRequirement | None = None,
) -> str:
    """Store the draft of this page (``app.drafts``) and return the URL of a sign-in.

    The front end opens it in this tab, or for ``SignInMode.POPUP`` in a window of its own. It is valid for one sign-in.

    Args:
        mode: How the front end opens the URL.
        return_to: The page to return to, query included; empty for the page of this run.
        connection: As Auth0 defines it, like the four parameters below; omitted if its form is not allowed.
        organization: As ``connection``.
        login_hint: As ``connection``.
        screen_hint: As ``connection``.
        ui_locales: As ``connection``.
        another_account: Whether the provider asks for the account even if the user is signed in there.
        step_up: The requirement that the sign-in of a signed-in user has to meet.

    Raises:
        StorageUnavailable: The database does not answer.
    """
    parameters = {
        "connection": connection,
        "organization": organization,
        "login_hint": login_hint,
        "screen_hint": screen_hint,
        "ui_locales": ui_locales,
    }
    query = {"return_to": safe_return_to(return_to) if return_to else here()}
    query |= _MODES[mode] | allowed_parameters(parameters)
    if another_account:
        query["another"] = "1"
    if step_up is not None:
        query |= {"step_up": "1"}
        if step_up.max_age_seconds is not None:
            query["max_age"] = str(step_up.max_age_seconds)
        if step_up.acr:
            query["acr_values"] = step_up.acr
    draft = drafts.store(query["return_to"].partition("?")[0].rstrip("/") or "/")
    if draft:
        query["draft"] = draft
    return f"{_LOGIN}?{urlencode(query)}"


def here() -> str:
    """Path and query of the page of this run."""
    path = urlsplit(st.context.url or "").path
    values = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    return safe_return_to(f"{path}?{urlencode(values)}" if values else path)


_MODES: Final = {SignInMode.REDIRECT: {}, SignInMode.POPUP: {"mode": "popup"}, SignInMode.SILENT: {"silent": "1"}}
