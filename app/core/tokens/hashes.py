"""Hashes of tokens, and their comparison in constant time."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256


def token_hash(token: str) -> bytes:
    """Return the SHA-256 by which a token is recognized without being stored."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def at_hash(access_token: str) -> str:
    """Return ``at_hash`` (OIDC Core §3.1.3.6) for the supported algorithms, which all use SHA-256."""
    return base64.urlsafe_b64encode(token_hash(access_token)[:16]).rstrip(b"=").decode("ascii")


def constant_time_equal(value: object, expected: str) -> bool:
    """Compare in constant time; a value that is not a string never equals ``expected``."""
    if not isinstance(value, str):
        return False
    return hmac.compare_digest(value.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))
