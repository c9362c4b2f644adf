"""The shape of a token: one spelling, bounded, no extension; keys only from the issuer."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.errors import TokenInvalid
from app.core.failure_reasons import TokenReason
from app.core.tokens.jws import MAX_TOKEN_CHARACTERS
from app.core.tokens.verifier import TokenVerifier
from tests.issuer import ABSENT, Issuer, SigningKey, b64

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return issuer.verifier()


def refuse(verifier: TokenVerifier, token: Any, *reasons: TokenReason) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verifier.access_token(token)
    assert caught.value.reason in reasons


def test_the_signature_counts(issuer: Issuer, verifier: TokenVerifier) -> None:
    head, body, tail = issuer.access_token().split(".")
    other_body = issuer.access_token(sub="auth0|eve").split(".")[1]
    flipped = ("A" if tail[0] != "A" else "B") + tail[1:]
    for token in (f"{head}.{other_body}.{tail}", f"{head}.{body}.{flipped}", f"{head}.{body}.{tail[:-8]}"):
        refuse(verifier, token, TokenReason.SIGNATURE, TokenReason.ENCODING)
    refuse(
        verifier, issuer.access_token(key=SigningKey("key-0", number=5)), TokenReason.SIGNATURE
    )  # another key under the known name


def test_unsigned_tokens(issuer: Issuer, verifier: TokenVerifier) -> None:
    head, body, tail = issuer.access_token().split(".")
    for alg in ("none", "None", "NONE", "nOnE", "", None, 0, ["RS256"], ABSENT):
        for signature in ("", tail):
            unsigned = issuer.access_token(header={"alg": alg}).rsplit(".", 1)[0]
            refuse(verifier, f"{unsigned}.{signature}", TokenReason.HEADER, TokenReason.ENCODING, TokenReason.ALGORITHM)
    refuse(verifier, f"{head}.{body}.", TokenReason.ENCODING)
    refuse(verifier, f"{head}.{body}", TokenReason.NOT_SIGNED)
    assert issuer.jwks_fetches == 0


def test_the_public_key_is_no_shared_secret(issuer: Issuer, verifier: TokenVerifier) -> None:
    public = issuer.keys[0].private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = issuer.access_token(header={"alg": "HS256"}).rsplit(".", 1)[0]
    for secret in (pem, pem.strip(), json.dumps(issuer.keys[0].jwk()).encode()):
        forged = b64(hmac.digest(secret, signing_input.encode(), hashlib.sha256))
        refuse(verifier, f"{signing_input}.{forged}", TokenReason.ALGORITHM)
    assert issuer.jwks_fetches == 0


def test_one_algorithm_per_key(issuer: Issuer) -> None:
    both = ("RS256", "PS256")
    as_rsa, as_pss = SigningKey("one", "RS256"), SigningKey("one", "PS256")
    for alg, fits, misfits in (("RS256", as_rsa, as_pss), ("PS256", as_pss, as_rsa), (ABSENT, as_rsa, as_pss)):
        issuer.published = [as_rsa.jwk(alg=alg)]
        verifier = issuer.verifier(issuer.key_set(algorithms=both), algorithms=both)
        verifier.access_token(issuer.access_token(key=fits))
        refuse(verifier, issuer.access_token(key=misfits), TokenReason.ALGORITHM)


def test_keys_in_the_header_are_ignored_and_never_fetched() -> None:
    with Issuer() as issuer:
        evil = SigningKey("key-0", number=6)
        verifier = issuer.verifier()
        lures = {
            "jku": f"{issuer.url}evil.json",
            "x5u": f"{issuer.url}evil.pem",
            "jwk": evil.jwk(),
            "x5c": [b64(b"certificate")],
        }
        for name, lure in lures.items():
            refuse(verifier, issuer.access_token(key=evil, header={name: lure}), TokenReason.SIGNATURE)
            verifier.access_token(issuer.access_token(header={name: lure}))
        assert issuer.other_requests == []


@pytest.mark.parametrize("kid", [None, 7, True, "", ["key-0"], {"a": 1}, "k" * 257])
def test_key_ids_are_typed_and_bounded(issuer: Issuer, verifier: TokenVerifier, kid: Any) -> None:
    refuse(verifier, issuer.access_token(header={"kid": kid}), TokenReason.KEY_ID)
    assert issuer.jwks_fetches == 0


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "k\x00", "http://127.0.0.1/", "💥"])
def test_key_ids_are_opaque(issuer: Issuer, verifier: TokenVerifier, kid: str) -> None:
    refuse(verifier, issuer.access_token(header={"kid": kid}), TokenReason.KEY_UNKNOWN)
    issuer.published = [issuer.keys[0].jwk(kid=kid)]
    issuer.verifier().access_token(issuer.access_token(header={"kid": kid}))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"enc": "A128GCM"},
        {"cty": "JWT"},
    ],
)
def test_extensions_are_refused(issuer: Issuer, verifier: TokenVerifier, header: dict[str, Any]) -> None:
    refuse(verifier, issuer.access_token(header=header), TokenReason.EXTENSION)
    assert issuer.jwks_fetches == 0


def test_other_serializations(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.access_token()
    head, body, tail = token.split(".")
    flat = {"protected": head, "payload": body, "signature": tail}
    nested = issuer.sign(token.encode())
    quoted = issuer.sign(json.dumps(token).encode())
    others: list[tuple[Any, TokenReason]] = [
        (json.dumps(flat), TokenReason.NOT_SIGNED),
        (json.dumps({"payload": body, "signatures": [flat]}), TokenReason.NOT_SIGNED),
        (f"{head}.{body}.{tail}.{tail}.{tail}", TokenReason.NOT_SIGNED),
        (f"{head}..{tail}", TokenReason.ENCODING),
        (f".{body}.{tail}", TokenReason.ENCODING),
        ("..", TokenReason.ENCODING),
        ("", TokenReason.SIZE),
        (nested, TokenReason.JSON),
        (quoted, TokenReason.JSON),
        (token.encode(), TokenReason.SIZE),
        (None, TokenReason.SIZE),
        (7, TokenReason.SIZE),
        ([token], TokenReason.SIZE),
    ]
    for other, reason in others:
        refuse(verifier, other, reason)
    assert issuer.jwks_fetches == 0


def test_one_spelling_only(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.access_token()
    verifier.access_token(token)
    spoiled = 0
    parts = token.split(".")
    for index, part in enumerate(parts):
        respelled = [part + "=", part + "==", part + "\n", " " + part, part + "\u00e9", part.replace("_", "/", 1) + "+"]
        spare = {2: 16, 3: 4}.get(len(part) % 4, 1)  # how many last characters decode to the same bytes
        last = ALPHABET.index(part[-1])
        respelled += [part[:-1] + ALPHABET[last + more] for more in range(1, spare)]
        for other in respelled:
            refuse(
                verifier,
                ".".join([*parts[:index], other, *parts[index + 1 :]]),
                TokenReason.ENCODING,
                TokenReason.NOT_SIGNED,
                TokenReason.SIZE,
            )
            spoiled += 1
    assert spoiled > 18  # some second spellings of the last character were among them
    for blank in ("\n", " ", "\t", "\x00", "\ufeff"):
        refuse(verifier, token + blank, TokenReason.NOT_SIGNED, TokenReason.SIZE)
        refuse(verifier, blank + token, TokenReason.NOT_SIGNED, TokenReason.SIZE)


def test_standard_base64_is_another_alphabet(issuer: Issuer, verifier: TokenVerifier) -> None:
    number = 0
    while True:  # until the signature holds a character in which the two alphabets differ
        token = issuer.access_token(jti=str(number))
        if "-" in token or "_" in token:
            break
        number += 1
    refuse(verifier, token.replace("-", "+").replace("_", "/"), TokenReason.NOT_SIGNED)


def test_size_is_bounded_before_anything_is_read(issuer: Issuer, verifier: TokenVerifier) -> None:
    def of_size(filler: int) -> str:
        return issuer.access_token(filler="x" * filler)

    filler = (MAX_TOKEN_CHARACTERS - len(of_size(0))) * 3 // 4
    assert MAX_TOKEN_CHARACTERS - 8 < len(of_size(filler)) <= MAX_TOKEN_CHARACTERS
    verifier.access_token(of_size(filler))
    refuse(verifier, of_size(filler + 9), TokenReason.SIZE)
    assert issuer.jwks_fetches == 1


@pytest.mark.parametrize("depth", [15, 100_00])
@pytest.mark.parametrize("shape", ["list", "object", "header"])
def test_nesting_is_bounded(issuer: Issuer, verifier: TokenVerifier, depth: int, shape: str) -> None:
    deep = "[" * depth + "]" * depth if shape == "list" else '{"a":' * (depth // 4) + "1" + "}" * (depth // 4)
    if shape == "header":
        header = f'{{"alg":"RS256","kid":"key-0","deep":{deep}}}'.encode()
        token = issuer.sign(issuer.claims(aud=issuer.audience), header=header)
    else:
        token = issuer.sign((json.dumps(issuer.claims(aud=issuer.audience))[:-1] + f', "deep": {deep}}}').encode())
    if depth == 15:
        verifier.access_token(token)
    else:
        refuse(verifier, token, TokenReason.SIZE)


def test_brackets_in_texts_and_beside_each_other_are_no_nesting(issuer: Issuer, verifier: TokenVerifier) -> None:
    access = verifier.access_token(issuer.access_token(note='[{"\\' * 40, flat=[[]] * 40))
    assert access.client_id == issuer.client_id
    refuse(verifier, issuer.access_token(note='"', deep=json.loads("[" * 20 + "]" * 20)), TokenReason.NESTED)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", TokenReason.ENCODING),
        (b"{}", TokenReason.ISSUER),
        (b"[]", TokenReason.JSON),
        (b"null", TokenReason.JSON),
        (b'"text"', TokenReason.JSON),
        (b"{", TokenReason.JSON),
        (b"\xff\xfe{}", TokenReason.JSON),
        (b"\xef\xbb\xbf{}", TokenReason.JSON),
        (b"{'iss': 1}", TokenReason.JSON),
        ("{}".encode("utf-16"), TokenReason.JSON),
    ],
)
def test_payloads_that_are_no_claims(
    issuer: Issuer, verifier: TokenVerifier, payload: bytes, reason: TokenReason
) -> None:
    refuse(verifier, issuer.sign(payload), reason)
    as_header = TokenReason.HEADER if reason is TokenReason.ISSUER else reason
    refuse(verifier, issuer.sign(issuer.claims(aud=issuer.audience), header=payload), as_header)
    assert issuer.jwks_fetches == 0


def test_no_name_twice(issuer: Issuer, verifier: TokenVerifier) -> None:
    claims = json.dumps(issuer.claims(aud=issuer.audience))[:-1]
    verifier.access_token(issuer.sign((claims + "}").encode()))
    refuse(verifier, issuer.sign((claims + ', "sub": "auth0|eve"}').encode()), TokenReason.JSON)
    refuse(verifier, issuer.sign((claims + ', "s\\u0075b": "auth0|eve"}').encode()), TokenReason.JSON)
    refuse(verifier, issuer.sign((claims + ', "a": {"b": 1, "b": 2}}').encode()), TokenReason.JSON)
    twice = b'{"alg": "none", "alg": "RS256", "kid": "key-0"}'
    refuse(verifier, issuer.sign((claims + "}").encode(), header=twice), TokenReason.JSON)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1" * 21, "1" * 5000])
def test_numbers_are_bounded_wherever_they_are(issuer: Issuer, verifier: TokenVerifier, number: str) -> None:
    claims = json.dumps(issuer.claims(aud=issuer.audience))[:-1]
    refuse(verifier, issuer.sign(f'{claims}, "any": {number}}}'.encode()), TokenReason.JSON)
    assert issuer.jwks_fetches == 0


def test_an_escape_outside_of_a_text_is_no_json(issuer: Issuer, verifier: TokenVerifier) -> None:
    brackets = b"[]," * 40
    refuse(verifier, issuer.sign(b'{"a": [' + brackets + b"\\n 1]}"), TokenReason.JSON)
