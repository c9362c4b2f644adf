"""Silent sign-in (``prompt=none``, OIDC Core §3.1.2.1): new tokens for a session without a refresh token.

Tried once for each access token, and only for a live session, so never after a sign-out. The lifetimes, the secret and
the sign-in time of the session do not change, because its user has not authenticated again.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

import structlog

from app.core.errors import SessionEnded, StorageUnavailable, TokenInvalid
from app.core.failure_reasons import TokenReason, TokenUse
from app.core.keyring import SealBroken
from app.core.records import Session
from app.core.tokens.hashes import token_hash
from app.core.tokens.types import IdToken
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.lifetimes import REFRESH_MARGIN_SECONDS
from component.session.provider_tokens import ProviderTokens, require_own, sync_rights

_LEASE_SECONDS: Final = 10
_log = structlog.get_logger(__name__)


class SilentSignIn:
    """Safe from any thread, and across processes."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._storage = context.storage
        self._clock = context.clock

    def needed(self, ref: str) -> bool:
        """Whether the session's access token is about to expire, and only a sign-in can bring another."""
        stored = self._storage.read.sealed_tokens(ref)
        if stored is None or stored.access_expires_at - self._clock() >= timedelta(seconds=REFRESH_MARGIN_SECONDS):
            return False
        try:
            return not ProviderTokens.unseal(self._context.keyring, stored.sealed, ref).refresh_token
        except SealBroken:
            return True

    def begin(self, ref: str) -> bool:
        """Record an attempt; False when it is not needed, or was made for this access token before."""
        if not self.needed(ref):
            return False
        with self._storage.unit_of_work() as unit:
            first = unit.record_silent_sign_in(ref, self._clock())
            unit.commit()
        return first

    def complete(self, session: Session, tokens: TokenSet, id_token: IdToken) -> None:
        """Store the new tokens in the session, with their rights.

        Raises:
            TokenInvalid: The access token is invalid, or the provider answered for another subject.
            ProviderUnavailable: The provider's keys cannot be fetched.
            SessionEnded: The session ended meanwhile.
        """
        access = self._context.verifier.access_token(tokens.access_token, from_provider=True)
        if id_token.subject != session.person.subject:
            raise TokenInvalid(reason=TokenReason.OTHER_SUBJECT, use=TokenUse.ID)
        require_own(access, session.person.subject, self._context.provider.client_id)
        kept = ProviderTokens(tokens.access_token, tokens.refresh_token, id_token.sid)
        owner, now = f"silent-{secrets.token_hex(8)}", self._clock()
        with self._storage.unit_of_work() as unit:
            leased = unit.take_refresh_lease(session.ref, owner, now, now + timedelta(seconds=_LEASE_SECONDS))
            stored = leased is not None and unit.store_refreshed(
                session.ref,
                owner,
                sealed=kept.seal(self._context.keyring, session.ref),
                access_token_hash=token_hash(tokens.access_token),
                access_expires_at=access.expires_at,
                now=now,
            )
            if stored:
                sync_rights(
                    unit, access, implicit_role_mapping=self._context.implicit_role_mapping, now=now, signed_in=False
                )
                unit.commit()
        if not stored:
            raise SessionEnded

    def refused(self, session: Session, reason_code: str) -> None:
        """Record a failed attempt. ``reason_code``: the provider's error code, or a reason code of ours."""
        try:
            with self._storage.unit_of_work() as unit:
                unit.record(session_audit.refresh_failed(session, reason_code, now=self._clock()))
                unit.commit()
        except StorageUnavailable:
            _log.warning("a failed silent sign-in could not be recorded")
