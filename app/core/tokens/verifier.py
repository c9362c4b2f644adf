# Over 300 lines: the checks of the three kinds of tokens are read side by side.
"""Verification of access, ID and logout tokens: nothing of a token is trusted or stored before its signature is valid.

Claims are checked first, so that a token that would be refused anyway never causes a fetch of keys, and are used only
after the signature. Sources: RFC 8725, RFC 9068 §4, OIDC Core §3.1.3.7, OpenID Connect Back-Channel Logout 1.0
§2.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Final

from jwt import get_algorithm_by_name

from app.core.clock import Clock, seconds_of, utc_now
from app.core.errors import NonceMismatch, ProviderUnavailable, SignInTooOld, TokenExpired, TokenInvalid
from app.core.failure_reasons import ClaimReason, TokenReason, TokenUse
from app.core.principal import Subject
from app.core.records import MAX_TOKEN_ROLE_CHARACTERS
from app.core.settings import Settings
from app.core.tokens import claims as read
from app.core.tokens.cache import TokenCache
from app.core.tokens.discovery import Discovery
from app.core.tokens.hashes import at_hash, constant_time_equal
from app.core.tokens.jwks import MATERIAL
from app.core.tokens.jws import CompactJws, parse, token_bytes
from app.core.tokens.key_set import KeySet
from app.core.tokens.types import AccessToken, IdToken, LogoutToken

MAX_LEEWAY_SECONDS: Final = 60
_ACCESS_TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_ID_TYPES: Final = frozenset({"", "jwt"})
_LOGOUT_TYPES: Final = frozenset({"", "jwt", "logout+jwt", "application/logout+jwt"})
"""§2.4 requires ``logout+jwt``; some providers send no type, or ``JWT``."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_NOT_ACCESS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "events", "htm", "htu"})
"""Claims of ID tokens, logout tokens (``events``) and DPoP proofs."""


