"""Selecting the keys of a key set (JWKS, RFC 7517 §5) that are fit to verify signatures.

One bad key does not break the others. Only public members are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import get_algorithm_by_name

from app.core.tokens.jws import MAX_KID_CHARACTERS

PublicKey = RSAPublicKey | EllipticCurvePublicKey

MAX_KEYS: Final = 50
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
_MAX_EXPONENT: Final = 2**33

MATERIAL: Final = {"RS256": ("RSA", "n", "e"), "PS256": ("RSA", "n", "e"), "ES256": ("EC", "x", "y")}
"""Algorithm → key type and the two members that hold the key. No other algorithm is known at all."""
_NUMBER: Final = re.compile(r"[A-Za-z0-9_-]{1,2048}={0,2}")


class Key(NamedTuple):
    """One usable key."""

    kid: str | None
    alg: str
    material: tuple[str, str]
    public: PublicKey


def usable_keys(jwks: object, algorithms: Sequence[str]) -> Iterator[Key]:
    """Yield the usable keys among the first fifty entries.

    Raises:
        ValueError: if this is not a key set.
    """
    entries = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("not a key set")  # noqa: TRY004 - a wrong answer, not a wrong call
    for entry in entries[:MAX_KEYS]:
        try:
            key = _read(entry, algorithms) if isinstance(entry, Mapping) and _meant_for_us(entry) else None
        except Exception:  # noqa: BLE001 - one bad key, however bad, must not break the others
            key = None
        if key is not None:
            yield key


def _meant_for_us(jwk: Mapping[str, Any]) -> bool:
    """Whether the key is for verifying signatures; a key whose private part is published is never used."""
    return jwk.get("use", "sig") == "sig" and "verify" in list(jwk.get("key_ops", ["verify"])) and "d" not in jwk


def _read(jwk: Mapping[str, Any], algorithms: Sequence[str]) -> Key | None:
    """One key, or None if it is malformed or weak; may raise anything. Only public members are read."""
    kid, kty, named = jwk.get("kid"), jwk.get("kty"), jwk.get("alg")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID_CHARACTERS):
        return None
    alg = next((alg for alg in algorithms if MATERIAL[alg][0] == kty and (named is None or named == alg)), None)
    if alg is None:
        return None
    _, first, second = MATERIAL[alg]
    material = (jwk[first], jwk[second])
    if not all(isinstance(part, str) and _NUMBER.fullmatch(part) for part in material):
        return None
    members = {"kty": kty, "crv": jwk.get("crv"), first: material[0], second: material[1]}
    public = cast("PublicKey", get_algorithm_by_name(alg).from_jwk(members))
    return Key(kid, alg, material, public) if _strong(public, alg) else None


def _strong(key: PublicKey, alg: str) -> bool:
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and numbers.n % 2 == 1 and numbers.e < _MAX_EXPONENT
    return alg == "ES256" and key.curve.name == "secp256r1"
