"""Renewing a session's tokens: one refresh at a time, in this process and across processes (RFC 9700 §4.14.2).

In a process callers share one flight. Across processes a lease with an expiry in the session row says who may refresh;
whoever takes over from a dead holder tries the stored token once. No transaction spans the request to the provider.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Final

from app.core.errors import (
    GatehouseError,
    ProviderRefused,
    ProviderUnavailable,
    SessionEnded,
    SessionExpired,
    SignInAgain,
    StorageUnavailable,
    TokenInvalid,
)
from app.core.keyring import SealBroken
from app.core.records import EndReason, SealedTokens, Session
from app.core.tokens.types import AccessToken
from app.core.tokens.verifier import token_hash
from component.http.error_pages import refusal_code
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.provider_tokens import ProviderTokens, require_own, sync_rights
from component.session.silent_signin import REMAINING_SECONDS

LEASE_SECONDS: Final = 45  # longer than a refresh can take: discovery and token endpoint at their limits
WAIT_SECONDS: Final = 4.0
PAUSE_SECONDS: Final = 15
_POLL_SECONDS: Final = 0.05
_OVER: Final = frozenset(
    {
        "access_denied",
        "consent_required",
        "interaction_required",
        "invalid_grant",
        "login_required",
        "mfa_required",
        "unauthorized",
    }
)
"""Answers to a refresh that mean this sign-in is over. Others (``invalid_client``) are about our settings."""

_log = logging.getLogger(__name__)


class TokenRefresh:
    """Keeps the tokens of sessions fresh. Safe from any thread."""

    def __init__(self, context: SessionContext, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._context = context
        self._storage = context.storage
        self._provider = context.provider
        self._clock = context.clock
        self._sleep = sleep
        self._rights_max_age = timedelta(seconds=context.lifetimes.rights_max_age_seconds)
        self._lock = threading.Lock()
        self._flights: dict[str, Future[str | None]] = {}
        self._paused_until: datetime | None = None

    def access_token(self, ref: str) -> str:
        """A token that is good for a while; renewed first when due. Raises as ``Sessions.access_token``."""
        stored = self._stored(ref)
        if not self._due(stored):
            return self._open(ref, stored).access_token
        if not self._open(ref, stored).refresh_token:
            return self._without_refresh(ref, stored)
        if self._paused():
            return self._old(ref, stored)
        while True:
            token = self._shared(ref, wait=True)
            if token is not None:
                return token

    def refresh_without_waiting(self, ref: str) -> None:
        """Renew when due, unless somebody is at it or the provider has just not answered. Raises ``SessionEnded``."""
        if self._paused():
            return
        try:
            stored = self._stored(ref)
            if self._due(stored) and self._open(ref, stored).refresh_token:
                self._shared(ref, wait=False)
        except (ProviderUnavailable, StorageUnavailable, SessionExpired):
            # The page goes on with what is known; what it needs of the API or the database says so itself.
            _log.info("rights could not be renewed now")

    def _shared(self, ref: str, *, wait: bool) -> str | None:
        """One renewal for all callers of this process; None when it was not waited for, or by an impatient leader."""
        with self._lock:
            flight = self._flights.get(ref)
            if flight is None:
                mine: Future[str | None] = Future()
                self._flights[ref] = mine
        if flight is not None:
            return flight.result(timeout=LEASE_SECONDS + WAIT_SECONDS) if wait else None
        try:
            token = self._renew(ref, wait=wait)
        except BaseException as error:
            # Streamlit stops a script by an exception of its own; that one is not for those who wait here.
            mine.set_exception(error if isinstance(error, GatehouseError) else ProviderUnavailable())
            raise
        else:
            mine.set_result(token)
            return token
        finally:
            with self._lock:
                del self._flights[ref]

    def _renew(self, ref: str, *, wait: bool) -> str | None:
        owner = secrets.token_hex(8)
        give_up_at = time.monotonic() + WAIT_SECONDS
        while (leased := self._take_lease(ref, owner)) is None:
            stored = self._stored(ref)
            if not self._due(stored):
                return self._open(ref, stored).access_token
            if not wait:
                return None
            if time.monotonic() >= give_up_at:
                return self._old(ref, stored)
            self._sleep(_POLL_SECONDS)
        try:
            if not self._due(leased):  # somebody was faster between our look and the lease
                return self._open(ref, leased).access_token
            session = self._storage.read.session_by_ref(ref)
            held = self._open(ref, leased)
            if session is None or session.ended_at is not None:
                raise SessionEnded
            return self._refresh(session, owner, held, leased)
        finally:
            self._release(ref, owner)

    def _refresh(self, session: Session, owner: str, held: ProviderTokens, leased: SealedTokens) -> str:
        try:
            fresh = self._provider.refresh(held.refresh_token)
        except ProviderRefused as refused:
            if refused.error in _OVER:
                self._end(session, refused.error)
                raise SessionEnded("The sign-in provider no longer renews this sign-in. Sign in again.") from None
            return self._go_on(session, held, leased, refusal_code(refused))
        except ProviderUnavailable as error:
            return self._go_on(session, held, leased, error.reason_code)
        kept = ProviderTokens(fresh.access_token, fresh.refresh_token or held.refresh_token, held.hint)
        try:
            access = self._context.verifier.access_token(fresh.access_token, from_provider=True)
        except (TokenInvalid, ProviderUnavailable) as error:
            # It cannot be used, but the refresh token was rotated: the new one must not be lost.
            kept = ProviderTokens(held.access_token, kept.refresh_token, held.hint)
            self._store(session, owner, kept, None, leased.access_expires_at, fresh)
            return self._go_on(session, held, leased, error.reason_code)
        try:
            require_own(access, session.person.subject, self._provider.client_id)
        except TokenInvalid as error:
            self._end(session, error.reason_code)
            self._revoke(kept.refresh_token)
            raise SessionEnded("The sign-in provider answered for somebody else. Sign in again.") from None
        return self._store(session, owner, kept, access, access.expires_at, fresh)

    def _store(
        self,
        session: Session,
        owner: str,
        kept: ProviderTokens,
        access: AccessToken | None,
        expires_at: datetime,
        fresh: TokenSet,
    ) -> str:
        """Keep what was got, with the rights it brings. Gone to waste when the session ended meanwhile."""
        now = self._clock()
        with self._storage.unit_of_work() as unit:
            stored = unit.store_refreshed(
                session.ref,
                owner,
                sealed=kept.seal(self._context.keyring, session.ref),
                access_token_hash=token_hash(kept.access_token),
                access_expires_at=expires_at,
                now=now,
            )
            if stored:
                if access is not None:
                    sync_rights(unit, access, map_own_names=self._context.map_own_names, now=now, signed_in=False)
                unit.commit()
        if stored:
            return kept.access_token
        newer = self._storage.read.sealed_tokens(session.ref)
        if newer is None:
            self._revoke(fresh.refresh_token)
            raise SessionEnded
        # Somebody took the lease over because this was slow. Revoking ours could end theirs: they are of one family.
        return self._open(session.ref, newer).access_token

    def _go_on(self, session: Session, held: ProviderTokens, leased: SealedTokens, reason: str) -> str:
        """The provider cannot be used now: note it, leave it alone for a while, use the old token while it lasts."""
        now = self._clock()
        self._paused_until = now + timedelta(seconds=PAUSE_SECONDS)
        with self._storage.unit_of_work() as unit:
            unit.record(session_audit.refresh_failed(session, reason, now=now))
            unit.commit()
        if now < leased.access_expires_at:
            return held.access_token
        raise ProviderUnavailable

    def _end(self, session: Session, reason: str) -> None:
        now = self._clock()
        with self._storage.unit_of_work() as unit:
            unit.record(session_audit.refresh_failed(session, reason, now=now))
            if unit.end_session(session.ref, EndReason.PROVIDER_REFUSED, now):
                unit.record(session_audit.ended(session, EndReason.PROVIDER_REFUSED, by="system", now=now))
            unit.commit()

    def _revoke(self, refresh_token: str) -> None:
        try:
            self._provider.revoke(refresh_token)
        except GatehouseError as error:
            # Best effort: nobody holds this token any more.
            _log.warning("a refresh token could not be revoked at the provider: %s", error.code)

    def _take_lease(self, ref: str, owner: str) -> SealedTokens | None:
        now = self._clock()
        with self._storage.unit_of_work() as unit:
            leased = unit.take_refresh_lease(ref, owner, now, now + timedelta(seconds=LEASE_SECONDS))
            unit.commit()
        return leased

    def _release(self, ref: str, owner: str) -> None:
        """Give the lease back, if it is still ours; otherwise nothing happens."""
        try:
            with self._storage.unit_of_work() as unit:
                unit.release_refresh_lease(ref, owner)
                unit.commit()
        except StorageUnavailable:
            _log.warning("a refresh lease could not be given back; it expires by itself")

    def _stored(self, ref: str) -> SealedTokens:
        stored = self._storage.read.sealed_tokens(ref)
        if stored is None:
            raise SessionEnded
        return stored

    def _due(self, stored: SealedTokens) -> bool:
        now = self._clock()
        return (
            stored.access_expires_at - now < timedelta(seconds=REMAINING_SECONDS)
            or now - stored.rights_synced_at >= self._rights_max_age
        )

    def _paused(self) -> bool:
        if self._paused_until is None:
            return False
        left = self._paused_until - self._clock()
        # Never longer than a pause lasts: the clock may have run ahead when it began.
        return timedelta() < left <= timedelta(seconds=PAUSE_SECONDS)

    def _old(self, ref: str, stored: SealedTokens) -> str:
        """The token in store, while it lasts."""
        held = self._open(ref, stored)
        if self._clock() < stored.access_expires_at:
            return held.access_token
        raise ProviderUnavailable

    def _without_refresh(self, ref: str, stored: SealedTokens) -> str:
        """The token in store while it lasts, but a silent sign-in is asked for, once, before it runs out."""
        left = stored.access_expires_at - self._clock()
        if left >= timedelta(seconds=REMAINING_SECONDS):
            return self._open(ref, stored).access_token
        if stored.silent_at is None:
            raise SignInAgain("Your sign-in is being renewed.", silently=True)
        if left > timedelta():
            return self._open(ref, stored).access_token
        raise SignInAgain("The sign-in provider asks you to sign in once more before this can be shown.")

    def _open(self, ref: str, stored: SealedTokens) -> ProviderTokens:
        try:
            return ProviderTokens.unseal(self._context.keyring, stored.sealed, ref)
        except SealBroken:
            raise SessionExpired("Sign in again to go on where you were.") from None
