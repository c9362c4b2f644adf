"""Sessions: the server-side records behind the cookie. Begin, resolve, keep fresh, end.

The browser holds a random secret of 256 bits, of which only the SHA-256 is stored; sockets and pages are bound to the
session's stable reference. No transaction spans an HTTP call. Source: OWASP ASVS 5.0 §7.
"""

from __future__ import annotations

import logging
import re
import secrets
from datetime import datetime, timedelta
from typing import Final, NoReturn

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
from app.core.tokens.types import AccessToken, IdToken
from app.core.tokens.verifier import token_hash
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.credentials import IssuedSession, person_from, secret_hash
from component.session.end_reasons import session_end_error
from component.session.provider_tokens import ProviderTokens, require_own, sync_rights
from component.session.refresh import TokenRefresh
from component.session.resumption import SessionResumption
from component.session.silent_signin import SilentSignIn

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_USER_AGENT_CHARACTERS: Final = 200
_log = logging.getLogger(__name__)


class Sessions:
    """The sessions of this installation, for any thread of any of its processes."""

    def __init__(self, context: SessionContext, *, default_role: str | None = None) -> None:
        """``default_role``: the role that every user gets at a sign-in; None for none."""
        self.lifetimes = context.lifetimes
        self.silent = SilentSignIn(context)
        self.resumption = SessionResumption(context)
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
        """Begin a session for a person whose ID token was verified, ending ``replaces``, all in one unit of work.

        Raises as ``TokenVerifier.access_token``, ``TokenInvalid`` for another's access token too, and
        ``PermissionDenied`` (``blocked``) for a blocked person; then there is no session.
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
            # Looked at inside the unit: a block committed before this one is seen, a later one ends this session.
            blocked = stored is None or stored.person.blocked
            if not blocked:
                sync_rights(unit, access, map_own_names=self._context.map_own_names, now=now)
                self._add_default_role(unit, id_token.subject, now)
                replaced = self._replace(unit, replaces, id_token.subject, now)
                unit.record(session_audit.issued(id_token.subject, issued.ref, address=address, now=now))
                unit.commit()
        if blocked:
            self._refuse_blocked(id_token.subject, tokens, address, now)
        if replaced:
            self._revoke(replaced)
        return issued

    def resolve(self, secret: str) -> Session:
        """The live session whose cookie holds this secret; one query.

        Raises ``Unauthenticated`` (unknown), ``SessionExpired``, ``SessionEnded`` or ``StorageUnavailable``. A blocked
        person's session is returned while it has not been ended: the decision refuses with the right reason.
        """
        if not _SECRET.fullmatch(secret):
            raise Unauthenticated("Sign in to continue.")
        return self._live(self._storage.read.session_by_secret(secret_hash(secret)))

    def by_ref(self, ref: str) -> Session:
        """As ``resolve``, by the stable reference."""
        return self._live(self._storage.read.session_by_ref(ref))

    def access_token(self, ref: str) -> str:
        """The session's access token, renewed when it is about to expire or its rights are older than the limit.

        Raises as ``by_ref``; ``SessionEnded`` when the provider refuses to renew; ``ProviderUnavailable`` when it does
        not answer and the old token has expired; ``SignInAgain`` when there is no refresh token to renew it with.
        """
        self.by_ref(ref)
        return self._token_refresh.access_token(ref)

    def sync_if_due(self, session: Session) -> None:
        """Renew when the provider's word on this person's rights is older than the limit; else do nothing.

        Raises ``SessionEnded`` when the provider refuses to renew. A provider that does not answer, or another renewal
        under way, does not hold up the page.
        """
        if self._clock() - session.rights_synced_at >= timedelta(seconds=self.lifetimes.rights_max_age_seconds):
            self._token_refresh.refresh_without_waiting(session.ref)

    def touch(self, session: Session, *, page: str = "") -> None:
        """Note that the person was here, and on which page; at most once a minute."""
        if self._clock() - session.last_seen_at < timedelta(seconds=self.lifetimes.touch_seconds):
            return
        try:
            with self._storage.unit_of_work() as unit:
                unit.touch_session(session.ref, self._clock, idle=self.lifetimes.idle, page=page)
                unit.commit()
        except StorageUnavailable:
            # Not worth a person's page: the next rerun notes it.
            _log.warning("could not note that a session was used")

    def stay(self, session: Session) -> Session:
        """Note at once that the person is here, who said so; only the idle limit moves. Raises as ``by_ref``."""
        with self._storage.unit_of_work() as unit:
            unit.touch_session(session.ref, self._clock, idle=self.lifetimes.idle)
            unit.commit()
        return self.by_ref(session.ref)

    def end(self, ref: str, reason: EndReason, *, by: str) -> str | None:
        """End the session, and tell the provider as far as it listens. ``by``: the audit name of who did it.

        Returns the provider's session id, for ``Provider.logout_url``; None when it gave none, or the session was over
        already (then nothing is written).
        """
        now = self._clock()
        before = self._storage.read.sealed_tokens(ref)
        with self._storage.unit_of_work() as unit:
            # The lease shows the newest tokens inside the unit; a renewal under way elsewhere revokes what it gets.
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
        return tokens.hint or None

    def revoke_ended(self, ref: str, sealed: SealedTokens | None) -> None:
        """Tell the provider, as far as it listens, that what a session had that is over here is not needed any more."""
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
            secret_hash=secret_hash(issued.secret),
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
            # Somebody deleted the role: signing in must go on working, without it.
            _log.error("GATEHOUSE_DEFAULT_ROLE names a role that does not exist: %s", self._default_role)
            return
        if added and self._default_role is not None:
            unit.record(session_audit.default_role_granted(subject, self._default_role, now=now))

    def _replace(self, unit: UnitOfWork, ref: str | None, subject: Subject, now: datetime) -> str:
        """End the session of this browser that the new one replaces; returns the refresh token to be revoked, if any.

        For the same subject there is none: some providers revoke all of a subject's tokens at once, the new ones too.
        """
        session = unit.session_by_ref(ref) if ref is not None else None
        if session is None or session.ended_at is not None:
            return ""
        other = session.person.subject != subject
        until = now + timedelta(seconds=1)
        sealed = unit.take_refresh_lease(session.ref, "replaced", now, until) if other else None
        if unit.end_session(session.ref, EndReason.REPLACED, now):
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
            return None  # sealed with a secret that was taken out since: nothing can be told to the provider

    def _revoke(self, refresh_token: str) -> None:
        try:
            self._context.provider.revoke(refresh_token)
        except GatehouseError as error:
            # Best effort: the session is over here, and its tokens are erased.
            _log.warning("a refresh token could not be revoked at the provider: %s", error.code)
