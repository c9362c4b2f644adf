"""An OpenID provider for tests: real keys, any token, discovery and JWKS over real loopback HTTP.

It signs any claims, well-formed or not, counts the requests, and fails in a chosen way. Use it
as a context manager to serve; without that, ``jwks`` can be handed to a ``KeySet`` as its ``fetch``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import get_algorithm_by_name

from app.core.tokens.discovery import Discovery
from app.core.tokens.key_set import KeySet
from app.core.tokens.verifier import TokenVerifier
from tests.issuer_server import Fault, IssuerServer, issuer_handler

AUDIENCE = "https://api.gatehouse.test/"
CLIENT_ID = "client-one"
ROLES_CLAIM = "https://gatehouse.example/roles"
ABSENT = object()
"""As a claim or header member: omit it."""


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@cache
def _private(alg: str, number: int, bits: int) -> Any:
    """Make a key once in a test run, as it takes long."""
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True, eq=False)
class SigningKey:
    """One key pair; ``number`` tells keys of the same algorithm apart."""

    kid: str | None
    alg: str = "RS256"
    number: int = 0
    bits: int = 2048

    @property
    def private(self) -> Any:
        """The private key, of ``cryptography``."""
        return _private("RSA" if self.alg != "ES256" else self.alg, self.number, self.bits)

    def sign(self, data: bytes) -> bytes:
        """The JWS signature of ``data``."""
        return get_algorithm_by_name(self.alg).sign(data, self.private)

    def jwk(self, **members: Any) -> dict[str, Any]:
        """The public key as published; ``members`` are added, replaced, or omitted (``ABSENT``)."""
        jwk: dict[str, Any] = {
            **get_algorithm_by_name(self.alg).to_jwk(self.private.public_key(), as_dict=True),
            "kid": self.kid if self.kid is not None else ABSENT,
            "alg": self.alg,
            "use": "sig",
        }
        jwk.pop("key_ops", None)
        return _present(jwk | members)


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ABSENT}


@dataclass
class Issuer:
    """The provider. Its fields can be changed at any time, with effect on the next response."""

    audience: str = AUDIENCE
    client_id: str = CLIENT_ID
    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey("key-0")])
    """The first one signs by default."""
    published: list[Any] | None = None
    """The published keys, if not ``keys``."""
    discovery_fault: Fault | None = None
    jwks_fault: Fault | None = None
    slow_seconds: float = 5.0
    metadata_extra: dict[str, Any] = field(default_factory=dict)
    """Members that are added to discovery, replaced, or omitted (``ABSENT``)."""
    url: str = "https://issuer.test/"
    """The issuer; its loopback address, slash included, once it serves."""
    clock: Callable[[], float] = time.time
    discovery_fetches: int = 0
    jwks_fetches: int = 0
    other_requests: list[str] = field(default_factory=list)
    """Paths of all other requests: redirect targets, ``jku`` and the like."""
    _server: IssuerServer | None = None
    _closing: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # Serving

    def __enter__(self) -> Self:
        """Serve on a free loopback port."""
        self._make_keys()
        self._server = server = IssuerServer(("127.0.0.1", 0), issuer_handler(self))
        self.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _make_keys(self) -> None:
        """Make the keys now: in the middle of a response it would look like a slow provider."""
        for key in self.keys:
            key.private  # noqa: B018 - reading it is what makes it

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        wrong = self.discovery_fault is Fault.WRONG_ISSUER
        return _present(
            {
                "issuer": "https://another-issuer.test/" if wrong else self.url,
                "authorization_endpoint": f"{self.url}authorize",
                "token_endpoint": f"{self.url}oauth/token",
                "jwks_uri": f"{self.url}.well-known/jwks.json",
                "end_session_endpoint": f"{self.url}oidc/logout",
                "revocation_endpoint": f"{self.url}oauth/revoke",
                "userinfo_endpoint": f"{self.url}userinfo",
                "authorization_response_iss_parameter_supported": True,
            }
            | self.metadata_extra
        )

    def jwks(self) -> dict[str, Any]:
        """The key set; counts as a fetch."""
        with self._lock:
            self.jwks_fetches += 1
        return {"keys": [key.jwk() for key in self.keys] if self.published is None else self.published}

    def discovery(self, **options: Any) -> Discovery:
        """A ``Discovery`` of this issuer, with short timeouts by default."""
        return Discovery(self.url, **{"timeout_seconds": 1.0, **options})

    def key_set(self, **options: Any) -> KeySet:
        """A ``KeySet`` that fetches in-process."""
        return KeySet(self.jwks, **options)

    def key_set_over_http(self, **options: Any) -> KeySet:
        """A ``KeySet`` that fetches by way of discovery, as the product's own."""
        return KeySet(self.discovery().fetch_jwks, **options)

    def verifier(self, keys: KeySet | None = None, **options: Any) -> TokenVerifier:
        """A verifier for this issuer and its audience."""
        settings: dict[str, Any] = {"issuer": self.url, "audience": self.audience, "roles_claim": ROLES_CLAIM}
        return TokenVerifier(**{**settings, "keys": keys or self.key_set(), **options})

    # Rotation

    def rotate(self, *, keep_old: bool = True) -> SigningKey:
        """Sign with a new key; the old ones stay published or are withdrawn."""
        number = max(key.number for key in self.keys) + 1
        new = SigningKey(f"key-{number}", self.keys[0].alg, number)
        self.keys = [new, *self.keys] if keep_old else [new]
        self._make_keys()
        return new

    # Tokens

    def claims(self, **claims: Any) -> dict[str, Any]:
        """The claims of every token of this issuer; ``claims`` are added, replaced, or omitted (``ABSENT``).

        ``roles`` stands for the namespaced ``ROLES_CLAIM``.
        """
        now = int(self.clock())
        common = {"iss": self.url, "sub": "auth0|ann", "iat": now, "exp": now + 600}
        if "roles" in claims:
            claims[ROLES_CLAIM] = claims.pop("roles")
        return _present(common | claims)

    def access_token(
        self, *, header: Mapping[str, Any] | None = None, key: SigningKey | None = None, **claims: Any
    ) -> str:
        """An access token as Auth0's with permissions in it."""
        common = {
            "aud": [self.audience, f"{self.url}userinfo"],
            "azp": self.client_id,
            "scope": "openid profile read:messages",
            "permissions": ["read:messages"],
        }
        return self.sign(self.claims(**(common | claims)), header=header, key=key)

    def machine_token(self, **claims: Any) -> str:
        """A client-credentials token as Auth0's."""
        machine = {"sub": "robot@clients", "azp": "robot", "gty": "client-credentials", "aud": self.audience}
        return self.access_token(**(machine | claims))

    def id_token(
        self,
        *,
        nonce: str | None = None,
        access_token: str | None = None,
        header: Mapping[str, Any] | None = None,
        key: SigningKey | None = None,
        **claims: Any,
    ) -> str:
        """An ID token for ``client_id``; with ``at_hash`` when an access token is given."""
        common: dict[str, Any] = {
            "aud": self.client_id,
            "sid": "session-1",
            "name": "Ann Example",
            "email": "ann@example.com",
            "email_verified": True,
            "picture": "https://pictures.example.com/ann.png",
            "auth_time": int(self.clock()),
            "nonce": nonce if nonce is not None else ABSENT,
            "at_hash": at_hash(access_token) if access_token is not None else ABSENT,
        }
        return self.sign(self.claims(**(common | claims)), header=header, key=key)

    def logout_token(self, **claims: Any) -> str:
        """A back-channel logout token (OIDC Back-Channel Logout 1.0 §2.4)."""
        event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        common = {"aud": self.client_id, "sid": "session-1", "events": event, "jti": b64(hashlib.sha256().digest())}
        return self.sign(self.claims(**(common | claims)), header={"typ": "logout+jwt"})

    def sign(
        self,
        payload: Mapping[str, Any] | bytes,
        *,
        header: Mapping[str, Any] | bytes | None = None,
        key: SigningKey | None = None,
    ) -> str:
        """Sign anything: bytes are taken as they are; header members are added to the usual ones or ``ABSENT``."""
        signer = key or self.keys[0]
        if not isinstance(header, bytes):
            usual = {"alg": signer.alg, "typ": "JWT", "kid": signer.kid if signer.kid is not None else ABSENT}
            header = json.dumps(_present(usual | dict(header or {}))).encode()
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        signing_input = f"{b64(header)}.{b64(payload)}"
        return f"{signing_input}.{b64(signer.sign(signing_input.encode()))}"


def at_hash(access_token: str) -> str:
    """OIDC Core §3.1.3.6."""
    return b64(hashlib.sha256(access_token.encode()).digest()[:16])


__all__ = ["ABSENT", "AUDIENCE", "CLIENT_ID", "ROLES_CLAIM", "Fault", "Issuer", "SigningKey", "at_hash", "b64"]
