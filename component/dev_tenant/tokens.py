"""The tokens themselves, in Auth0's shapes: access tokens (two dialects), ID tokens, logout tokens."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from component.dev_tenant.config import TenantConfig
from component.dev_tenant.issued_grants import Grant
from component.dev_tenant.keys import SigningKeys
from component.dev_tenant.people import MACHINE_PERMISSIONS, OIDC_SCOPES, ROLES_CLAIM, TenantUser

MFA_ACR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LOGOUT_TOKEN_SECONDS = 120


class TokenMaker:
    """Makes and signs; remembers nothing."""

    def __init__(self, config: TenantConfig, keys: SigningKeys) -> None:
        self._config = config
        self._keys = keys

    def granted_scope(self, requested: str, person: TenantUser, *, audience: str) -> frozenset[str]:
        """Auth0's RBAC: requested ∩ (OpenID scopes + everything assigned); without our API only OpenID scopes."""
        return frozenset(requested.split()) & (OIDC_SCOPES | (person.permissions if audience else frozenset()))

    def access_token(self, grant: Grant, person: TenantUser, scope: frozenset[str]) -> str:
        """A JWT for our API, or an opaque token when no audience was asked for."""
        if not grant.audience:
            return secrets.token_urlsafe(32)
        claims: dict[str, Any] = {
            ROLES_CLAIM: sorted(person.roles),
            "sub": person.subject,
            "aud": [grant.audience, f"{self._config.issuer}userinfo"],
            "permissions": sorted(person.permissions),
        }
        if grant.organization:
            claims["org_id"] = grant.organization
        return self._sign_access_token(claims, grant.client_id, scope)

    def machine_token(self, client_id: str, scope: frozenset[str]) -> str:
        """A JWT for our API that stands for a machine, not a person."""
        claims = {
            "sub": f"{client_id}@clients",
            "aud": self._config.audience,
            "gty": "client-credentials",
            "permissions": sorted(MACHINE_PERMISSIONS),
        }
        return self._sign_access_token(claims, client_id, scope)

    def _sign_access_token(self, claims: dict[str, Any], client_id: str, scope: frozenset[str]) -> str:
        now = int(self._config.clock())
        rfc9068 = self._config.dialect == "rfc9068_profile_authz"
        times = {"iat": now, "exp": now + self._config.access_token_seconds}
        words = {"scope": " ".join(sorted(scope))} if scope else {}
        party = {"client_id": client_id, "jti": secrets.token_urlsafe(16)} if rfc9068 else {"azp": client_id}
        full = {"iss": self._config.issuer, **claims, **times, **words, **party}
        return self._keys.sign(full, typ="at+jwt" if rfc9068 else "JWT")

    def id_token(
        self, grant: Grant, person: TenantUser, scope: frozenset[str], *, access_token: str, first: bool
    ) -> str:
        """The ID token; ``first`` is false at a refresh, where no nonce is repeated (OpenID Connect Core §12.2)."""
        now = int(self._config.clock())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = person.claims(scope) | {
            "iss": self._config.issuer,
            "aud": grant.client_id,
            "iat": now,
            "exp": now + self._config.id_token_seconds,
            "auth_time": grant.auth_at,
            "sid": grant.sid,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        if grant.nonce and first:
            claims["nonce"] = grant.nonce
        if grant.mfa:
            claims |= {"acr": MFA_ACR, "amr": ["mfa"]}
        if grant.organization:
            claims["org_id"] = grant.organization
        return self._keys.sign(claims)

    def logout_token(self, client_id: str, *, subject: str, sid: str) -> str:
        """What tells the app that a tenant session has ended (OpenID Connect Back-Channel Logout §2.4)."""
        now = int(self._config.clock())
        claims = {
            "iss": self._config.issuer,
            "aud": client_id,
            "iat": now,
            "exp": now + _LOGOUT_TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(16),
            "sub": subject,
            "sid": sid,
            "events": {LOGOUT_EVENT: {}},
        }
        return self._keys.sign(claims, typ="logout+jwt")
