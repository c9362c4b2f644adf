"""What a finished sign-in brings to a session, new or known: its secret, its person, its tokens as they are stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from app.core.keyring import SealBroken
from app.core.records import Person, SteppedUp
from app.core.tokens.types import AccessToken, IdToken
from app.core.tokens.verifier import token_hash
from component.oidc.provider import TokenSet
from component.session.context import SessionContext
from component.session.provider_tokens import ProviderTokens

_NO_TOKENS: Final = ProviderTokens("", "", "")


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session that has begun, or goes on: its stable reference, and the secret for the cookie, kept nowhere else."""

    ref: str
    secret: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))


def reauthenticated(
    context: SessionContext, issued: IssuedSession, tokens: TokenSet, id_token: IdToken, access: AccessToken
) -> SteppedUp:
    """What is stored of a fresh sign-in for the session that goes on with it."""
    before = _stored_tokens(context, issued.ref)
    # Some providers give a refresh token, or their session's id, at the first sign-in only.
    kept = ProviderTokens(
        tokens.access_token, tokens.refresh_token or before.refresh_token, id_token.sid or before.hint
    )
    return SteppedUp(
        ref=issued.ref,
        secret_hash=secret_hash(issued.secret),
        authenticated_at=id_token.authenticated_at,
        sealed_tokens=kept.seal(context.keyring, issued.ref),
        access_token_hash=token_hash(tokens.access_token),
        access_expires_at=access.expires_at,
        provider_sid=kept.hint,
        acr=id_token.acr,
        amr=id_token.amr,
    )


def person_from(id_token: IdToken) -> Person:
    """What is shown of a person, as their ID token has it."""
    return Person(
        subject=id_token.subject,
        name=id_token.name,
        email=id_token.email,
        email_verified=id_token.email_verified,
        picture=id_token.picture,
    )


def secret_hash(secret: str) -> bytes:
    """What is stored of a cookie's secret."""
    return hashlib.sha256(secret.encode()).digest()


def _stored_tokens(context: SessionContext, ref: str) -> ProviderTokens:
    """The tokens of a session so far; empty ones where there are none any more."""
    sealed = context.storage.read.sealed_tokens(ref)
    try:
        return ProviderTokens.unseal(context.keyring, sealed.sealed, ref) if sealed is not None else _NO_TOKENS
    except SealBroken:
        return _NO_TOKENS
