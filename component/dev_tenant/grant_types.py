"""The three grant types and revocation: Authlib's own, made strict where Authlib leaves room.

PKCE with S256 is always required (Authlib's ``CodeChallenge`` admits ``plain`` and lets confidential clients skip
it); codes and refresh tokens are redeemed by ``issued_grants``; narrowing and shapes are Auth0's. Sources: RFC 6749,
RFC 7636, RFC 7009, RFC 9700 §2.1.1.
"""

from __future__ import annotations

import secrets
from typing import Any

from component.dev_tenant.issued_grants import Code, Finding, Grant, RefreshToken
from component.dev_tenant.oauth import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    CodeChallenge,
    RefreshTokenGrant,
    Refusal,
    RevocationEndpoint,
)
from component.dev_tenant.people import MACHINE_PERMISSIONS, TenantUser
from component.dev_tenant.server import Client, TenantRequest, TenantServer
from component.dev_tenant.tenant import Tenant

_METHODS = ["client_secret_basic", "client_secret_post"]
_S256_LENGTH = 43


class S256Only(CodeChallenge):  # type: ignore[misc] # Authlib ships no types
    """PKCE as RFC 9700 wants it: S256, by every client, at every sign-in."""

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        """Check that there is a challenge of the right length with its method.

        Raises:
            Refusal: There is none.
        """
        data = grant.request.payload.data
        if data.get("code_challenge_method") != "S256" or len(data.get("code_challenge", "")) != _S256_LENGTH:
            raise Refusal("invalid_request", "PKCE is required: send a code_challenge with the method S256")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: CodeGrant, result: object) -> None:
        """Check the verifier; Auth0 answers 403.

        Raises:
            Refusal: It is missing or does not match.
        """
        del result
        verifier = grant.request.form.get("code_verifier", "")
        method = self.CODE_CHALLENGE_METHODS["S256"]
        if not verifier.isascii() or not method(verifier, grant.request.authorization_code.code_challenge):
            raise Refusal("invalid_grant", "Failed to verify code verifier")


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc] # Authlib ships no types
    """Sign-in by code. The code is used up by the first attempt of its client."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def generate_authorization_code(self) -> str:
        """256 bits."""
        return secrets.token_urlsafe(32)

    def save_authorization_code(self, code: str, request: TenantRequest) -> None:
        """Store the code with its grant.

        Raises:
            Refusal: There is no session.
        """
        data, session, person = request.payload.data, request.session, request.user
        if session is None or not isinstance(person, TenantUser):
            raise Refusal("server_error", "No session")
        tenant = _tenant(self)
        grant = Grant(
            id=secrets.token_urlsafe(16),
            client_id=request.client.client_id,
            person=person.key,
            scope=request.scope or "",
            audience=data["audience"] if data.get("audience") == tenant.config.audience else "",
            nonce=data.get("nonce", ""),
            auth_at=session.auth_at,
            sid=session.sid,
            mfa=session.mfa,
            organization=data.get("organization", ""),
        )
        tenant.issued_grants.new_code(
            code, grant, redirect_uri=request.payload.redirect_uri, challenge=data["code_challenge"]
        )

    def query_authorization_code(self, code: str, client: Client) -> Code:
        """Redeem the code.

        Raises:
            Refusal: The code is invalid; the same for every cause.
        """
        code_record = _tenant(self).issued_grants.redeem(code, client.client_id)
        if isinstance(code_record, Finding):
            raise Refusal("invalid_grant", "Invalid authorization code")
        return code_record

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Keep the redeemed code, to recognize a second use."""

    def authenticate_user(self, authorization_code: Code) -> TenantUser | None:
        """The person, unless gone or blocked since."""
        return _tenant(self).active_person(authorization_code.grant.person)

    def generate_token(self, user: TenantUser, **unused: Any) -> dict[str, Any]:
        """The whole answer, in Auth0's shape."""
        del unused
        return answer(_tenant(self), self.request.authorization_code.grant, user)


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc] # Authlib ships no types
    """Refresh with rotation; rights are read again each time."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken:
        """The refresh token; a reused one ends its family.

        Raises:
            Refusal: The token is invalid; the same for every cause.
        """
        token = _tenant(self).issued_grants.refresh_token(refresh_token)
        if isinstance(token, Finding) or _tenant(self).active_person(token.grant.person) is None:
            raise Refusal("invalid_grant", "Unknown or invalid refresh token.")
        return token

    def authenticate_user(self, refresh_token: RefreshToken) -> TenantUser | None:
        """The person, unless gone or blocked since."""
        return _tenant(self).active_person(refresh_token.grant.person)

    def issue_token(self, user: TenantUser, refresh_token: RefreshToken) -> dict[str, Any]:
        """The whole answer; ``scope`` may narrow it."""
        return answer(_tenant(self), refresh_token.grant, user, after=refresh_token, scope=self.request.payload.scope)

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        """It was replaced when the new one was made."""


class MachineGrant(ClientCredentialsGrant):  # type: ignore[misc] # Authlib ships no types
    """A machine's own token: the audience is required, as Auth0 has it."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def generate_token(self, scope: str | None = None, **unused: Any) -> dict[str, Any]:
        """The token response; without ``scope`` it has every permission of the machine.

        Raises:
            Refusal: The audience is missing or another.
        """
        del unused
        tenant = _tenant(self)
        if self.request.form.get("audience") != tenant.config.audience:
            raise Refusal("access_denied", "Service not enabled within domain, or no audience was sent")
        granted = MACHINE_PERMISSIONS & frozenset((scope or "").split()) if scope else MACHINE_PERMISSIONS
        return {
            "access_token": tenant.tokens.machine_token(self.request.client.client_id, granted),
            "scope": " ".join(sorted(granted)),
            "expires_in": tenant.config.access_token_seconds,
            "token_type": "Bearer",
        }


