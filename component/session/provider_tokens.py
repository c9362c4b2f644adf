"""The provider's tokens of a session: sealed for storage, and their rights synchronized into grants."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from app.core.errors import TokenInvalid
from app.core.failure_reasons import ClaimReason, TokenReason
from app.core.keyring import Keyring
from app.core.ports import UnitOfWork
from app.core.principal import Subject
from app.core.records import MAX_TOKEN_ROLES, TokenRights
from app.core.tokens.claims import UnusableClaims
from app.core.tokens.types import AccessToken
from component.session import audit as session_audit

_PURPOSE = "session tokens"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderTokens:
    """The stored part of the provider's token response. The ID token is not stored: only its claims are needed."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """Empty when the provider returned none."""
    logout_hint: str = field(repr=False)
    """The provider's session id (``sid``), sent as ``logout_hint`` at a logout; empty when it returned none."""

    def seal(self, keyring: Keyring, ref: str) -> bytes:
        """Encrypted for the session with this reference, and for no other."""
        plain = json.dumps([self.access_token, self.refresh_token, self.logout_hint]).encode()
        return keyring.seal(_PURPOSE, plain, ref)

    @classmethod
    def unseal(cls, keyring: Keyring, sealed: bytes, ref: str) -> ProviderTokens:
        """Undo ``seal``.

        Raises:
            SealBroken: The tokens were sealed with another installation secret, or for another session.
        """
        access_token, refresh_token, logout_hint = json.loads(keyring.open(_PURPOSE, sealed, ref))
        return cls(access_token, refresh_token, logout_hint)


def require_own(access: AccessToken, subject: Subject, client_id: str) -> None:
    """Check that a verified access token is this subject's, and was issued to our client.

    Raises:
        TokenInvalid: It is not.
    """
    if access.subject != subject or access.machine:
        raise TokenInvalid(reason=TokenReason.OTHER_SUBJECT)
    if access.client_id not in {"", client_id}:
        raise TokenInvalid(reason=TokenReason.OTHER_CLIENT)


def sync_rights(
    unit: UnitOfWork, access: AccessToken, *, implicit_role_mapping: bool, now: datetime, signed_in: bool = True
) -> None:
    """Set the grants of source ``token`` to the rights of the *access* token, and audit a change.

    Unusable claims are audited at each sign-in, and at a refresh when the grants changed. The roles of the ID
    token never count: a refresh may return none, and a role that is only there would stay permanently.

    Args:
        unit: The unit of work of the sign-in or refresh.
        access: The verified access token.
        implicit_role_mapping: As in ``SessionContext``.
        now: The present moment.
        signed_in: Whether this is a sign-in, not a refresh.
    """
    rights = TokenRights(issued_at=access.issued_at, roles=access.roles, permissions=access.permissions)
    change = unit.sync_token_rights(access.subject, rights, implicit_role_mapping=implicit_role_mapping, now=now)
    if change:
        unit.record(session_audit.rights_synced(access.subject, change, now=now))
    unusable = [*access.unusable, *_surplus(access)]
    if unusable and (signed_in or change):
        _log.warning("part of a token's rights was not usable", reasons=[each.reason.value for each in unusable])
        unit.record(session_audit.claims_dropped(access.subject, unusable, now=now))


def _surplus(access: AccessToken) -> list[UnusableClaims]:
    """The roles beyond the number that is stored; all of them were mapped."""
    surplus = len(access.roles) - MAX_TOKEN_ROLES
    return [UnusableClaims(ClaimReason.TOO_MANY_ROLES, surplus, f"beyond {MAX_TOKEN_ROLES}")] if surplus > 0 else []
