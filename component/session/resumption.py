"""Session resumption: an expired session continues after its user has signed in again in the same browser.

Only an expired session, never one that was ended; only for its subject; only for an hour after its end. Its reference
stays, so its locked tabs continue once they have reconnected; its secret, tokens, sign-in time, factors and lifetimes
are new.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.core.records import Session
from app.core.session_liveness import Liveness, liveness
from app.core.tokens.types import IdToken
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.credentials import IssuedSession, person_from, reauthenticated, session_secret_hash
from component.session.provider_tokens import require_own, sync_rights


class SessionResumption:
    """Finds and resumes expired sessions. Safe from any thread, and across processes."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._storage = context.storage
        self._clock = context.clock
        self._lifetimes = context.lifetimes

    def by_session_secret(self, session_secret: str) -> Session | None:
        """The expired session whose cookie holds this secret, while it can be resumed."""
        return self._expired(self._storage.read.session_by_secret(session_secret_hash(session_secret)))

    def by_ref(self, ref: str) -> Session | None:
        """As ``by_session_secret``, by the stable reference."""
        return self._expired(self._storage.read.session_by_ref(ref))

    def ends_at(self, session: Session) -> datetime:
        """When an expired session can no longer be resumed."""
        return self._lifetimes.ends_at(session) + timedelta(seconds=self._lifetimes.resumption_seconds)

    def complete(self, session: Session, tokens: TokenSet, id_token: IdToken, *, address: str) -> IssuedSession | None:
        """Resume ``session`` after a sign-in of its user.

        Returns:
            The session with its new secret; None, with nothing changed, for another subject, and when the session was
            ended or its user blocked meanwhile.

        Raises:
            TokenInvalid: The access token is invalid, or another subject's.
            ProviderUnavailable: The provider's keys cannot be fetched.
        """
        if id_token.subject != session.person.subject:
            return None
        access = self._context.verifier.access_token(tokens.access_token, from_provider=True)
        require_own(access, id_token.subject, self._context.provider.client_id)
        now = self._clock()
        issued = IssuedSession(session.ref)
        fresh = reauthenticated(self._context, issued, tokens, id_token, access)
        with self._storage.unit_of_work() as unit:
            unit.save_person(person_from(id_token), now)
            # Read inside the unit: an end, a block or another resumption committed before this one is seen.
            stored = self._expired(unit.session_by_ref(session.ref))
            expires_at = now + timedelta(seconds=self._lifetimes.absolute_seconds)
            if stored is None or stored.person.blocked or not unit.resume_session(fresh, expires_at, now):
                return None
            sync_rights(unit, access, implicit_role_mapping=self._context.implicit_role_mapping, now=now)
            unit.record(session_audit.resumed(session, address=address, now=now))
            unit.commit()
        return issued

    def _expired(self, session: Session | None) -> Session | None:
        if session is None or session.ended_at is not None:
            return None
        now = self._clock()
        expired = liveness(session, idle=self._lifetimes.idle, now=now) is Liveness.EXPIRED
        return session if expired and now <= self.ends_at(session) else None