class Revocation(RevocationEndpoint):  # type: ignore[misc] # Authlib ships no types
    """Revoking a refresh token ends its whole family; unknown tokens are answered the same way (RFC 7009 §2.2)."""

    CLIENT_AUTH_METHODS = _METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Revocable | None:
        """What the token belongs to, if anything."""
        del token_type_hint
        issued_grants = self.server.tenant.issued_grants
        refresh = issued_grants.refresh_token(token_string)
        if isinstance(refresh, RefreshToken):
            return _Revocable(refresh.grant, token_string, whole=True)
        access = issued_grants.access_token(token_string)
        return _Revocable(access[0], token_string, whole=False) if access else None

    def revoke_token(self, token: _Revocable, request: TenantRequest) -> None:
        """Revoke it."""
        del request
        if token.whole:
            self.server.tenant.issued_grants.revoke(token.grant.id)
        else:
            self.server.tenant.issued_grants.drop_access_token(token.token)


class _Revocable:
    """What a token that is to be revoked belongs to."""

    def __init__(self, grant: Grant, token: str, *, whole: bool) -> None:
        self.grant = grant
        self.token = token
        self.whole = whole

    def check_client(self, client: Client) -> bool:
        """Whether it was issued to this client."""
        return client.client_id == self.grant.client_id


def answer(
    tenant: Tenant, grant: Grant, person: TenantUser, *, after: RefreshToken | None = None, scope: str | None = None
) -> dict[str, Any]:
    """A token answer for a person, rights read now. ``scope`` (a subset, checked by Authlib) narrows it."""
    granted = tenant.tokens.granted_scope(scope or grant.scope, person, audience=grant.audience)
    access_token = tenant.tokens.access_token(grant, person, granted)
    words = " ".join(sorted(granted))
    tenant.issued_grants.record_access_token(access_token, grant, scope=words)
    response: dict[str, Any] = {
        "access_token": access_token,
        "scope": words,
        "expires_in": tenant.config.access_token_seconds,
        "token_type": "Bearer",
    }
    if "offline_access" in grant.scope.split():
        response["refresh_token"] = tenant.issued_grants.new_refresh_token(grant, after=after)
    if "openid" in granted:
        response["id_token"] = tenant.tokens.id_token(
            grant, person, granted, access_token=access_token, first=after is None
        )
    return response


def make_server(tenant: Tenant) -> TenantServer:
    """Authlib's server with everything registered."""
    server = TenantServer(tenant)
    server.register_grant(CodeGrant, [S256Only(required=True)])
    server.register_grant(RefreshGrant)
    server.register_grant(MachineGrant)
    server.register_endpoint(Revocation)
    return server


def _tenant(grant: CodeGrant | RefreshGrant | MachineGrant) -> Tenant:
    tenant: Tenant = grant.server.tenant
    return tenant
