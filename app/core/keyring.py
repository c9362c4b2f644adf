"""Keys derived from the installation's secret, one for each purpose: sealing (AES-256-GCM) and MACs (HMAC-SHA-256).

The first secret makes new seals and MACs; every listed one opens old ones, so a secret is rotated by putting the new
one in front (``new,old``). Derivation is HKDF-SHA-256 (RFC 5869) with the purpose as ``info``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from collections.abc import Sequence
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_OVERHEAD_BYTES: Final = _KEY_ID_BYTES + _NONCE_BYTES + 16


class SealBroken(Exception):
    """What was to be opened was not sealed by this installation, for this purpose and context, or was altered."""


class Keyring:
    """All the keys of an installation. Safe from any thread."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """``secrets``: newest first, at least one."""
        if not secrets:
            msg = "a keyring needs at least one secret"
            raise ValueError(msg)
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._key = cache(self._derive)
        self._cipher = cache(self._make_cipher)

    def __repr__(self) -> str:
        return f"Keyring({len(self._secrets)} secrets)"

    def seal(self, purpose: str, plain: bytes, context: str) -> bytes:
        """Encrypt and authenticate; only ``open`` with the same purpose and context gives ``plain`` back.

        Shape: key id (4 bytes) + nonce (12 bytes) + AES-GCM output; key id, purpose and context are authenticated.
        """
        key_id, cipher = self._cipher(purpose, 0)
        nonce = random.token_bytes(_NONCE_BYTES)
        return key_id + nonce + cipher.encrypt(nonce, plain, key_id + context.encode())

    def open(self, purpose: str, sealed: bytes, context: str) -> bytes:
        """Undo ``seal``, with any of the secrets; raises ``SealBroken``."""
        if len(sealed) < _OVERHEAD_BYTES:
            raise SealBroken
        wanted, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        for index in range(len(self._secrets)):
            key_id, cipher = self._cipher(purpose, index)
            if key_id == wanted:
                try:
                    return cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], key_id + context.encode())
                except InvalidTag:
                    raise SealBroken from None
        raise SealBroken

    def mac(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA-256 (32 bytes) under the newest secret."""
        return hmac.digest(self._key(purpose, 0), data, hashlib.sha256)

    def mac_matches(self, purpose: str, data: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is the HMAC of ``data`` under any of the secrets; compared in constant time."""
        return any(
            hmac.compare_digest(hmac.digest(self._key(purpose, index), data, hashlib.sha256), mac)
            for index in range(len(self._secrets))
        )

    def _derive(self, purpose: str, index: int) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"gatehouse {purpose}".encode()).derive(self._secrets[index])

    def _make_cipher(self, purpose: str, index: int) -> tuple[bytes, AESGCM]:
        key = self._key(purpose, index)
        return hashlib.sha256(b"key id" + key).digest()[:_KEY_ID_BYTES], AESGCM(key)
