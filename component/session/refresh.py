"""Token refresh: one at a time for each session, in this process and across processes (RFC 9700 §4.14.2).

In a process all callers share one request. Across processes a lease with an expiry, in the session's row, decides who
refreshes; a process that takes over an expired lease tries the stored token once. No transaction spans the request.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Final

import structlog

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
from app.core.tokens.hashes import token_hash
from app.core.tokens.types import AccessToken
from component.http.error_pages import refusal_code
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.lifetimes import REFRESH_MARGIN_SECONDS
from component.session.provider_tokens import ProviderTokens, require_own, sync_rights

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
"""Error codes of a refresh that mean this sign-in is over. Others (``invalid_client``) are about our settings."""

_log = structlog.get_logger(__name__)


class TokenRefresh:
    """Refreshes the tokens of sessions. Safe from any thread."""

    def __init__(self, context: SessionContext, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._context = context
        self._storage, self._provider = context.storage, context.provider
        self._clock = context.clock
        self._sleep = sleep
        self._rights_max_age = timedelta(seconds=context.lifetimes.rights_max_age_seconds)
        self._lock = threading.Lock()
        self._refreshes: dict[str, Future[str | None]] = {}
        self._paused_until: datetime | None = None

    def access_token(self, ref: str) -> str:
        """A token that is valid for a while, refreshed first when due.

        Raises:
            SessionEnded: The session ended, or the provider refuses the refresh.
            SessionExpired: The stored tokens were sealed with an installation secret that is no longer in use.
            ProviderUnavailable: The provider does not answer, and the stored token has expired.
            SignInAgain: There is no refresh token, and the access token is about to expire.
        """
        stored = self._stored(ref)
        if not self._due(stored):
            return self._open(ref, stored).access_token
        if not self._open(ref, stored).refresh_token:
            return self._without_refresh(ref, stored)
        if self._paused():
            return self._stored_token(ref, stored)
        while True:
            token = self._shared(ref, wait=True)
            if token is not None:
                return token

    def refresh_without_waiting(self, ref: str) -> None:
        """Refresh when due, unless another caller is doing so or the provider has just failed.

        Raises:
            SessionEnded: The provider refuses the refresh.
        """
        if self._paused():
            return
        try:
            stored = self._stored(ref)
            if self._due(stored) and self._open(ref, stored).refresh_token:
                self._shared(ref, wait=False)
        except (ProviderUnavailable, StorageUnavailable, SessionExpired):
            # The page continues with the known rights; calls of the API or the database report their own errors.
            _log.info("rights could not be refreshed now")

    def _shared(self, ref: str, *, wait: bool) -> str | None:
        """One refresh for all callers of this process; None without a result, when a caller did not wait for it."""
        with self._lock:
            refresh_in_progress = self._refreshes.get(ref)
            if refresh_in_progress is None:
                own: Future[str | None] = Future()
                self._refreshes[ref] = own
        if refresh_in_progress is not None:
            return refresh_in_progress.result(timeout=LEASE_SECONDS + WAIT_SECONDS) if wait else None
        try:
            token = self._refresh_under_lease(ref, wait=wait)
        except BaseException as error:
            # Streamlit stops a script by an exception of its own; it is not for the callers that wait here.
            own.set_exception(error if isinstance(error, GatehouseError) else ProviderUnavailable())
            raise
        else:
            own.set_result(token)
            return token
        finally:
            with self._lock:
                del self._refreshes[ref]

    def _refresh_under_lease(self, ref: str, *, wait: bool) -> str | None:
        owner = secrets.token_hex(8)
        give_up_at = time.monotonic() + WAIT_SECONDS
        while (leased := self._take_lease(ref, owner)) is None:
            stored = self._stored(ref)
            if not self._due(stored):
                return self._open(ref, stored).access_token
            if not wait:
                return None
            if time.monotonic() >= give_up_at:
                return self._stored_token(ref, stored)
            self._sleep(_POLL_SECONDS)
        try:
            if not self._due(leased):  # refreshed by another process before the lease was taken
                return self._open(ref, leased).access_token
            session = self._storage.read.session_by_ref(ref)
            stored_tokens = self._open(ref, leased)
            if session is None or session.ended_at is not None:
                raise SessionEnded
            return self._refresh(session, owner, stored_tokens, leased)
        finally:
            self._release(ref, owner)

    def _refresh(self, session: Session, owner: str, old: ProviderTokens, leased: SealedTokens) -> str:
        try:
            fresh = self._provider.refresh(old.refresh_token)
        except ProviderRefused as refused:
            if refused.error in _OVER:
                self._end(session, refused.error)
                raise SessionEnded("The sign-in provider ended this sign-in. Sign in again.") from None
            return self._use_stored_token(session, old, leased, refusal_code(refused))
        except ProviderUnavailable as error:
            return self._use_stored_token(session, old, leased, error.reason_code)
        kept = ProviderTokens(fresh.access_token, fresh.refresh_token or old.refresh_token, old.logout_hint)
        try:
            access = self._context.verifier.access_token(fresh.access_token, from_provider=True)
        except (TokenInvalid, ProviderUnavailable) as error:
            # It cannot be used, but the refresh token was rotated: the new one must not be lost.
            kept = ProviderTokens(old.access_token, kept.refresh_token, old.logout_hint)
            self._store(session, owner, kept, None, leased.access_expires_at, fresh)
            return self._use_stored_token(session, old, leased, error.reason_code)
        try:
            require_own(access, session.person.subject, self._provider.client_id)
        except TokenInvalid as error:
            self._end(session, error.reason_code)
            self._revoke(kept.refresh_token)
            raise SessionEnded("The sign-in provider answered for another account. Sign in again.") from None
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
        """Store the new tokens with their rights; dropped when the session ended meanwhile."""
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
                    implicit = self._context.implicit_role_mapping
                    sync_rights(unit, access, implicit_role_mapping=implicit, now=now, signed_in=False)
                unit.commit()
        if stored:
            return kept.access_token
        newer = self._storage.read.sealed_tokens(session.ref)
        if newer is None:
            self._revoke(fresh.refresh_token)
            raise SessionEnded
        # Another process took over the lease, because this was slow. Both tokens are of one family: revoking ours could
        # end the other one.
        return self._open(session.ref, newer).access_token

    def _use_stored_token(self, session: Session, old: ProviderTokens, leased: SealedTokens, reason_code: str) -> str:
        """The provider has failed: record it, pause the refreshes, use the stored token while it is valid."""
        now = self._clock()
        self._paused_until = now + timedelta(seconds=PAUSE_SECONDS)
        with self._storage.unit_of_work() as unit:
            unit.record(session_audit.refresh_failed(session, reason_code, now=now))
            unit.commit()
        if now < leased.access_expires_at:
            return old.access_token
        raise ProviderUnavailable

    def _end(self, session: Session, reason_code: str) -> None:
        now = self._clock()
        with self._storage.unit_of_work() as unit:
            unit.record(session_audit.refresh_failed(session, reason_code, now=now))
            if unit.end_session(session.ref, EndReason.PROVIDER_REFUSED, now):
                unit.record(session_audit.ended(session, EndReason.PROVIDER_REFUSED, by="system", now=now))
            unit.commit()

    def _revoke(self, refresh_token: str) -> None:
        try:
            self._provider.revoke(refresh_token)
        except GatehouseError as error:
            # Best effort: the token is no longer stored anywhere.
            _log.warning("a refresh token could not be revoked at the provider", error=error.code)

    def _take_lease(self, ref: str, owner: str) -> SealedTokens | None:
        now = self._clock()
        with self._storage.unit_of_work() as unit:
            leased = unit.take_refresh_lease(ref, owner, now, now + timedelta(seconds=LEASE_SECONDS))
            unit.commit()
        return leased

    def _release(self, ref: str, owner: str) -> None:
        """Release the lease, if it is still ours; otherwise nothing happens."""
        try:
            with self._storage.unit_of_work() as unit:
                unit.release_refresh_lease(ref, owner)
                unit.commit()
        except StorageUnavailable:
            _log.warning("a refresh lease could not be released; it expires by itself")

    def _stored(self, ref: str) -> SealedTokens:
        stored = self._storage.read.sealed_tokens(ref)
        if stored is None:
            raise SessionEnded
        return stored

    def _due(self, stored: SealedTokens) -> bool:
        now = self._clock()
        return (
            stored.access_expires_at - now < timedelta(seconds=REFRESH_MARGIN_SECONDS)
            or now - stored.rights_synced_at >= self._rights_max_age
        )

    def _paused(self) -> bool:
        if self._paused_until is None:
            return False
        remaining = self._paused_until - self._clock()
        # Never longer than a pause lasts: the clock may have been ahead when it started.
        return timedelta() < remaining <= timedelta(seconds=PAUSE_SECONDS)

    def _stored_token(self, ref: str, stored: SealedTokens) -> str:
        """The stored token, while it is valid."""
        tokens = self._open(ref, stored)
        if self._clock() < stored.access_expires_at:
            return tokens.access_token
        raise ProviderUnavailable

    def _without_refresh(self, ref: str, stored: SealedTokens) -> str:
        """The stored token while it is valid; before it expires, a silent sign-in is requested once."""
        remaining = stored.access_expires_at - self._clock()
        if remaining >= timedelta(seconds=REFRESH_MARGIN_SECONDS):
            return self._open(ref, stored).access_token
        if stored.silent_at is None:
            raise SignInAgain("Your sign-in is being refreshed.", silent_sign_in=True)
        if remaining > timedelta():
            return self._open(ref, stored).access_token
        raise SignInAgain("The sign-in provider asks you to sign in once more before this can be shown.")

    def _open(self, ref: str, stored: SealedTokens) -> ProviderTokens:
        try:
            return ProviderTokens.unseal(self._context.keyring, stored.sealed, ref)
        except SealBroken:
            raise SessionExpired("Sign in again to continue where you were.") from None