class TokenVerifier:
    """Verifies the tokens of one issuer, in any thread. Caches verified access tokens for a minute at most."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: KeySet,
        algorithms: Sequence[str] = ("RS256",),
        roles_claim: str = "https://gatehouse.example/roles",
        leeway_seconds: int = 30,
        clock: Clock = utc_now,
    ) -> None:
        if not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
            raise ValueError(f"leeway_seconds must be between 0 and {MAX_LEEWAY_SECONDS}")
        if not algorithms or not set(algorithms) <= MATERIAL.keys():
            raise ValueError(f"algorithms must be some of {', '.join(MATERIAL)}")
        if not issuer or not audience:
            raise ValueError("issuer and audience must not be empty")
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._algorithms = {name: get_algorithm_by_name(name) for name in algorithms}
        self._roles_claim = roles_claim
        self._leeway_seconds = leeway_seconds
        self._seconds = seconds_of(clock)
        self._token_cache: TokenCache[AccessToken] = TokenCache()

    def access_token(self, token: str, *, from_provider: bool = False) -> AccessToken:
        """Verify an access token of the API.

        Args:
            token: As received.
            from_provider: Whether it came from the token endpoint over TLS; as in ``KeySet.key``.

        Raises:
            TokenInvalid: if it is not valid; ``TokenExpired`` if it was.
            ProviderUnavailable: if its key cannot be fetched now.
        """
        raw = token_bytes(token)
        digest = sha256(raw).digest()
        now = self._seconds()
        known = self._token_cache.get(digest, self._keys.generation, now)
        if known is not None:
            return known
        with _about(TokenUse.ACCESS):
            jws = parse(raw)
            access, expires = self._access_claims(jws, now, digest)
            generation = self._check_signature(jws, from_provider=from_provider)
        self._token_cache.put(digest, access, generation, added_at=now, expires_at=expires)
        return access

    def id_token(
        self,
        token: str,
        *,
        client_id: str,
        nonce: str | None,
        access_token: str | None = None,
        max_age_seconds: int | None = None,
    ) -> IdToken:
        """Verify an ID token.

        Args:
            token: As received from the token endpoint.
            client_id: The audience.
            nonce: The nonce of the sign-in; None for a refresh, which has none.
            access_token: Compared with ``at_hash`` where the token has one.
            max_age_seconds: How old ``auth_time`` may be; None for any.

        Raises:
            TokenInvalid: if it is not valid.
            NonceMismatch: if it belongs to another sign-in.
            SignInTooOld: if ``auth_time`` is missing or too old.
            ProviderUnavailable: if its key cannot be fetched now.
        """
        with _about(TokenUse.ID):
            jws = parse(token_bytes(token))
            identity = self._identity(jws, client_id, access_token, max_age_seconds)
            self._check_signature(jws, from_provider=True)  # ID tokens come from the token endpoint only
        if nonce is not None and not constant_time_equal(jws.claims.get("nonce"), nonce):
            raise NonceMismatch
        return identity

    def logout_token(self, token: str, *, client_id: str) -> LogoutToken:
        """Verify a back-channel logout token for ``client_id``.

        The caller checks that its ``jti`` was not used before, in the transaction that ends the sessions.

        Raises:
            TokenInvalid: if it is not valid.
            ProviderUnavailable: if its key cannot be fetched now.
        """
        with _about(TokenUse.LOGOUT):
            jws = parse(token_bytes(token))
            logout = self._logout(jws, client_id)
            self._check_signature(jws, from_provider=False)
        return logout

    def check_keys(self) -> None:
        """Check that the provider's keys are cached or can be fetched now.

        Raises:
            ProviderUnavailable: if they are not.
        """
        if self._keys.generation == 0:
            with suppress(TokenInvalid):  # fetched, and has no key of that name
                self._keys.key("readiness", next(iter(self._algorithms)))
            if self._keys.generation == 0:
                raise ProviderUnavailable

    def _identity(
        self, jws: CompactJws, client_id: str, access_token: str | None, max_age_seconds: int | None
    ) -> IdToken:
        """The claims of an ID token; to be used only after the signature is verified."""
        now, claims = self._seconds(), jws.claims
        audiences = self._check_common(jws, _ID_TYPES, client_id)
        if "events" in claims:
            raise TokenInvalid(reason=TokenReason.NOT_ID)
        party = read.identifier(claims, "azp")
        if (party or client_id) != client_id or (len(audiences) > 1 and not party):
            raise TokenInvalid(reason=TokenReason.AUTHORIZED_PARTY)
        if (
            access_token is not None
            and "at_hash" in claims
            and not constant_time_equal(claims["at_hash"], at_hash(access_token))
        ):
            raise TokenInvalid(reason=TokenReason.ACCESS_TOKEN_HASH)
        authenticated = self._check_auth_time(claims, now, max_age_seconds)
        issued, _ = self._check_times(claims, now)
        email = read.clean(claims, "email", read.MAX_EMAIL_CHARACTERS)
        return IdToken(
            subject=Subject(self._issuer, read.identifier(claims, "sub")),
            sid=read.identifier(claims, "sid"),
            authenticated_at=read.instant(authenticated) if authenticated is not None else None,
            acr=read.clean(claims, "acr", read.MAX_ID_CHARACTERS),
            amr=read.methods(claims),
            name=read.clean(claims, "name", read.MAX_NAME_CHARACTERS),
            email=email,
            # The provider verified the address as it has it, not the one that is left after cleaning.
            email_verified=claims.get("email_verified") is True and bool(email) and email == claims.get("email"),
            picture=read.picture(claims),
            # Nothing is decided by these roles: a malformed claim must not prevent the sign-in.
            roles=read.members(claims, self._roles_claim, ClaimReason.ROLES, otherwise=None).members,
            issued_at=read.instant(issued),
            organization=read.identifier(claims, "org_id"),
        )

    def _logout(self, jws: CompactJws, client_id: str) -> LogoutToken:
        """The claims of a logout token; to be used only after the signature is verified."""
        now, claims = self._seconds(), jws.claims
        self._check_common(jws, _LOGOUT_TYPES, client_id, subject_required=False)
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in claims:
            raise TokenInvalid(reason=TokenReason.NOT_LOGOUT)
        sub, sid, jti = (read.identifier(claims, name) for name in ("sub", "sid", "jti"))
        if not (sub or sid) or not jti:
            raise TokenInvalid(reason=TokenReason.LOGOUT_INCOMPLETE)
        issued, expires = self._check_times(claims, now)
        return LogoutToken(
            issuer=self._issuer,
            jti=jti,
            sid=sid,
            subject=Subject(self._issuer, sub) if sub else None,
            issued_at=read.instant(issued),
            expires_at=read.instant(expires + self._leeway_seconds),
        )

    def _access_claims(self, jws: CompactJws, now: float, digest: bytes) -> tuple[AccessToken, float]:
        """The claims of an access token and its expiry; to be used only after the signature is verified."""
        claims = jws.claims
        self._check_common(jws, _ACCESS_TYPES, self._audience)
        if not _NOT_ACCESS.isdisjoint(claims):
            raise TokenInvalid(reason=TokenReason.NOT_ACCESS)
        if "cnf" in claims:
            raise TokenInvalid(reason=TokenReason.SENDER_CONSTRAINED)
        sub = read.identifier(claims, "sub")
        party, client = read.identifier(claims, "azp"), read.identifier(claims, "client_id")
        if party and client and party != client:
            raise TokenInvalid(reason=TokenReason.TWO_CLIENTS)
        client = party or client
        issued, expires = self._check_times(claims, now)
        authenticated = self._check_auth_time(claims, now, None)
        scope = read.words(claims, "scope")
        permissions = read.members(claims, "permissions", ClaimReason.PERMISSIONS, otherwise=TokenReason.PERMISSIONS)
        roles = read.members(
            claims,
            self._roles_claim,
            ClaimReason.ROLES,
            otherwise=TokenReason.ROLES,
            limit=MAX_TOKEN_ROLE_CHARACTERS,
        )
        access = AccessToken(
            digest=digest,
            subject=Subject(self._issuer, sub),
            client_id=client,
            scope=scope.members,
            permissions=permissions.members,
            roles=roles.members,
            issued_at=read.instant(issued),
            expires_at=read.instant(expires),
            machine=read.is_machine(sub, client, claims.get("gty")),
            organization=read.identifier(claims, "org_id"),
            authenticated_at=read.instant(authenticated) if authenticated is not None else None,
            acr=read.clean(claims, "acr", read.MAX_ID_CHARACTERS),
            amr=read.methods(claims),
            unusable=tuple(claim.unusable for claim in (roles, permissions, scope) if claim.unusable is not None),
        )
        return access, expires + self._leeway_seconds

    def _check_common(
        self, jws: CompactJws, types: frozenset[str], audience: str, *, subject_required: bool = True
    ) -> tuple[str, ...]:
        """Check algorithm, type, issuer, audience and subject; return the audiences."""
        if jws.alg not in self._algorithms:
            raise TokenInvalid(reason=TokenReason.ALGORITHM)
        if jws.typ not in types:
            raise TokenInvalid(reason=TokenReason.TYPE)
        if jws.claims.get("iss") != self._issuer:
            raise TokenInvalid(reason=TokenReason.ISSUER)
        audiences = read.audiences(jws.claims)
        if audience not in audiences:
            raise TokenInvalid(reason=TokenReason.AUDIENCE)
        if subject_required and not read.identifier(jws.claims, "sub"):
            raise TokenInvalid(reason=TokenReason.SUBJECT_MISSING)
        return audiences

    def _check_times(self, claims: read.Claims, now: float) -> tuple[float, float]:
        """Check ``iat``, ``exp`` and ``nbf``; return the first two."""
        expires, issued, begins = (read.seconds(claims, name) for name in ("exp", "iat", "nbf"))
        if expires is None or issued is None:
            raise TokenInvalid(reason=TokenReason.TIMES_MISSING)
        latest = now + self._leeway_seconds
        if issued > latest or issued > expires or (begins is not None and begins > latest):
            raise TokenInvalid(reason=TokenReason.NOT_YET_VALID)
        if now >= expires + self._leeway_seconds:
            raise TokenExpired(reason=TokenReason.EXPIRED)
        return issued, expires

    def _check_auth_time(self, claims: read.Claims, now: float, max_age_seconds: int | None) -> float | None:
        at = read.seconds(claims, "auth_time") or None
        if at is not None and at > now + self._leeway_seconds:
            raise TokenInvalid(reason=TokenReason.SIGN_IN_AHEAD)
        if max_age_seconds is not None and at is None:
            raise SignInTooOld(reason=TokenReason.SIGN_IN_TIME_MISSING)
        if max_age_seconds is not None and at is not None and now - at > max_age_seconds + self._leeway_seconds:
            raise SignInTooOld(reason=TokenReason.SIGN_IN_TOO_OLD)
        return at

    def _check_signature(self, jws: CompactJws, *, from_provider: bool) -> int:
        """Verify the signature; return the generation of the keys. Raises ``TokenInvalid``."""
        key, generation = self._keys.versioned_key(jws.kid, jws.alg, from_provider=from_provider)
        try:
            valid = self._algorithms[jws.alg].verify(jws.signing_input, key, jws.signature)
        except Exception:  # noqa: BLE001 - whatever a hostile signature makes the library raise, it is invalid
            valid = False
        if valid is not True:
            raise TokenInvalid(reason=TokenReason.SIGNATURE)
        return generation


@contextmanager
def _about(use: TokenUse) -> Iterator[None]:
    """Put the kind of the token into a refusal."""
    try:
        yield
    except TokenInvalid as error:
        error.use = use
        raise


def build_verifier(settings: Settings, discovery: Discovery | None = None) -> TokenVerifier:
    """Return the verifier for these settings, which fetches nothing yet. Share an existing ``discovery``."""
    source = discovery or Discovery.of(settings)
    return TokenVerifier(
        issuer=settings.issuer,
        audience=settings.audience,
        keys=KeySet(
            source.fetch_jwks,
            algorithms=settings.token_algorithms,
            cooldown_seconds=settings.jwks_cooldown_seconds,
        ),
        algorithms=settings.token_algorithms,
        roles_claim=settings.auth0_roles_claim,
        leeway_seconds=settings.token_leeway_seconds,
    )
