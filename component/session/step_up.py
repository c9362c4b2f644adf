"""Step-up: a live session continues after its user authenticated again, or with a second factor (RFC 9470).

``/auth/login?step_up=1&max_age=…&acr_values=…`` requests it. The reference of the session stays, so its other tabs
continue once they have reconnected; its secret, tokens, sign-in time and factors are new. When the provider did not do
what was requested (``component/session/sign_in_checks.py``), nothing changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.core.assurance import SignInRequirement
from app.core.records import Session
from app.core.tokens.types import IdToken
from component.oidc.provider import TokenSet
from component.session import audit as session_audit
from component.session.context import SessionContext
from component.session.credentials import IssuedSession, person_from, reauthenticated
from component.session.provider_tokens import require_own, sync_rights

_AGE: Final = re.compile(r"[0-9]{1,9}")
_CONTEXT: Final = re.compile(r"[\x21-\x7e]{1,200}")
_SIGN_IN_NOW: Final = SignInRequirement(max_age_seconds=0)


def requested_step_up(query: Mapping[str, str]) -> SignInRequirement | None:
    """The step-up that a sign-in link requests; None for none, a new sign-in when it names no requirement."""
    if query.get("step_up") != "1":
        return None
    age, context = query.get("max_age", ""), query.get("acr_values", "")
    requirement = SignInRequirement(
        max_age_seconds=int(age) if _AGE.fullmatch(age) else None, acr=context if _CONTEXT.fullmatch(context) else ""
    )
    return _SIGN_IN_NOW if requirement == SignInRequirement() else requirement


class StepUpSignIn:
    """Completes step-ups. Safe from any thread, and from any process with the same keyring."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._storage = context.storage
        self._clock = context.clock

    def complete(self, session: Session, tokens: TokenSet, id_token: IdToken, *, address: str) -> IssuedSession | None:
        """Continue ``session`` after a sign-in of its user, with a new secret, tokens, sign-in time and factors.

        Returns:
            The session with its new secret; None, with nothing changed, when it has ended meanwhile or its user is
            blocked.

        Raises:
            TokenInvalid: The access token is invalid, or another subject's.
            ProviderUnavailable: The provider's keys cannot be fetched.
        """
        access = self._context.verifier.access_token(tokens.access_token, from_provider=True)
        require_own(access, id_token.subject, self._context.provider.client_id)
        now = self._clock()
        issued = IssuedSession(session.ref)
        fresh = reauthenticated(self._context, issued, tokens, id_token, access)
        with self._storage.unit_of_work() as unit:
            unit.save_person(person_from(id_token), now)
            # Read inside the unit: an end or a block committed before this one is seen.
            stored = unit.session_by_ref(session.ref)
            if stored is None or stored.person.blocked or not unit.step_up_session(fresh, now):
                return None
            sync_rights(unit, access, implicit_role_mapping=self._context.implicit_role_mapping, now=now)
            unit.record(
                session_audit.stepped_up(id_token.subject, session.ref, address=address, acr=id_token.acr, now=now)
            )
            unit.commit()
        return issued
