"""Keys derived from the installation's secret, one for each purpose: sealing (AES-256-GCM) and MACs (HMAC-SHA-256).

Every listed secret opens and verifies; one of them, the *write key*, makes new seals and MACs. It is the first until
``write_with`` names another: while a secret is rotated, every running process has it
(``app.core.secret_keys``). Derivation is HKDF-SHA-256 (RFC 5869) with the purpose as ``info``.
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
_PUBLIC_ID_CHARACTERS: Final = 16
_PUBLIC_ID: Final = "key id"
_NONCE_BYTES: Final = 12
_OVERHEAD_BYTES: Final = _KEY_ID_BYTES + _NONCE_BYTES + 16


class SealBroken(Exception):
    """The data was not sealed by this installation for this purpose and context, or was altered."""


class Keyring:
    """All keys of an installation. Safe to use from any thread."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """``secrets``: newest first, at least one."""
        if not secrets:
            msg = "a keyring needs at least one secret"
            raise ValueError(msg)
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._writing = 0
        self._key = cache(self._derive)
        self._cipher = cache(self._make_cipher)
        self._key_ids = tuple(
            self._key(_PUBLIC_ID, index).hex()[:_PUBLIC_ID_CHARACTERS] for index in range(len(self._secrets))
        )

    def __repr__(self) -> str:
        return f"Keyring({len(self._secrets)} secrets)"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The public id of each secret, in their order: 16 hexadecimal digits that reveal nothing of the secret."""
        return self._key_ids

    @property
    def write_key(self) -> str:
        """The id of the key that new seals and MACs are made with."""
        return self._key_ids[self._writing]

    def has_key(self, key_id: str) -> bool:
        """Whether one of the secrets has this id."""
        return key_id in self._key_ids

    def write_with(self, key_id: str) -> None:
        """Use this key for new seals and MACs from now on.

        Raises:
            ValueError: if the keyring does not have it.
        """
        self._writing = self._key_ids.index(key_id)

    def seal(self, purpose: str, plain: bytes, context: str) -> bytes:
        """Encrypt and authenticate; only ``open`` with the same purpose and context returns ``plain``.

        Shape: key id (4 bytes) + nonce (12 bytes) + AES-GCM output; key id, purpose and context are authenticated.
        """
        key_id, cipher = self._cipher(purpose, self._writing)
        nonce = random.token_bytes(_NONCE_BYTES)
        return key_id + nonce + cipher.encrypt(nonce, plain, key_id + context.encode())

    def open(self, purpose: str, sealed: bytes, context: str) -> bytes:
        """Decrypt what ``seal`` returned, with any of the secrets.

        Raises:
            SealBroken: if it was not sealed here for this purpose and context, or was altered.
        """
        if len(sealed) < _OVERHEAD_BYTES:
            raise SealBroken
        expected, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        for index in range(len(self._secrets)):
            key_id, cipher = self._cipher(purpose, index)
            if key_id == expected:
                try:
                    return cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], key_id + context.encode())
                except InvalidTag:
                    raise SealBroken from None
        raise SealBroken

    def mac(self, purpose: str, data: bytes, *, key_id: str = "") -> bytes:
        """Return the HMAC-SHA-256 (32 bytes) under the write key, or the key ``key_id``.

        Raises:
            ValueError: if the keyring does not have that key.
        """
        index = self._key_ids.index(key_id) if key_id else self._writing
        return hmac.digest(self._key(purpose, index), data, hashlib.sha256)

    def mac_matches(self, purpose: str, data: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is the HMAC of ``data`` under any of the secrets; compared in constant time."""
        return self.key_of_mac(purpose, data, mac) is not None

    def key_of_mac(self, purpose: str, data: bytes, mac: bytes) -> str | None:
        """Return the id of the key under which ``mac`` is the HMAC of ``data``; None if there is none."""
        for index, key_id in enumerate(self._key_ids):
            if hmac.compare_digest(hmac.digest(self._key(purpose, index), data, hashlib.sha256), mac):
                return key_id
        return None

    def _derive(self, purpose: str, index: int) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"gatehouse {purpose}".encode()).derive(self._secrets[index])

    def _make_cipher(self, purpose: str, index: int) -> tuple[bytes, AESGCM]:
        key = self._key(purpose, index)
        return hashlib.sha256(b"key id" + key).digest()[:_KEY_ID_BYTES], AESGCM(key)
