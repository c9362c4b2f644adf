"""Which published keys count: bad ones are skipped and break no other; one algorithm per key."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.errors import TokenInvalid
from app.core.failure_reasons import TokenReason
from app.core.tokens.jwks import MAX_KEYS
from app.core.tokens.key_set import KeySet
from tests.issuer import ABSENT, Issuer, SigningKey, b64

WEAK = SigningKey("weak", number=9, bits=1024)
EC = SigningKey("ec", "ES256")
BAD: dict[str, Any] = {
    "weak": WEAK.jwk(),
    "for encryption": SigningKey("bad").jwk(use="enc"),
    "use of the wrong type": SigningKey("bad").jwk(use=["sig"]),
    "for signing only": SigningKey("bad").jwk(key_ops=["sign"]),
    "operations of the wrong type": SigningKey("bad").jwk(key_ops="verify"),
    "operations null": SigningKey("bad").jwk(key_ops=None),
    "another algorithm": SigningKey("bad").jwk(alg="RS512"),
    "no signature algorithm": SigningKey("bad").jwk(alg="RSA-OAEP"),
    "algorithm of the wrong type": SigningKey("bad").jwk(alg=["RS256"]),
    "algorithm of another key type": SigningKey("bad").jwk(alg="ES256"),
    "another key type": SigningKey("bad").jwk(kty="EC"),
    "key type missing": SigningKey("bad").jwk(kty=ABSENT),
    "key type unhashable": SigningKey("bad").jwk(kty={}),
    "a shared secret": {"kty": "oct", "kid": "bad", "alg": "RS256", "k": b64(b"x" * 64)},
    "private part published": SigningKey("bad").jwk(d="AQAB"),
    "modulus missing": SigningKey("bad").jwk(n=ABSENT),
    "modulus a number": SigningKey("bad").jwk(n=7),
    "modulus not base64url": SigningKey("bad").jwk(n="+" * 400),
    "modulus even": SigningKey("bad").jwk(n=b64(b"\xf0" * 256)),
    "modulus enormous": SigningKey("bad").jwk(n=b64(b"\xf1" * 1500)),
    "exponent one": SigningKey("bad").jwk(e="AQ"),
    "exponent enormous": SigningKey("bad").jwk(e=b64(b"\xf1" * 64)),
    "kid a number": SigningKey("bad").jwk(kid=7),
    "kid empty": SigningKey("bad").jwk(kid=""),
    "kid too long": SigningKey("bad").jwk(kid="k" * 257),
    "point off the curve": EC.jwk(kid="bad", x=b64(b"\x01" * 32)),
    "point too short": EC.jwk(kid="bad", x="AQAB"),
    "another curve": EC.jwk(kid="bad", crv="P-384"),
    "curve missing": EC.jwk(kid="bad", crv=ABSENT),
    "no object": 7,
    "null": None,
}


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def same(key: Any, signer: SigningKey) -> bool:
    return bool(key.public_numbers() == signer.private.public_key().public_numbers())


def unknown(keys: KeySet, kid: str | None, reason: TokenReason = TokenReason.KEY_UNKNOWN) -> None:
    with pytest.raises(TokenInvalid) as caught:
        keys.key(kid, "RS256")
    assert caught.value.reason is reason


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_key_is_unusable_and_breaks_no_other(issuer: Issuer, bad: Any) -> None:
    algorithms = ("RS256", "PS256", "ES256")
    issuer.published = [bad, EC.jwk(), issuer.keys[0].jwk()]
    keys = issuer.key_set(algorithms=algorithms, cooldown_seconds=0, unknown_fetch_seconds=0)
    assert same(keys.key("key-0", "RS256"), issuer.keys[0])
    assert same(keys.key("ec", "ES256"), EC)
    for kid in ("bad", "weak", "", "k" * 257):
        for alg in algorithms:
            with pytest.raises(TokenInvalid):
                keys.key(kid, alg)
    assert same(keys.key(None, "RS256"), issuer.keys[0])  # it does not even count


@pytest.mark.parametrize(
    "members",
    [{"use": ABSENT}, {"alg": ABSENT}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"]}, {"x5c": ["junk"]}],
)
def test_good_keys_may_say_less_or_more(issuer: Issuer, members: dict[str, Any]) -> None:
    issuer.published = [issuer.keys[0].jwk(**members)]
    assert same(issuer.key_set().key("key-0", "RS256"), issuer.keys[0])


def test_one_algorithm_per_key(issuer: Issuer) -> None:
    issuer.published = [
        SigningKey("any").jwk(alg=ABSENT),
        SigningKey("pss", "PS256", 1).jwk(),
        SigningKey("rsa", number=2).jwk(),
    ]
    keys = issuer.key_set(algorithms=("PS256", "RS256"))
    for kid, alg in (("any", "PS256"), ("pss", "PS256"), ("rsa", "RS256")):
        keys.key(kid, alg)
        with pytest.raises(TokenInvalid) as caught:
            keys.key(kid, "RS256" if alg == "PS256" else "PS256")
        assert caught.value.reason is TokenReason.ALGORITHM


def test_fifty_keys_at_most(issuer: Issuer) -> None:
    issuer.published = [issuer.keys[0].jwk(kid=f"key-{number}") for number in range(MAX_KEYS + 1)]
    keys = issuer.key_set(cooldown_seconds=0)
    keys.key(f"key-{MAX_KEYS - 1}", "RS256")
    unknown(keys, f"key-{MAX_KEYS}")


def test_without_key_id_a_lone_key_is_taken_and_of_several_none(issuer: Issuer) -> None:
    now = [0.0]
    keys = issuer.key_set(algorithms=("RS256", "ES256"), clock=lambda: now[0])
    issuer.published = [SigningKey(None).jwk(), EC.jwk(), WEAK.jwk()]
    assert same(keys.key(None, "RS256"), SigningKey(None))
    assert same(keys.key(None, "ES256"), EC)
    issuer.published = [SigningKey("a").jwk(), SigningKey("b", number=1).jwk()]
    several = issuer.key_set(clock=lambda: now[0])
    several.key("a", "RS256")
    now[0] += 100
    fetches = issuer.jwks_fetches
    unknown(several, None, TokenReason.KEY_UNNAMED)
    assert issuer.jwks_fetches == fetches


def test_the_first_of_two_keys_with_one_id_counts(issuer: Issuer) -> None:
    issuer.published = [SigningKey("one").jwk(), SigningKey("one", number=1).jwk(), EC.jwk(kid="one")]
    keys = issuer.key_set(algorithms=("RS256", "ES256"))
    assert same(keys.key("one", "RS256"), SigningKey("one"))
    assert same(keys.key("one", "ES256"), EC)
