"""Requirements of a permission on the sign-in: that it is recent, or used a second factor.

A requirement is part of its permission's row in ``app.core.permissions``. Sources: OIDC Core §2 (``auth_time``,
``acr``, ``amr``), RFC 8176 (``mfa``), RFC 9470.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MULTI_FACTOR: Final = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
"""The ``acr`` that requests a second factor from Auth0 and others, and states that there was one."""
_BY_METHOD: Final = {MULTI_FACTOR: "mfa"}
"""``acr`` → the authentication method (RFC 8176) that means the same: many providers set ``amr`` only."""


class SignInRequirement(NamedTuple):
    """How recent or how strong a sign-in must be; a member that is not set requires nothing."""

    max_age_seconds: int | None = None
    """The maximum time since the user authenticated at the provider."""
    acr: str = ""
    """The authentication context class that the sign-in must have had; see ``MULTI_FACTOR``."""


def has_context(acr: str, *, achieved: str, methods: frozenset[str]) -> bool:
    """Whether a sign-in with the context ``achieved``, by these ``methods`` (``amr``), was one of the class ``acr``."""
    return achieved == acr or _BY_METHOD.get(acr) in methods
