"""What was verified is remembered a minute at most, never past its end, never past a change of keys."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from app.core.errors import TokenExpired, TokenInvalid
from app.core.tokens.cache import TokenCache
from app.core.tokens.hashes import token_hash
from app.core.tokens.key_set import KeySet
from app.core.tokens.verifier import TokenVerifier
from tests.issuer import Issuer, SigningKey

NOW = 1_800_000_000.0


class Time:
    """Seconds for key sets, aware UTC for verifiers. No ``FakeClock``: it is set to literal moments, also backwards."""

    def __init__(self) -> None:
        self.now = NOW

    def seconds(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


class Counting:
    """Counts the signatures that are checked."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self.checks = 0
        self._check = verifier._algorithms["RS256"].verify
        verifier._algorithms["RS256"] = self  # type: ignore[assignment] # a spy in PyJWT's place

    def verify(self, data: bytes, key: object, signature: bytes) -> bool:
        self.checks += 1
        return self._check(data, key, signature)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def issuer(time: Time) -> Issuer:
    return Issuer(clock=time.seconds)


@pytest.fixture
def keys(issuer: Issuer, time: Time) -> KeySet:
    return issuer.key_set(clock=time.seconds)


@pytest.fixture
def verifier(issuer: Issuer, keys: KeySet, time: Time) -> TokenVerifier:
    return issuer.verifier(keys, clock=time.utc, leeway_seconds=0)


def test_a_token_seen_before_costs_no_signature(issuer: Issuer, verifier: TokenVerifier) -> None:
    spy, token = Counting(verifier), issuer.access_token()
    first = verifier.access_token(token)
    assert [verifier.access_token(token) for _ in range(20)] == [first] * 20
    assert spy.checks == 1
    assert issuer.jwks_fetches == 1


def test_for_a_minute(issuer: Issuer, verifier: TokenVerifier, time: Time) -> None:
    spy, token = Counting(verifier), issuer.access_token()
    for now, checks in ((NOW, 1), (NOW + 59.9, 1), (NOW + 60, 2), (NOW + 119, 2), (NOW + 121, 3)):
        time.now = now
        verifier.access_token(token)
        assert spy.checks == checks


def test_never_past_its_end(issuer: Issuer, verifier: TokenVerifier, time: Time) -> None:
    token = issuer.access_token(exp=NOW + 20)
    verifier.access_token(token)
    time.now = NOW + 19.9
    verifier.access_token(token)
    time.now = NOW + 20
    with pytest.raises(TokenExpired):
        verifier.access_token(token)


def test_a_token_in_its_leeway_is_remembered_too(issuer: Issuer, keys: KeySet, time: Time) -> None:
    verifier = issuer.verifier(keys, clock=time.utc, leeway_seconds=30)
    spy, token = Counting(verifier), issuer.access_token(exp=NOW + 10)
    for now in (NOW, NOW + 39.9):
        time.now = now
        assert verifier.access_token(token).digest == token_hash(token)
    assert spy.checks == 1
    time.now = NOW + 40
    with pytest.raises(TokenExpired):
        verifier.access_token(token)


def test_a_value_of_the_first_generation_is_cached() -> None:
    cache: TokenCache[int] = TokenCache()
    cache.put(b"digest", 7, 0, added_at=0, expires_at=99)
    assert cache.get(b"digest", 0, 1) == 7


def test_never_under_a_clock_set_back(issuer: Issuer, verifier: TokenVerifier, time: Time) -> None:
    token = issuer.access_token()
    verifier.access_token(token)
    time.now = NOW - 1
    with pytest.raises(TokenInvalid):  # issued in the future, as this clock has it
        verifier.access_token(token)


def test_never_past_a_change_of_keys(issuer: Issuer, verifier: TokenVerifier, keys: KeySet, time: Time) -> None:
    token = issuer.access_token()
    verifier.access_token(token)
    time.now += 6
    issuer.rotate(keep_old=False)
    verifier.access_token(issuer.access_token())  # its unknown key brings the new set
    assert keys.generation == 2
    with pytest.raises(TokenInvalid):
        verifier.access_token(token)


def test_keys_that_change_while_a_token_is_verified(
    issuer: Issuer, verifier: TokenVerifier, keys: KeySet, time: Time
) -> None:
    token = issuer.access_token()
    verifier.access_token(issuer.access_token(sub="auth0|first"))
    check, algorithm = verifier._algorithms["RS256"].verify, Counting(verifier)

    def change_then_check(data: bytes, key: object, signature: bytes) -> bool:
        algorithm.verify = lambda *_: check(data, key, signature)  # type: ignore[method-assign] # once only
        time.now += 6
        issuer.rotate(keep_old=False)
        with pytest.raises(TokenInvalid):
            keys.key("brings-the-new-set", "RS256")
        return check(data, key, signature)

    algorithm.verify = change_then_check  # type: ignore[method-assign] # the moment of change
    verifier.access_token(token)
    with pytest.raises(TokenInvalid):
        verifier.access_token(token)


def test_refusals_are_not_remembered(issuer: Issuer, verifier: TokenVerifier, time: Time) -> None:
    token = issuer.access_token(key=SigningKey("key-1", number=1))
    verifier.access_token(issuer.access_token())
    time.now += 6
    with pytest.raises(TokenInvalid):
        verifier.access_token(token)
    issuer.rotate()
    time.now += 12
    assert verifier.access_token(token).client_id == issuer.client_id


def test_another_signature_over_the_same_claims_is_another_token(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.access_token()
    verifier.access_token(token)
    with pytest.raises(TokenInvalid):
        verifier.access_token(token[:-40] + issuer.access_token(sub="x")[-40:])


def test_it_is_bounded_and_drops_the_least_recently_used() -> None:
    cache: TokenCache[int] = TokenCache(max_entries=3)
    for number in range(3):
        cache.put(bytes([number]), number, 1, added_at=0, expires_at=99)
    assert cache.get(b"\x00", 1, 1) == 0
    cache.put(b"\x03", 3, 1, added_at=0, expires_at=99)
    assert [cache.get(bytes([number]), 1, 1) for number in range(4)] == [0, None, 2, 3]
    cache.put(b"\x04", 4, 2, added_at=0, expires_at=99)
    assert len(cache) == 1
    cache.put(b"\x05", 5, 1, added_at=0, expires_at=99)  # verified with keys replaced meanwhile
    assert len(cache) == 1


def test_no_wrong_answer_under_concurrency(issuer: Issuer) -> None:
    verifier = issuer.verifier(clock=lambda: datetime.fromtimestamp(NOW, UTC))
    forger = SigningKey("key-0", number=5)
    good = {issuer.access_token(sub=f"auth0|{number}"): f"auth0|{number}" for number in range(24)}
    bad = [issuer.access_token(sub="auth0|0", key=forger, jti=str(number)) for number in range(24)]
    barrier = threading.Barrier(8)

    def work(_: int) -> int:
        wrong = 0
        barrier.wait()
        for _round in range(4):
            for (token, subject), forged in zip(good.items(), bad, strict=True):
                wrong += verifier.access_token(token).subject.subject != subject
                try:
                    verifier.access_token(forged)
                    wrong += 1
                except TokenInvalid:
                    pass
        return wrong

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 0
    assert issuer.jwks_fetches == 1
