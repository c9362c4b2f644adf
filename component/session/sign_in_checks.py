"""What the ID token of every sign-in must satisfy: its nonce, its age, a second factor, the organization.

A sign-in that fails a check issues, continues and resumes no session.
"""

from __future__ import annotations

from app.core.assurance import SignInRequirement, has_context
from app.core.errors import FactorMissing, OrganizationMismatch
from app.core.tokens.types import IdToken
from component.oidc.login_transactions import LoginTransaction
from component.oidc.provider import TokenSet
from component.session.context import SessionContext


class SignInChecks:
    """Checks ID tokens against the sign-ins that requested them. Safe from any thread."""

    def __init__(self, context: SessionContext) -> None:
        self._verifier = context.verifier
        self._client_id = context.provider.client_id
        self._clock = context.clock

    def verify_id_token(self, tokens: TokenSet, transaction: LoginTransaction) -> IdToken:
        """The verified ID token of any sign-in, as recent and as strong as the sign-in requested.

        The age counts from the start of the sign-in, when the request went to the provider.

        Raises:
            TokenInvalid: The token is invalid; ``SignInTooOld`` when the sign-in is not recent enough.
            NonceMismatch: The token belongs to another sign-in.
            ProviderUnavailable: The provider's keys cannot be fetched.
            FactorMissing: The requested second factor is missing.
            OrganizationMismatch: The token is for another organization than the requested one.
        """
        requirement = transaction.step_up or SignInRequirement()
        max_age_seconds = requirement.max_age_seconds
        if max_age_seconds is not None:
            max_age_seconds += int((self._clock() - transaction.started_at).total_seconds()) + 1
        id_token = self._verifier.id_token(
            tokens.id_token,
            client_id=self._client_id,
            nonce=transaction.nonce,
            access_token=tokens.access_token,
            max_age_seconds=max_age_seconds,
        )
        if requirement.acr and not has_context(requirement.acr, achieved=id_token.acr, methods=id_token.amr):
            raise FactorMissing
        if transaction.organization and id_token.organization != transaction.organization:
            raise OrganizationMismatch
        return id_token
