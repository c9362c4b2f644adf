"""How strong a published key must be, on both sides of each limit, and what is read of it."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.core.tokens.jwks import MAX_KEYS, Key, usable_keys
from tests.issuer import ABSENT, SigningKey, b64

ALGORITHMS = ("RS256", "PS256", "ES256")


def number(value: int) -> str:
    """A number as base64url (RFC 7518 §2, Base64urlUInt)."""
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def usable(*published: Any, algorithms: tuple[str, ...] = ALGORITHMS) -> list[Key]:
    return list(usable_keys({"keys": list(published)}, algorithms))


@pytest.mark.parametrize(("bits", "fit"), [(2047, False), (2048, True), (4096, True), (8192, True), (8193, False)])
def test_the_size_of_an_rsa_key(bits: int, fit: bool) -> None:
    odd = (1 << (bits - 1)) + 1
    assert len(usable(SigningKey("key").jwk(n=number(odd)))) == fit
    assert usable(SigningKey("key").jwk(n=number(odd + 1))) == []


@pytest.mark.parametrize(("exponent", "fit"), [(3, True), (65537, True), (2**33 - 1, True), (2**33 + 1, False)])
def test_the_exponent_of_an_rsa_key(exponent: int, fit: bool) -> None:
    assert len(usable(SigningKey("key").jwk(e=number(exponent)))) == fit


def test_a_key_has_its_id_algorithm_and_material() -> None:
    rsa, elliptic = SigningKey("rsa"), SigningKey(None, "ES256")
    first, second = usable(rsa.jwk(), elliptic.jwk())
    assert (first.kid, first.alg, first.material) == ("rsa", "RS256", (rsa.jwk()["n"], "AQAB"))
    assert first.public.public_numbers() == rsa.private.public_key().public_numbers()
    point = elliptic.jwk()
    assert (second.kid, second.alg, second.material) == (None, "ES256", (point["x"], point["y"]))
    assert second.public.public_numbers() == elliptic.private.public_key().public_numbers()


@pytest.mark.parametrize("suffix", ["\n", " ", "+", "====", "\u00e9"])
def test_a_number_has_one_spelling(suffix: str) -> None:
    """The library would ignore what is not base64url."""
    published = SigningKey("key").jwk()
    assert usable(published | {"n": published["n"] + suffix}) == []
    assert usable(published | {"e": published["e"] + suffix}) == []


def test_a_key_of_another_curve_is_none_for_es256() -> None:
    other = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    published = {"kty": "EC", "crv": "P-384", "x": number(other.x), "y": number(other.y), "kid": "other"}
    assert usable(published) == usable(published | {"alg": "ES256"}) == []


@pytest.mark.parametrize(("kid", "fit"), [("k", True), ("k" * 256, True), ("k" * 257, False), ("", False), (7, False)])
def test_the_length_of_a_key_id(kid: Any, fit: bool) -> None:
    assert len(usable(SigningKey("key").jwk(kid=kid))) == fit


def test_only_algorithms_that_are_asked_for_are_read() -> None:
    published = [SigningKey("rs").jwk(), SigningKey("ps", "PS256").jwk(), SigningKey("es", "ES256").jwk()]
    for alg, kid in (("RS256", "rs"), ("PS256", "ps"), ("ES256", "es")):
        assert [(key.kid, key.alg) for key in usable(*published, algorithms=(alg,))] == [(kid, alg)]


def test_a_key_without_algorithm_has_the_first_that_fits() -> None:
    anything = SigningKey("key").jwk(alg=ABSENT)
    assert [key.alg for key in usable(anything)] == ["RS256"]
    assert [key.alg for key in usable(anything, algorithms=("ES256", "PS256", "RS256"))] == ["PS256"]


def test_bad_keys_end_nothing_and_fifty_are_read() -> None:
    good = SigningKey("key").jwk()
    assert len(usable(None, 7, {}, good, {"kty": "RSA"}, good)) == 2
    assert len(usable(*[good] * (MAX_KEYS + 5))) == MAX_KEYS
    assert len(usable(*[None] * (MAX_KEYS - 1), good, good)) == 1


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, "keys"])
def test_anything_else_is_no_key_set(document: Any) -> None:
    with pytest.raises(ValueError, match=r"^not a key set$"):
        list(usable_keys(document, ALGORITHMS))
