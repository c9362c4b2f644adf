"""What a completed sign-in brings to a session, issued or re-authenticated: secret, person and stored tokens."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from app.core.keyring import SealBroken
from app.core.records import Person, SteppedUp
from app.core.tokens.hashes import token_hash
from app.core.tokens.types import AccessToken, IdToken
from component.oidc.provider import TokenSet
from component.session.context import SessionContext
from component.session.provider_tokens import ProviderTokens

_NO_TOKENS: Final = ProviderTokens("", "", "")


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session that a sign-in issued or re-authenticated: its reference, and the cookie's secret, stored nowhere."""

    ref: str
    session_secret: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))


def reauthenticated(
    context: SessionContext, issued: IssuedSession, tokens: TokenSet, id_token: IdToken, access: AccessToken
) -> SteppedUp:
    """What is stored when a sign-in re-authenticates an existing session."""
    before = _stored_tokens(context, issued.ref)
    # Some providers return a refresh token, or their session's id, at the first sign-in only.
    kept = ProviderTokens(
        tokens.access_token, tokens.refresh_token or before.refresh_token, id_token.sid or before.logout_hint
    )
    return SteppedUp(
        ref=issued.ref,
        secret_hash=session_secret_hash(issued.session_secret),
        authenticated_at=id_token.authenticated_at,
        sealed_tokens=kept.seal(context.keyring, issued.ref),
        access_token_hash=token_hash(tokens.access_token),
        access_expires_at=access.expires_at,
        provider_sid=kept.logout_hint,
        acr=id_token.acr,
        amr=id_token.amr,
    )


def person_from(id_token: IdToken) -> Person:
    """The person that an ID token describes."""
    return Person(
        subject=id_token.subject,
        name=id_token.name,
        email=id_token.email,
        email_verified=id_token.email_verified,
        picture=id_token.picture,
    )


def session_secret_hash(session_secret: str) -> bytes:
    """The SHA-256 of a cookie's secret, as it is stored."""
    return hashlib.sha256(session_secret.encode()).digest()


def _stored_tokens(context: SessionContext, ref: str) -> ProviderTokens:
    """The stored tokens of a session; empty ones when it has none."""
    sealed = context.storage.read.sealed_tokens(ref)
    try:
        return ProviderTokens.unseal(context.keyring, sealed.sealed, ref) if sealed is not None else _NO_TOKENS
    except SealBroken:
        return _NO_TOKENS
