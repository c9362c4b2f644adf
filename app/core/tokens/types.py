"""The three kinds of token that are accepted here, as values: access, ID and logout tokens, once they are verified.

Only ``app.core.tokens.verifier`` makes them. What is absent in a token is empty here; times are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core.principal import Subject
from app.core.tokens.claims import Unusable


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
    """Whether a client speaks for itself, no person."""
    organization: str = ""
    authenticated_at: datetime | None = None
    """``auth_time``, which most providers leave out of access tokens (RFC 9068 §2.2.1); None then."""
    acr: str = ""
    amr: frozenset[str] = frozenset()
    unusable: tuple[Unusable, ...] = ()
    """What of its claims about rights was dropped."""


@dataclass(frozen=True, slots=True)
class IdToken:
    """A verified ID token (OIDC Core §2). Texts are cleaned."""

    subject: Subject
    sid: str
    authenticated_at: datetime | None
    """``auth_time``; None when the provider does not say (0 says nothing either)."""
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
    """A verified logout token (OpenID Connect Back-Channel Logout 1.0 §2.4): ``sid`` or ``subject`` is there."""

    issuer: str
    jti: str
    """The token's own id: whoever acts on it must remember it until ``expires_at``, or it can be replayed."""
    sid: str
    subject: Subject | None
    issued_at: datetime
    expires_at: datetime
    """From when it is refused anyway, clock skew included."""
