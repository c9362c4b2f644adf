"""Step-up: a live session goes on after its person proved themselves afresh, or by a second factor (RFC 9470).

``/auth/login?step_up=1&max_age=…&acr_values=…`` asks for it. The reference of the session stays, so that other tabs
go on once they have reconnected; its cookie secret, tokens, sign-in time and factors are new. Whatever the provider did
not do changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.core.assurance import Requirement, has_context
from app.core.errors import FactorMissing, OrganizationMismatch
from app.core.records import Session
from app.core.tokens.types import IdToken
from component.oidc.login_transactions import LoginTransaction
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.credentials import IssuedSession, person_from, reauthenticated
from component.session.provider_tokens import require_own, sync_rights

_AGE: Final = re.compile(r"[0-9]{1,9}")
_CONTEXT: Final = re.compile(r"[\x21-\x7e]{1,200}")
_AFRESH: Final = Requirement(max_age_seconds=0)


def requested_step_up(query: Mapping[str, str]) -> Requirement | None:
    """What a sign-in link asks for; None when it asks for no step-up, a fresh sign-in when it does not say what."""
    if query.get("step_up") != "1":
        return None
    age, context = query.get("max_age", ""), query.get("acr_values", "")
    asked = Requirement(
        max_age_seconds=int(age) if _AGE.fullmatch(age) else None, acr=context if _CONTEXT.fullmatch(context) else ""
    )
    return _AFRESH if asked == Requirement() else asked


class StepUpSignIn:
    """Finishes step-ups. Safe from any thread, and from any process with the same keyring."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._storage = context.storage
        self._clock = context.clock

    def id_token(self, tokens: TokenSet, transaction: LoginTransaction) -> IdToken:
        """The verified ID token of any sign-in, which must be as recent and as strong as this one asked for.

        The age counts from when the sign-in was begun, which is when the provider was asked. It must name the
        organization that was asked for, too. Raises as ``TokenVerifier.id_token``, ``FactorMissing``, and
        ``OrganizationMismatch``.
        """
        asked = transaction.step_up or Requirement()
        max_age_seconds = asked.max_age_seconds
        if max_age_seconds is not None:
            max_age_seconds += int((self._clock() - transaction.begun_at).total_seconds()) + 1
        id_token = self._context.verifier.id_token(
            tokens.id_token,
            client_id=self._context.provider.client_id,
            nonce=transaction.nonce,
            access_token=tokens.access_token,
            max_age_seconds=max_age_seconds,
        )
        if asked.acr and not has_context(asked.acr, given=id_token.acr, methods=id_token.amr):
            raise FactorMissing
        if transaction.organization and id_token.organization != transaction.organization:
            raise OrganizationMismatch
        return id_token

    def complete(self, session: Session, tokens: TokenSet, id_token: IdToken, *, address: str) -> IssuedSession | None:
        """Go on with ``session``, whose person signed in again: new secret, tokens, sign-in time and factors.

        None, and nothing is changed, when the session is over by now or its person is blocked. Raises as
        ``Sessions.begin``.
        """
        access = self._context.verifier.access_token(tokens.access_token, from_provider=True)
        require_own(access, id_token.subject, self._context.provider.client_id)
        now = self._clock()
        issued = IssuedSession(session.ref)
        fresh = reauthenticated(self._context, issued, tokens, id_token, access)
        with self._storage.unit_of_work() as unit:
            unit.save_person(person_from(id_token), now)
            # Looked at inside the unit: an end or a block committed before this one is seen.
            stored = unit.session_by_ref(session.ref)
            if stored is None or stored.person.blocked or not unit.step_up_session(fresh, now):
                return None
            sync_rights(unit, access, map_own_names=self._context.map_own_names, now=now)
            unit.record(
                session_audit.stepped_up(id_token.subject, session.ref, address=address, acr=id_token.acr, now=now)
            )
            unit.commit()
        return issued
