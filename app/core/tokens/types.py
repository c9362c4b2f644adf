"""Verified access, ID and logout tokens as values.

Only ``app.core.tokens.verifier`` creates them. Claims that are absent are empty here; times are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core.principal import Subject
from app.core.tokens.claims import UnusableClaims


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified access token (RFC 9068 §2.2)."""

    digest: bytes
    """Its ``token_hash``."""
    subject: Subject
    client_id: str
    """The client it was issued to (``azp`` or ``client_id``)."""
    scope: frozenset[str]
    permissions: frozenset[str]
    roles: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    machine: bool
    """Whether the subject is a client itself (client credentials), and not a person."""
    organization: str = ""
    authenticated_at: datetime | None = None
    """``auth_time``, which most providers omit from access tokens (RFC 9068 §2.2.1); None then."""
    acr: str = ""
    amr: frozenset[str] = frozenset()
    unusable: tuple[UnusableClaims, ...] = ()
    """The members of claims about rights that were dropped."""


@dataclass(frozen=True, slots=True)
class IdToken:
    """A verified ID token (OIDC Core §2). Texts are cleaned."""

    subject: Subject
    sid: str
    authenticated_at: datetime | None
    """``auth_time``; None if the provider does not state it, or states 0."""
    acr: str
    amr: frozenset[str]
    name: str
    email: str
    email_verified: bool
    picture: str
    """An https address, or empty."""
    roles: frozenset[str]
    issued_at: datetime
    organization: str = ""


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """A verified logout token (OpenID Connect Back-Channel Logout 1.0 §2.4): it has ``sid``, ``subject`` or both."""

    issuer: str
    jti: str
    """The token's id, which must be stored until ``expires_at`` to prevent a replay."""
    sid: str
    subject: Subject | None
    issued_at: datetime
    expires_at: datetime
    """When it expires, clock skew included."""
