"""Sessions, the server-side records behind the cookie: begin, resolve, refresh, end.

The browser holds a random secret of 256 bits, of which only the SHA-256 is stored; sockets and pages are bound to the
session's stable reference. No transaction spans an HTTP call. Source: OWASP ASVS 5.0 §7.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Final, NoReturn

import structlog

from app.core.audit import subject_name
from app.core.errors import (
    GatehouseError,
    NotFound,
    PermissionDenied,
    StorageUnavailable,
    Unauthenticated,
)
from app.core.keyring import SealBroken
from app.core.policy import Reason
from app.core.ports import UnitOfWork
from app.core.principal import Subject
from app.core.records import EndReason, NewSession, SealedTokens, Session
from app.core.session_liveness import Liveness, liveness
from app.core.tokens.hashes import token_hash
from app.core.tokens.types import AccessToken, IdToken
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.credentials import IssuedSession, person_from, session_secret_hash
from component.session.end_reasons import session_end_error
from component.session.provider_tokens import ProviderTokens, require_own, sync_rights
from component.session.refresh import TokenRefresh
from component.session.resumption import SessionResumption
from component.session.sign_in_checks import SignInChecks
from component.session.silent_signin import SilentSignIn

_SESSION_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_USER_AGENT_CHARACTERS: Final = 200
_log = structlog.get_logger(__name__)


class SessionService:
    """The sessions of this installation, for any thread of any of its processes."""

    def __init__(self, context: SessionContext, *, default_role: str | None = None) -> None:
        """``default_role``: the role that every user gets at a sign-in; None for none."""
        self.lifetimes = context.lifetimes
        self.silent_sign_in = SilentSignIn(context)
        self.resumption = SessionResumption(context)
        self.sign_in_checks = SignInChecks(context)
        self._token_refresh = TokenRefresh(context)
        self._context = context
        # What each message needs.
        self._storage = context.storage
        self._clock = context.clock
        self._idle = context.lifetimes.idle
        self._default_role = default_role

    def begin(
        self, tokens: TokenSet, id_token: IdToken, *, user_agent: str, address: str, replaces: str | None = None
    ) -> IssuedSession:
        """Begin a session for the user of a verified ID token, in one unit of work.

        Args:
            tokens: The token response of the provider.
            id_token: The verified ID token.
            user_agent: The browser's ``User-Agent``.
            address: The client's address.
            replaces: The reference of the browser's session so far, which ends; None for none.

        Raises:
            TokenInvalid: The access token is invalid, or another subject's.
            ProviderUnavailable: The provider's keys cannot be fetched.
            PermissionDenied: The user is blocked (``blocked``); no session is issued.
        """
        access = self._context.verifier.access_token(tokens.access_token, from_provider=True)
        require_own(access, id_token.subject, self._context.provider.client_id)
        now = self._clock()
        issued = IssuedSession(secrets.token_urlsafe(16))
        session = self._new_session(issued, tokens, id_token, access, user_agent, address, now)
        with self._storage.unit_of_work() as unit:
            unit.save_person(person_from(id_token), now)
            unit.begin_session(session, now)
            stored = unit.session_by_ref(issued.ref)
            # Read inside the unit: a block committed before this one is seen, a later one ends this session.
            blocked = stored is None or stored.person.blocked
            if not blocked:
                sync_rights(unit, access, implicit_role_mapping=self._context.implicit_role_mapping, now=now)
                self._add_default_role(unit, id_token.subject, now)
                replaced = self._replace(unit, replaces, id_token.subject, now)
                unit.record(session_audit.issued(session, now=now))
                unit.commit()
        if blocked:
            self._refuse_blocked(id_token.subject, tokens, address, now)
        if replaced:
            self._revoke(replaced)
        return issued

    def resolve(self, session_secret: str) -> Session:
        """The live session whose cookie holds this secret; one query.

        A blocked user's session is returned while it is live: the decision refuses with the right reason.

        Raises:
            Unauthenticated: The secret is unknown.
            SessionExpired: A lifetime of the session is over.
            SessionEnded: The session was ended.
            StorageUnavailable: The database does not answer.
        """
        if not _SESSION_SECRET.fullmatch(session_secret):
            raise Unauthenticated("Sign in to continue.")
        return self._live(self._storage.read.session_by_secret(session_secret_hash(session_secret)))

    def by_ref(self, ref: str) -> Session:
        """The live session with this reference; one query. Raises the errors of ``resolve``."""
        return self._live(self._storage.read.session_by_ref(ref))

    def access_token(self, ref: str) -> str:
        """The session's access token, refreshed when it is about to expire or its rights are too old.

        Raises:
            Unauthenticated: The session is unknown.
            SessionExpired: A lifetime of the session is over.
            SessionEnded: The session was ended, or the provider refuses the refresh.
            ProviderUnavailable: The provider does not answer, and the stored token has expired.
            SignInAgain: There is no refresh token.
            StorageUnavailable: The database does not answer.
        """
        self.by_ref(ref)
        return self._token_refresh.access_token(ref)

    def sync_if_due(self, session: Session) -> None:
        """Refresh the tokens when the user's rights were read from the provider too long ago.

        A provider that does not answer, or a refresh in progress elsewhere, does not delay the page.

        Raises:
            SessionEnded: The provider refuses the refresh.
        """
        if self._clock() - session.rights_synced_at >= timedelta(seconds=self.lifetimes.rights_max_age_seconds):
            self._token_refresh.refresh_without_waiting(session.ref)

    def touch(self, session: Session, *, page: str = "") -> None:
        """Store that the session was used, and on which page; at most once a minute."""
        if self._clock() - session.last_seen_at < timedelta(seconds=self.lifetimes.touch_seconds):
            return
        try:
            with self._storage.unit_of_work() as unit:
                unit.touch_session(session.ref, self._clock, idle=self.lifetimes.idle, page=page)
                unit.commit()
        except StorageUnavailable:
            # Not worth failing the page for: the next rerun stores it.
            _log.warning("the use of a session could not be recorded")

    def stay(self, session: Session) -> Session:
        """Extend the idle lifetime at once, at the user's request. Raises the errors of ``by_ref``."""
        with self._storage.unit_of_work() as unit:
            unit.touch_session(session.ref, self._clock, idle=self.lifetimes.idle)
            unit.commit()
        return self.by_ref(session.ref)

    def end(self, ref: str, reason: EndReason, *, by: str) -> str | None:
        """End the session, and revoke its refresh token where the provider supports it.

        Returns the provider's session id, for ``Provider.logout_url``; None when it gave none, or the session was over
        already (then nothing is written).
        """
        now = self._clock()
        before = self._storage.read.sealed_tokens(ref)
        with self._storage.unit_of_work() as unit:
            # The lease returns the newest tokens inside the unit; a refresh in progress elsewhere revokes what it gets.
            newest = unit.take_refresh_lease(ref, f"end-{secrets.token_hex(8)}", now, now + timedelta(seconds=1))
            session = unit.session_by_ref(ref)
            ended = unit.end_session(ref, reason, now)
            if ended and session is not None:
                unit.record(session_audit.ended(session, reason, by=by, now=now))
            unit.commit()
        tokens = self._open(ref, newest or before)
        if not ended or tokens is None:
            return None
        self._revoke(tokens.refresh_token)
        return tokens.logout_hint or None

    def revoke_ended(self, ref: str, sealed: SealedTokens | None) -> None:
        """Revoke the refresh token of a session that has ended, where the provider supports it."""
        tokens = self._open(ref, sealed)
        if tokens is not None:
            self._revoke(tokens.refresh_token)

    def _live(self, session: Session | None) -> Session:
        if session is None:
            raise Unauthenticated("Sign in to continue.")
        state = liveness(session, idle=self._idle, now=self._clock())
        if state is Liveness.LIVE:
            return session
        raise session_end_error(session.end_reason if state is Liveness.ENDED else EndReason.EXPIRED)

    def _new_session(
        self,
        issued: IssuedSession,
        tokens: TokenSet,
        id_token: IdToken,
        access: AccessToken,
        user_agent: str,
        address: str,
        now: datetime,
    ) -> NewSession:
        kept = ProviderTokens(tokens.access_token, tokens.refresh_token, id_token.sid)
        return NewSession(
            ref=issued.ref,
            secret_hash=session_secret_hash(issued.session_secret),
            subject=id_token.subject,
            authenticated_at=id_token.authenticated_at,
            expires_at=now + timedelta(seconds=self.lifetimes.absolute_seconds),
            sealed_tokens=kept.seal(self._context.keyring, issued.ref),
            access_token_hash=token_hash(tokens.access_token),
            access_expires_at=access.expires_at,
            provider_sid=id_token.sid,
            client_id=self._context.provider.client_id,
            acr=id_token.acr,
            amr=id_token.amr,
            user_agent="".join(filter(str.isprintable, user_agent))[:_MAX_USER_AGENT_CHARACTERS],
            address=address,
        )

    def _add_default_role(self, unit: UnitOfWork, subject: Subject, now: datetime) -> None:
        try:
            added = unit.grant_default_role(subject, self._default_role, now)
        except NotFound:
            # The role was deleted: sign-in must still work, without it.
            _log.error("GATEHOUSE_DEFAULT_ROLE names a role that does not exist", role=self._default_role)
            return
        if added and self._default_role is not None:
            unit.record(session_audit.default_role_granted(subject, self._default_role, now=now))

    def _replace(self, unit: UnitOfWork, ref: str | None, subject: Subject, now: datetime) -> str:
        """End the session of this browser that the new one replaces; returns the refresh token to revoke, if any.

        For the same subject there is none: some providers revoke all of a subject's tokens at once, the new ones too.
        """
        session = unit.session_by_ref(ref) if ref is not None else None
        if session is None or session.ended_at is not None:
            return ""
        is_other_subject = session.person.subject != subject
        expires_at = now + timedelta(seconds=1)
        sealed = unit.take_refresh_lease(session.ref, "replaced", now, expires_at) if is_other_subject else None
        unit.end_session(session.ref, EndReason.REPLACED, now)
        unit.record(session_audit.ended(session, EndReason.REPLACED, by=subject_name(subject), now=now))
        tokens = self._open(session.ref, sealed)
        return tokens.refresh_token if tokens is not None else ""

    def _refuse_blocked(self, subject: Subject, tokens: TokenSet, address: str, now: datetime) -> NoReturn:
        with self._storage.unit_of_work() as unit:
            unit.record(session_audit.blocked(subject, address=address, now=now))
            unit.commit()
        self._revoke(tokens.refresh_token)
        raise PermissionDenied("", Reason.BLOCKED, "Your account is blocked here. Ask an administrator.")

    def _open(self, ref: str, sealed: SealedTokens | None) -> ProviderTokens | None:
        try:
            return ProviderTokens.unseal(self._context.keyring, sealed.sealed, ref) if sealed is not None else None
        except SealBroken:
            return None  # sealed with an installation secret that was removed since: the tokens cannot be revoked

    def _revoke(self, refresh_token: str) -> None:
        try:
            self._context.provider.revoke(refresh_token)
        except GatehouseError as error:
            # Best effort: the session is over here, and its tokens are erased.
            _log.warning("a refresh token could not be revoked at the provider", error=error.code)
