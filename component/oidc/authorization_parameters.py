"""Parameters of the authorization request: those that a sign-in link may set, and those of a step-up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.core.assurance import SignInRequirement

ALLOWED_PARAMETERS: Final[Mapping[str, re.Pattern[str]]] = {
    "connection": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"),
    "login_hint": re.compile(r"[^\x00-\x1f\x7f]{1,200}"),
    "organization": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"),
    "prompt": re.compile(r"login|select_account"),
    "screen_hint": re.compile(r"signup|login"),
    "ui_locales": re.compile(r"[A-Za-z0-9 -]{1,100}"),
}
"""The parameters of a sign-in link that are passed to the provider, and their allowed values."""
WITH_PROMPT_NONE: Final = ("connection", "organization")
"""Those that a silent sign-in passes too."""
ANY_AGE_SECONDS: Final = 10 * 365 * 86_400
"""As ``max_age``: no sign-in is too old."""


def allowed_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return those of ``parameters`` that may be passed to the provider."""
    return {
        name: parameters[name]
        for name, pattern in ALLOWED_PARAMETERS.items()
        if name in parameters and pattern.fullmatch(parameters[name])
    }


def step_up_parameters(step_up: SignInRequirement | None) -> dict[str, str]:
    """Return the parameters that request a step-up (OIDC Core §3.1.2.1); see decision 26.

    ``max_age`` is always sent, because some providers omit ``auth_time`` from the ID token without it, and never as 0,
    which some providers refuse and others answer with an endless password prompt. ``prompt=login`` requests a new
    sign-in; ``auth_time`` is checked in any case.
    """
    requirement = step_up or SignInRequirement()
    parameters = {"max_age": str(requirement.max_age_seconds or ANY_AGE_SECONDS)}
    if requirement.max_age_seconds == 0:
        parameters["prompt"] = "login"
    if requirement.acr:
        parameters["acr_values"] = requirement.acr
    return parameters
