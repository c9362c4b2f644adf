"""What a permission may ask of a sign-in beyond holding the permission: that it is recent, or by a second factor.

A requirement stands beside its permission in ``app.core.permissions``. Sources: OIDC Core §2 (``auth_time``, ``acr``,
``amr``), RFC 8176 (``mfa``), RFC 9470.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MULTI_FACTOR: Final = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
"""The ``acr`` by which Auth0 and others are asked for a second factor, and say that there was one."""
_BY_METHOD: Final = {MULTI_FACTOR: "mfa"}
"""``acr`` → the authentication method (RFC 8176) that says the same: many providers set ``amr`` only."""


class Requirement(NamedTuple):
    """How recent or how strong a sign-in must be; a member that is not set asks for nothing."""

    max_age_seconds: int | None = None
    """How long ago the person may have proved themselves to the provider."""
    acr: str = ""
    """The authentication context class that the sign-in must have had; see ``MULTI_FACTOR``."""


def has_context(acr: str, *, given: str, methods: frozenset[str]) -> bool:
    """Whether a sign-in with the context ``given``, by these ``methods`` (``amr``), was one of the class ``acr``."""
    return given == acr or _BY_METHOD.get(acr, "") in methods
