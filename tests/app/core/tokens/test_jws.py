"""The limits of the parser, on both sides of each, and the parts that it returns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import TokenInvalid
from app.core.failure_reasons import TokenReason
from app.core.tokens.jws import MAX_TOKEN_CHARACTERS, parse, token_bytes
from tests.issuer import ABSENT, Issuer, b64


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def reason_of(token: str) -> Any:
    """Why the parser refuses a token."""
    with pytest.raises(TokenInvalid) as caught:
        parse(token_bytes(token))
    return caught.value.reason


@pytest.mark.parametrize(("brackets", "ends"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_counted_exactly_beside_other_brackets(issuer: Issuer, brackets: str, ends: str) -> None:
    """Sixteen levels, of which the claims are one; what is closed again is no level."""
    for levels in (15, 16):
        deep = json.loads(brackets * levels + "1" + ends * levels)
        token = issuer.access_token(beside=[[], {}, [[]]], deep=deep, after=[{}])
        if levels == 15:
            assert parse(token_bytes(token)).claims["deep"] == deep
        else:
            assert reason_of(token) is TokenReason.NESTED


def test_a_closed_bracket_is_one_level_less() -> None:
    deep = "[" * 12 + "[]," + "[" * 3 + "]" * 3 + "]" * 12
    deeper = "[" * 12 + "[]," + "[" * 4 + "]" * 4 + "]" * 12
    issuer = Issuer()
    assert parse(token_bytes(issuer.access_token(deep=json.loads(deep)))).claims["deep"] == json.loads(deep)
    assert reason_of(issuer.access_token(deep=json.loads(deeper))) is TokenReason.NESTED


def test_the_largest_integer_has_twenty_digits(issuer: Issuer) -> None:
    assert parse(token_bytes(issuer.access_token(number=int("9" * 20)))).claims["number"] == 10**20 - 1
    assert reason_of(issuer.access_token(number=10**20)) is TokenReason.JSON


@pytest.mark.parametrize("kid", ["k", "k" * 256])
def test_a_key_id_of_the_greatest_length_is_read(issuer: Issuer, kid: str) -> None:
    assert parse(token_bytes(issuer.access_token(header={"kid": kid}))).kid == kid


def test_a_token_of_the_greatest_size_is_read_and_one_more_character_is_not() -> None:
    assert token_bytes("a" * MAX_TOKEN_CHARACTERS) == b"a" * MAX_TOKEN_CHARACTERS
    assert reason_of("a" * (MAX_TOKEN_CHARACTERS + 1)) is TokenReason.SIZE


def test_the_parts_of_a_token_are_as_sent(issuer: Issuer) -> None:
    token = issuer.access_token(header={"typ": "AT+JWT"})
    jws = parse(token_bytes(token))
    assert (jws.alg, jws.kid, jws.typ) == ("RS256", "key-0", "at+jwt")
    assert jws.claims["sub"] == "auth0|ann"
    assert jws.signing_input == token.rpartition(".")[0].encode()
    assert b64(jws.signature) == token.rpartition(".")[2]
    bare = parse(token_bytes(issuer.access_token(header={"kid": ABSENT, "typ": ABSENT})))
    assert (bare.kid, bare.typ) == (None, "")
