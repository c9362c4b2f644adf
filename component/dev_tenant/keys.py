"""The tenant's signing keys: RS256, made per installation, kept in ``keys.json``, newest first."""

from __future__ import annotations

import secrets
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from component.dev_tenant.config import TenantConfig
from component.dev_tenant.credentials import damaged, read_private, write_private

ALGORITHM = "RS256"
_MINIMUM_BITS = 2048


class SigningKeys:
    """Signs with the newest key; publishes and accepts all it holds. The constructor raises ``TenantError``."""

    def __init__(self, config: TenantConfig) -> None:
        self._path = config.state_dir / "keys.json"
        kept = read_private(self._path)
        if kept is None:
            self._keys = [_new_key()]
            self._save()
            return
        try:
            self._keys = [RSAKey.import_key(key) for key in kept["keys"]]
            usable = all(k.is_private and k.kid and k.raw_value.key_size >= _MINIMUM_BITS for k in self._keys)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise damaged(self._path) from error
        if not self._keys or not usable:
            raise damaged(self._path)

    @property
    def kid(self) -> str:
        """The id of the key that signs now."""
        return str(self._keys[0].kid)

    def rotate(self, *, keep_old: bool = True) -> str:
        """Sign with a new key from now on; the old ones stay published unless ``keep_old`` is false. → new kid."""
        self._keys = [_new_key(), *(self._keys if keep_old else ())]
        self._save()
        return self.kid

    def public(self) -> dict[str, Any]:
        """The key set as published (RFC 7517 §5); no private part in it."""
        return {"keys": [dict(key.as_dict(private=False)) for key in self._keys]}

    def sign(self, claims: dict[str, Any], *, typ: str = "JWT") -> str:
        """A compact JWT of ``claims``, signed with the newest key."""
        header = {"alg": ALGORITHM, "typ": typ, "kid": self.kid}
        return jwt.encode(header, claims, self._keys[0], algorithms=[ALGORITHM])

    def verify(self, token: str) -> dict[str, Any] | None:
        """Only the signature, neither expiry nor the header's ``typ``. → claims; None when it does not hold."""
        try:
            keys = KeySet(list(self._keys))
            return dict(jwt.decode(token, keys, algorithms=[ALGORITHM]).claims)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _save(self) -> None:
        write_private(self._path, {"keys": [dict(key.as_dict(private=True)) for key in self._keys]})


def _new_key() -> RSAKey:
    return RSAKey.generate_key(_MINIMUM_BITS, {"kid": secrets.token_urlsafe(16), "use": "sig", "alg": ALGORITHM})
